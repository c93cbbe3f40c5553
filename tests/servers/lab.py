"""A web server as production starts it, and clients that are no browsers."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pgconnections.settings import BUDGET
from tests.postgres import Server, answers, free_port
from tests.service import PROJECT

SERVER = os.environ["SERVER"]
# An event loop waits for clients there; in gunicorn's threads they do it themselves.
LOOP = SERVER != "wsgi-gunicorn"
ALL = BUDGET.processes * BUDGET.threads
# Seconds within which an ordinary request has to be answered, whatever others do.
SOON = 2
CLIENTS = 24


def request(path: str, *fields: str, method: str = "GET", body: bytes = b"") -> bytes:
    """A request that ends its connection."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", "Connection: close", *fields, "", ""]
    return "\r\n".join(lines).encode() + body


@dataclass
class Running:
    """A web server; `log` has all that it prints."""

    process: subprocess.Popen
    port: int
    log: Path

    def workers(self) -> set[int]:
        """Its processes, besides the first."""
        first = self.process.pid
        children = Path(f"/proc/{first}/task/{first}/children")
        return {int(pid) for pid in children.read_text().split()} if children.exists() else set()

    def send(self, sent: bytes, timeout: float = 10, host: str = "127.0.0.1") -> bytes:
        """All that comes back, or nothing where it does not in time."""
        received = b""
        with contextlib.suppress(OSError):
            with socket.create_connection((host, self.port), timeout) as connection:
                connection.settimeout(timeout)
                connection.sendall(sent)
                while chunk := connection.recv(65536):
                    received += chunk
        return received

    def status(self, path: str, *fields: str, timeout: float = 10) -> int:
        """0 where there is no answer in time."""
        words = self.send(request(path, *fields), timeout).split(maxsplit=2)
        return int(words[1]) if words else 0

    def answered(self, path: str, requests: int) -> int:
        """How many of these requests, one after the other, are answered soon; three that are not
        are enough to know."""
        good = bad = 0
        while good + bad < requests and bad < 3:
            if self.status(path, timeout=SOON) == 200:
                good += 1
            else:
                bad += 1
        return good

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait, for as long as a busy machine may need."""
        end = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < end, f"{what} does not happen:\n{self.log.read_text()}"
            time.sleep(0.05)

    def replaced(self, before: set[int]) -> bool:
        """Whether there are as many workers as before, and another one among them."""
        now = self.workers()
        return len(now) == len(before) and now != before and self.status("/health/live") == 200


@contextlib.contextmanager
def running(log: Path, *options: str, **environment: str) -> Iterator[Running]:
    """Start it by the one command; the context ends it."""
    port = free_port()
    environment = {
        "DJANGO_SETTINGS_MODULE": "tests.server_settings", "PORT": str(port), **environment,
    }  # fmt: skip
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "pgconnections.serve", *options],
            cwd=PROJECT,
            env=os.environ | environment,
            stdout=out,
            stderr=out,
        )
    server = Running(process, port, log)
    try:
        server.until(lambda: answers(port) and server.status("/health/live") == 200, "the start")
        yield server
    finally:
        process.send_signal(signal.SIGQUIT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        for pid in server.workers():  # what hangs
            os.kill(pid, signal.SIGKILL)
        process.kill()
        process.wait()


class Load:
    """Clients that ask again as soon as they have their answer: on a new connection each time, or
    on one that they keep. One that the server closes between two requests loses nothing."""

    def __init__(self, port: int, *, keep: bool, path: str = "/query") -> None:
        self.port, self.keep, self.path = port, keep, path
        self.seen: Counter[str] = Counter()
        self.done = threading.Event()
        self.threads = [threading.Thread(target=self.client) for _ in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def client(self) -> None:
        connection = None
        while not self.done.is_set():
            connection = connection or http.client.HTTPConnection("127.0.0.1", self.port, 40)
            fresh = connection.sock is None
            try:
                if fresh:
                    connection.connect()
            except OSError:  # nobody listens: a load balancer would take another instance
                self.seen["refused"] += 1
                time.sleep(0.02)
                continue
            try:
                closing = {} if self.keep else {"Connection": "close"}
                connection.request("GET", self.path, headers={"Host": "localhost", **closing})
                answer = connection.getresponse()
                answer.read()
                self.seen["answered" if answer.status == 200 else "failed"] += 1
            except (OSError, http.client.HTTPException):
                # A kept one that ended while nothing was on its way is asked again by any proxy.
                self.seen["lost" if fresh else "closed"] += 1
                connection.close()
                connection = None
        if connection:
            connection.close()

    def end(self) -> Counter[str]:
        self.done.set()
        for thread in self.threads:
            thread.join()
        return self.seen


@contextlib.contextmanager
def drip(port: int, *beginnings: bytes, each: int = 64) -> Iterator[None]:
    """So many clients with each of these beginnings, which send a byte now and then for ever."""
    sockets = []
    for beginning in each * beginnings:
        sockets.append(socket.create_connection(("127.0.0.1", port), 10))
        sockets[-1].sendall(beginning)
    done = threading.Event()

    def send() -> None:
        while not done.wait(0.5):
            for connection in sockets:
                with contextlib.suppress(OSError):
                    connection.send(b"x")

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        for connection in sockets:
            connection.close()


def told(server: Running, path: str, *fields: str, method: str = "GET", body: bytes = b"") -> dict:
    """What the view says that it was told."""
    answer = server.send(request(path, *fields, method=method, body=body))
    return json.loads(answer.partition(b"\r\n\r\n")[2] or b"{}")


@pytest.fixture(scope="module")
def server(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One for all tests that leave it as it is."""
    folder = tmp_path_factory.mktemp("server")
    with running(folder / "log", MARKS=str(folder / "marks")) as server:
        yield server
