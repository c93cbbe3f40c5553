"""Faults of PgBouncer and of PostgreSQL, under constant load: what fails, hangs, and comes back.

A request that is in PgBouncer or PostgreSQL when the fault hits is lost with its transaction:
nobody may run that again. Every other one has to succeed, also one that begins while the server is
away.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from pgconnections import embedded
from pgconnections.embedded import Server
from pgconnections.settings import DATABASES
from tests.service import Reply, Service, Watch, running_service

from tests import pooler

CLIENTS = 12
# Seconds: query_wait_timeout of PgBouncer, and PATIENCE and one more attempt of the backend.
BOUND = 30
# Seconds of the clock after the server is there again.
BACK = 1


class Proxy:
    """Stands before a server; while it is stopped no byte passes, as where a network drops all."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.open = threading.Event()
        self.open.set()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=[client], daemon=True).start()

    def serve(self, client: socket.socket) -> None:
        self.open.wait()
        server = socket.create_connection(("127.0.0.1", self.target))
        for pair in ((client, server), (server, client)):
            threading.Thread(target=self.pipe, args=pair, daemon=True).start()

    def pipe(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self.open.wait()
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@dataclass
class Lab:
    """All that can be broken."""

    postgres: Server
    proxy: Proxy
    bouncer: pooler.Pooler

    def pg_ctl(self, *arguments: str) -> None:
        embedded.run("pg_ctl", "-D", self.postgres.data, "-w", *arguments)


# When the fault had hit all that it can hit, and when the server was there again.
Times = tuple[float, float]
now = time.monotonic


def sessions_terminated(lab: Lab) -> Times:
    watch = Watch(lab.postgres)
    watch.terminate_all()
    watch.connection.close()
    return now(), now()


def pgbouncer_restarted(lab: Lab) -> Times:
    lab.bouncer.stop()
    hit = now()
    lab.bouncer.run()
    return hit, now()


def pgbouncer_killed(lab: Lab) -> Times:
    lab.bouncer.process.kill()
    lab.bouncer.process.wait()
    hit = now()
    time.sleep(1)
    lab.bouncer.run()
    return hit, now()


def postgresql_restarted(lab: Lab) -> Times:
    lab.pg_ctl("-m", "fast", "stop")
    hit = now()
    lab.pg_ctl("restart")  # starts it again with the same options
    return hit, now()


def postgresql_crashed(lab: Lab) -> Times:
    lab.pg_ctl("-m", "immediate", "stop")
    hit = now()
    time.sleep(2)
    lab.pg_ctl("restart")
    return hit, now()


def network_black_hole(lab: Lab) -> Times:
    hit = now()
    lab.proxy.open.clear()
    time.sleep(10)
    lab.proxy.open.set()
    return hit, now()


FAULTS: dict[str, Callable[[Lab], Times]] = {
    "all server sessions terminated": sessions_terminated,
    "PgBouncer restarted": pgbouncer_restarted,
    "PgBouncer killed, 1 s away": pgbouncer_killed,
    "PostgreSQL restarted": postgresql_restarted,
    "PostgreSQL crashed, 2 s away": postgresql_crashed,
    "network to PostgreSQL dead for 10 s": network_black_hole,
}


@pytest.fixture(scope="module")
def lab(postgres: Server) -> Iterator[Lab]:
    proxy = Proxy(postgres.port)
    bouncer = pooler.start(postgres)
    yield Lab(postgres, proxy, bouncer)
    bouncer.remove()


@pytest.fixture(scope="module")
def service(lab: Lab) -> Iterator[Service]:
    with running_service(DATABASE_URL=lab.bouncer.url()) as service:
        yield service


@dataclass(frozen=True)
class Timed:
    begun: float
    ended: float
    reply: Reply


@contextlib.contextmanager
def constant_load(service: Service) -> Iterator[list[Timed]]:
    """Clients that ask again as soon as they have their answer."""
    seen: list[Timed] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            begun = now()
            reply = service.get("/backend")
            seen.append(Timed(begun, now(), reply))

    clients = [threading.Thread(target=ask) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    try:
        yield seen
    finally:
        done.set()
        for client in clients:
            client.join()


@pytest.mark.parametrize("fault", FAULTS)
def test_fault(fault: str, lab: Lab, service: Service, report: list[str]) -> None:
    if fault == "network to PostgreSQL dead for 10 s":
        move(lab, lab.proxy.port)
    with constant_load(service) as seen:
        time.sleep(1)
        hit, back = FAULTS[fault](lab)
        time.sleep(3)

    failed = [each for each in seen if each.reply.status != 200]
    lost = [each for each in failed if each.begun <= hit]
    served = [each.ended for each in seen if each.reply.status == 200 and each.ended > back]
    longest = max(each.ended - each.begun for each in seen)
    report.append(
        f"| {fault} | {len(seen)} | {len(lost)} | {len(failed) - len(lost)} "
        f"| {longest:.2f} | {max(0, min(served) - back):.2f} |"
    )
    assert len(failed) == len(lost)
    assert len(lost) <= CLIENTS
    assert longest < BOUND
    assert min(served) - back < BACK


def move(lab: Lab, port: int) -> None:
    """Let PgBouncer reach PostgreSQL through this port."""
    file = lab.bouncer.folder / "pgbouncer.ini"
    text = file.read_text()
    file.write_text(text.replace(f"port={lab.postgres.port}", f"port={port}"))
    lab.bouncer.restart()


def test_a_wrong_password_is_told_at_once(lab: Lab) -> None:
    """Patience is for a server that was there before."""
    url = lab.bouncer.url().replace(pooler.PASSWORD, "wrong")
    with running_service(DATABASE_URL=url) as service:
        reply = service.get("/health/ready")

    assert reply.status == 503
    # A pool finds out in the background, and its clients wait for its timeout.
    assert reply.seconds < (BOUND if "pool" in DATABASES["default"]["OPTIONS"] else 5)
