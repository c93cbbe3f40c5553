"""Run the service as in production, ask it from many clients at once, and watch PostgreSQL."""

import http.client
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from django.db.backends.postgresql.base import Database

from pgconnections import SERVICE
from tests.postgres import SUPERUSER, Server, free_port

PROJECT = Path(__file__).resolve().parent.parent
# Of the database, in this run.
PASSWORD = secrets.token_hex(16)


@dataclass(frozen=True)
class Reply:
    status: int  # 0 when there was no answer at all
    seconds: float
    body: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Service:
    """The running web server."""

    port: int

    def get(self, path: str) -> Reply:
        """One request on a connection of its own, as a load balancer without keep-alive sends."""
        begin = time.monotonic()
        status, body = 0, {}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("GET", path, headers={"Host": "localhost"})
            response = connection.getresponse()
            text = response.read()
            status = response.status
            if response.headers.get_content_type() == "application/json":
                body = json.loads(text)
        except (OSError, http.client.HTTPException):
            pass  # status 0
        finally:
            connection.close()
        return Reply(status, time.monotonic() - begin, body)

    def load(self, path: str, requests: int, clients: int) -> list[Reply]:
        """Many requests from many clients at once."""
        with ThreadPoolExecutor(clients) as pool:
            return list(pool.map(self.get, [path] * requests))


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the project, with these environment variables too."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=PROJECT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )


@contextmanager
def running_service(*before: str, **environment: str) -> Iterator[Service]:
    """Start the web server with the one command that starts it everywhere; the context ends it.

    `before` is a command that takes the one of the web server as its arguments.
    """
    service = Service(free_port())
    process = subprocess.Popen(
        [*before, sys.executable, "-m", "pgconnections.serve"],
        cwd=PROJECT,
        env=os.environ
        | {"DJANGO_SETTINGS_MODULE": "tests.settings", "HOST": "127.0.0.1"}
        | {"PORT": str(service.port)}
        | environment,
    )
    try:
        until = time.monotonic() + 15
        while service.get("/health/live").status != 200:
            assert process.poll() is None, "the web server ended"
            assert time.monotonic() < until, "the web server does not answer"
            time.sleep(0.05)
        yield service
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


class Watch:
    """What PostgreSQL itself says about the connections of the service."""

    def __init__(self, postgres: Server) -> None:
        self.connection = Database.connect(postgres.url(SUPERUSER, "postgres"))
        self.connection.autocommit = True
        self.peak = 0  # the most connections seen at once, since peak_during began

    def _ask(self, sql: str) -> int:
        with self.connection.cursor() as cursor:
            cursor.execute(sql, {"service": SERVICE})
            return cursor.fetchone()[0]

    def open(self) -> int:
        """Connections open now, in total."""
        return self._ask(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = %(service)s AND usename = %(service)s"
        )

    def opened(self) -> int:
        """Connections ever opened; exact once those of the service are closed again."""
        return self._ask("SELECT sessions FROM pg_stat_database WHERE datname = %(service)s")

    def terminate_all(self) -> int:
        """End all connections of the service, as a restart or a failover would."""
        return self._ask(
            "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity "
            "WHERE datname = %(service)s AND usename = %(service)s"
        )

    @contextmanager
    def peak_during(self) -> Iterator[None]:
        """Look every few milliseconds, and keep the highest number in `peak`."""
        self.peak = 0
        done = threading.Event()

        def look() -> None:
            while not done.is_set():
                self.peak = max(self.peak, self.open())
                time.sleep(0.002)

        thread = threading.Thread(target=look)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
