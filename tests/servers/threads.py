"""What the threads of `server=wsgi` keep besides."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from pgconnections.backend.event_loop import take_turns
from tests.lab import ALL, SOON, Running, request, running, told
from tests.postgres import Server
from tests.service import PROJECT

pytest_plugins = ["tests.lab"]


def test_what_nobody_waits_for_is_not_run(postgres: Server, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    with running(tmp_path / "log", WEB_CONCURRENCY="1", MARKS=str(marks)) as server:
        leave_early(server)
        assert server.status("/ran") == 200

    # One mark: of the request whose client stayed.
    assert marks.read_text() == "x"


def leave_early(server: Running) -> None:
    asked = [threading.Thread(target=server.send, args=[request("/query?seconds=2"), 60])
             for _ in range(3 * ALL)]  # fmt: skip
    for thread in asked:
        thread.start()
    time.sleep(1)
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            client.sendall(request("/ran"))
            time.sleep(0.02)
    for thread in asked:
        thread.join()


def test_the_last_word_is_the_proxys(server: Running) -> None:
    seen = told(server, "/request", "X-Forwarded-Proto: https", "X-Forwarded-Proto: http")

    assert not seen["secure"]
    assert seen["REMOTE_ADDR"] == "127.0.0.1"


def test_a_view_cannot_end_a_thread(server: Running) -> None:
    workers = server.workers()

    assert all(server.status("/leave") == 500 for _ in range(2 * ALL))
    assert server.answered("/query", ALL) == ALL
    assert server.workers() == workers


def test_clients_that_stop_to_read_keep_no_thread(postgres: Server, tmp_path: Path) -> None:
    file = PROJECT / "pgconnections" / "backend" / "wsgi_threads.py"
    text = file.read_text()
    assert text.count("PATIENCE = 60\n") == 1
    file.write_text(text.replace("PATIENCE = 60\n", "PATIENCE = 1\n"))
    try:
        with running(tmp_path / "log", WEB_CONCURRENCY="1") as server, ExitStack() as clients:
            for _ in range(ALL):
                client = socket.create_connection(("127.0.0.1", server.port))
                clients.enter_context(client).sendall(request("/stream/endless"))
            server.until(lambda: server.status("/query", timeout=SOON) == 200, "a free thread")
            assert server.answered("/query", ALL) == ALL
    finally:
        file.write_text(text)


class Taken(asyncio.Protocol):
    def __init__(self, taken: list[asyncio.BaseTransport]) -> None:
        self.connection_made = taken.append


def test_clients_are_taken_one_at_a_time() -> None:
    """Else all connections that a load balancer keeps may be those of one worker."""
    with ExitStack() as clients, taking(clients, waiting=20) as (loop, taken, _):
        steps = []
        while len(taken) < 20:
            before = len(taken)
            loop.call_soon(loop.stop)
            loop.run_forever()
            steps.append(len(taken) - before)

        assert max(steps) == 1


def test_those_that_wait_at_the_end_are_taken() -> None:
    with ExitStack() as clients, taking(clients, waiting=20) as (loop, taken, server):
        server.close()
        loop.run_until_complete(server.wait_closed())

        assert len(taken) == 20


@contextmanager
def taking(clients: ExitStack, waiting: int) -> Iterator[tuple]:
    """An event loop as that of a worker, so many clients that wait for it, and what it took."""
    taken: list[asyncio.BaseTransport] = []
    sock = clients.enter_context(socket.create_server(("127.0.0.1", 0), backlog=waiting))
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    take_turns()
    try:
        server = loop.run_until_complete(loop.create_server(lambda: Taken(taken), sock=sock))
        for _ in range(waiting):
            clients.enter_context(socket.create_connection(sock.getsockname()))
        yield loop, taken, server
    finally:
        server.close()
        for transport in taken:
            transport.close()
        loop.run_until_complete(asyncio.sleep(0.1))
        loop.close()
        asyncio.set_event_loop(None)
