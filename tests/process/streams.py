"""Responses that stream."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from pgconnections.settings import BUDGET
from tests.lab import ENGINE, MOST
from tests.postgres import Server
from tests.service import Service, running_service
from tests.views import CHUNKS

pytest_plugins = ["tests.lab"]
ALL = BUDGET.processes * MOST


def sizes() -> dict[str, str]:
    """More threads than connections, where a pool has these."""
    if ENGINE == "pgconnections.bounded":
        return {}
    return {"WEB_THREADS": "16", "DATABASE_LIMIT": str(ALL + BUDGET.reserved + BUDGET.other)}


@pytest.fixture(scope="module")
def service(postgres: Server) -> Iterator[Service]:
    with running_service(DJANGO_SETTINGS_MODULE="tests.views", **sizes()) as service:
        yield service


def read(service: Service, kind: str) -> list[str]:
    """All chunks of a stream."""
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
    connection.request("GET", f"/stream/{kind}", headers={"Host": "localhost"})
    return connection.getresponse().read().decode().splitlines()


def test_a_stream_holds_no_connection(service: Service) -> None:
    with ExitStack() as open_ones:
        for _ in range(2 * ALL):
            client = socket.create_connection(("127.0.0.1", service.port))
            open_ones.enter_context(client)
            client.sendall(b"GET /stream/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert client.recv(1000).startswith(b"HTTP/1.1 200")
        others = service.load("/query", 32, 16)
        probes = [service.get(f"/health/{name}").status for name in ("live", "ready")]

    assert [reply.status for reply in others] == [200] * 32
    assert probes == [200, 200]


@pytest.mark.parametrize("kind", ["rows", "transaction"])
def test_what_is_open_keeps_its_connection(service: Service, kind: str) -> None:
    """Beside requests that take whatever is free."""
    with ThreadPoolExecutor(2) as clients:
        streams = [clients.submit(read, service, kind) for _ in range(2)]
        others = service.load("/query", 200, 4)
        pids = [each.result() for each in streams]

    assert [len(each) for each in pids] == [CHUNKS] * 2
    assert [len(set(each)) for each in pids] == [1, 1]
    assert {reply.status for reply in others} == {200}
