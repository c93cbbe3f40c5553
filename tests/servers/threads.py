"""What the threads of `server=wsgi` keep besides."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import ExitStack
from pathlib import Path

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
