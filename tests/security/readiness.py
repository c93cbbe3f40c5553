"""Many strangers ask whether the service is ready, while its database hangs or answers."""

from __future__ import annotations

import contextlib
import http.client
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from pgconnections.settings import BUDGET
from tests.postgres import Server
from tests.service import Service, Watch, running_service

STRANGERS = 64
LIVENESS = 20  # times that the platform asks


def ask(port: int, path: str, timeout: float) -> tuple[int, str | None]:
    """Status and Cache-Control; 0 without an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("GET", path)
        reply = connection.getresponse()
        reply.read()
        return reply.status, reply.getheader("Cache-Control")
    except (OSError, http.client.HTTPException):
        return 0, None
    finally:
        connection.close()


@contextlib.contextmanager
def hanging(postgres: Server) -> Iterator[None]:
    """Its processes answer nobody, and end no connection."""
    main = psutil.Process(postgres.process.pid)
    processes = [main, *main.children(recursive=True)]
    for process in processes:
        process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            process.send_signal(signal.SIGCONT)


@contextlib.contextmanager
def strangers(port: int) -> Iterator[Counter[int]]:
    """Ask all the time, from many clients; the statuses of all answers."""
    statuses: Counter[int] = Counter()
    done = threading.Event()

    def stranger() -> None:
        while not done.is_set():
            statuses[ask(port, "/health/ready", timeout=8)[0]] += 1

    threads = [threading.Thread(target=stranger) for _ in range(STRANGERS)]
    for thread in threads:
        thread.start()
    try:
        yield statuses
    finally:
        done.set()
        for thread in threads:
            thread.join()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def service(postgres: Server, log: Path) -> Iterator[Service]:
    before = ["sh", "-c", f'exec "$@" 2>{log}', "sh"]
    with running_service(*before) as service:
        wait_for(service, 200)
        yield service
    # Of a pool, whose threads would be waited for at the end.
    assert "couldn't stop thread" not in log.read_text()


def wait_for(service: Service, status: int) -> None:
    until = time.monotonic() + 60
    while ask(service.port, "/health/ready", timeout=8)[0] != status:
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_database_that_hangs(postgres: Server, service: Service, log: Path) -> None:
    with hanging(postgres), strangers(service.port) as statuses:
        while max(statuses[503], statuses[0]) < STRANGERS:  # all of them have seen it
            time.sleep(0.05)
        live = Counter(ask(service.port, "/health/live", timeout=5) for _ in range(LIVENESS))
        refused = statuses[503]
    wait_for(service, 200)

    assert live == {(200, "no-store"): LIVENESS}
    assert refused > STRANGERS
    # Of each process one thread waited, for one client.
    assert statuses[0] <= BUDGET.processes
    told = [
        line for line in log.read_text().splitlines() if "atabase" in line or "vailable" in line
    ]
    assert len([line for line in told if "does not answer" in line]) <= BUDGET.processes
    assert len(told) <= 2 * BUDGET.processes  # and that it answers again
    assert "Traceback" not in log.read_text()


def test_a_database_that_answers(service: Service, watch: Watch) -> None:
    asked = watch._ask("SELECT xact_commit FROM pg_stat_database WHERE datname = %(service)s")
    begin = time.monotonic()  # as many questions may there be as seconds pass
    with strangers(service.port) as statuses:
        while statuses.total() < 20 * STRANGERS:
            time.sleep(0.05)
    seconds = time.monotonic() - begin
    time.sleep(1.5)  # each backend reports its numbers at most once a second
    after = watch._ask("SELECT xact_commit FROM pg_stat_database WHERE datname = %(service)s")

    assert set(statuses) == {200}
    assert ask(service.port, "/health/ready", timeout=8) == (200, "no-store")
    # A question for each second and process; and some of autovacuum and the like.
    assert after - asked < statuses.total() / 4
    assert after - asked <= BUDGET.processes * (seconds + 2) + 10
