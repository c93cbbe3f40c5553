"""Workers of a web server that end, and others that take their place: inside the plan."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from pathlib import Path

import pytest
from tests.lab import ALL, CLIENTS, LOOP, Load, request, running, told
from tests.postgres import Server
from tests.service import PROJECT, Watch


def test_the_environment_changes_the_sizes(watch: Watch, tmp_path: Path) -> None:
    sizes = {"WEB_CONCURRENCY": "1", "WEB_THREADS": "2"}
    with running(tmp_path / "log", **sizes) as server, watch.peak_during():
        load = Load(server.port, keep=False)
        time.sleep(2)
        seen = load.end()
        assert len(server.workers()) == 1

    assert seen.keys() == {"answered"}
    assert watch.peak == 2


def test_the_end_loses_nothing(postgres: Server, tmp_path: Path, report: list[str]) -> None:
    lost = 0
    for keep in (False, True):
        with running(tmp_path / "log") as server:
            load = Load(server.port, keep=keep)
            time.sleep(1)
            server.process.send_signal(signal.SIGTERM)
            server.process.wait(40)
            seen = load.end()
        assert server.process.returncode == 0
        lost += seen["lost"] + seen["closed"] + seen["failed"]
    report.append(f"| SIGTERM under load | {lost} lost |")

    # Those in the queue of the socket at that moment: an event loop takes them, and leaves only who
    # comes in the instant before it closes; gunicorn's threads leave all of them there.
    assert lost <= (2 if LOOP else 2 * CLIENTS)


@pytest.mark.parametrize("how", ["killed", "told to end", "reloaded", "hanging"])
def test_workers_are_replaced_inside_the_plan(
    how: str, watch: Watch, tmp_path: Path, report: list[str]
) -> None:
    # Seconds for one that hangs, and for a connection that stays: else half a minute each.
    options = ["--timeout=10", "--graceful-timeout=4"]
    with running(tmp_path / "log", *options) as server, watch.peak_during():
        # On a connection that stays, as a load balancer has some.
        idle = socket.create_connection(("127.0.0.1", server.port))
        idle.sendall(b"GET /query HTTP/1.1\r\nHost: localhost\r\n\r\n")
        load = Load(server.port, keep=False)
        time.sleep(1)
        before = server.workers()
        if how == "hanging":
            threading.Thread(target=server.send, args=[request("/hang"), 60]).start()
        elif how == "reloaded":
            server.process.send_signal(signal.SIGHUP)
            server.until(lambda: not before & server.workers(), "the end of the old ones")
        else:
            sent = signal.SIGKILL if how == "killed" else signal.SIGTERM
            os.kill(max(before), sent)
        server.until(lambda: server.replaced(before), "another worker")
        time.sleep(1)
        seen = load.end()
        idle.close()
    lost = seen["lost"] + seen["failed"] + seen["refused"]
    report.append(f"| worker {how} | {lost} lost, peak {watch.peak} of {ALL} |")

    assert watch.peak <= ALL
    # What was in it is lost with it; each client has one request.
    assert lost <= (CLIENTS if how in ("killed", "hanging") else 0)


def test_a_worker_that_grows_is_replaced(watch: Watch, tmp_path: Path) -> None:
    file = PROJECT / "gunicorn.conf.py"
    text = file.read_text()
    limit = tmp_path / "memory.max"
    limit.write_text("800000000")
    assert text.count('"/sys/fs/cgroup/memory.max"') == 1
    file.write_text(text.replace("/sys/fs/cgroup/memory.max", str(limit)))
    try:
        with running(tmp_path / "log") as server, watch.peak_during():
            before = server.workers()
            load = Load(server.port, keep=False)
            time.sleep(3)  # it looks once a second
            assert server.workers() == before
            assert server.status("/grow") == 200
            server.until(lambda: server.replaced(before), "another worker")
            time.sleep(1)
            seen = load.end()
    finally:
        file.write_text(text)

    assert seen.keys() == {"answered"}
    assert len(before & server.workers()) < len(before)
    assert watch.peak <= ALL


def test_a_reload_sees_the_settings(postgres: Server, tmp_path: Path) -> None:
    settings = PROJECT / "config" / "settings.py"
    text = settings.read_text()
    with running(tmp_path / "log", "--reload", WEB_CONCURRENCY="1") as server:
        before = server.workers()
        time.sleep(2)  # it looks once a second, at first for what there is
        try:
            settings.write_text(f'{text}\nSECURE_PROXY_SSL_HEADER = ("HTTP_X_OTHER", "1")\n')
            server.until(lambda: not before & server.workers(), "the reload")
            server.until(lambda: server.status("/health/live") == 200, "the start")
            assert told(server, "/request", "X-Other: 1")["secure"]
        finally:
            settings.write_text(text)
