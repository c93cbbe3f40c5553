"""Clients that ask all the time, and a network that can be stopped."""

from __future__ import annotations

import contextlib
import socket
import statistics
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

from tests.service import Reply, Service

now = time.monotonic
CLIENTS = 12


class Proxy:
    """Stands before a server; while it is stopped no byte passes, as where a network drops all."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.open = threading.Event()
        self.open.set()
        self.accepted = 0  # how often somebody tried to connect
        self.pairs: list[tuple[socket.socket, socket.socket]] = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        while True:
            client, _ = self.listener.accept()
            self.accepted += 1
            threading.Thread(target=self.serve, args=[client], daemon=True).start()

    def serve(self, client: socket.socket) -> None:
        self.open.wait()
        try:
            server = socket.create_connection(("127.0.0.1", self.target))
        except OSError:  # nobody is there, as the client is told
            client.close()
            return
        self.pairs.append((client, server))
        for pair in ((client, server), (server, client)):
            threading.Thread(target=self.pipe, args=pair, daemon=True).start()

    def cut(self) -> None:
        """End all connections."""
        while self.pairs:
            for end in self.pairs.pop():
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def pipe(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self.open.wait()
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@dataclass(frozen=True)
class Timed:
    begun: float
    ended: float
    reply: Reply


def recovery(seen: list[Timed], hit: float, back: float) -> float:
    """When the first request is served again, in times that one took before the fault:
    a busy machine needs longer for both."""
    usual = statistics.median(each.ended - each.begun for each in seen if each.ended < hit)
    served = min(each.ended for each in seen if each.reply.status == 200 and each.ended > back)
    return (served - back) / usual


@contextlib.contextmanager
def constant_load(
    service: Service, path: str = "/backend", count: int = CLIENTS
) -> Iterator[list[Timed]]:
    """Clients that ask again as soon as they have their answer."""
    seen: list[Timed] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            begun = now()
            reply = service.get(path)
            seen.append(Timed(begun, now(), reply))

    clients = [threading.Thread(target=ask) for _ in range(count)]
    for client in clients:
        client.start()
    try:
        yield seen
    finally:
        done.set()
        for client in clients:
            client.join()
