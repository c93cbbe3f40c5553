"""Run the web server of this project, ask it from many clients at once, and watch PostgreSQL."""

import http.client
import importlib.util
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
{% if cookiecutter.server != 'asgi' %}
from pathlib import Path
{% endif %}

{% if plan.pooling == 'django-postgrespool2' %}
import psycopg2 as psycopg
{% else %}
import psycopg
{% endif %}
from django.conf import settings

from pgconnections import SERVICE
from pgconnections.settings import BUDGET
from pgconnections.smoke.postgres import SUPERUSER, Server, free_port
from pgconnections.smoke.view import PATH

SETTINGS = "pgconnections.smoke.settings"


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True)


def default_command() -> list[str]:
    """gunicorn with the WSGI application of the settings, or uvicorn with the ASGI one."""
{% if cookiecutter.server == 'asgi' %}
    application = getattr(settings, "ASGI_APPLICATION", None) or beside_the_settings("asgi")
    workers = f"--workers={BUDGET.processes}"
    if importlib.util.find_spec("uvicorn"):
        return ["uvicorn", "--port={port}", workers, application]
    return ["gunicorn", "--bind={bind}", workers, "--worker-class=asgi", application]
{% else %}
    application = settings.WSGI_APPLICATION or beside_the_settings("wsgi")
    sizes = [f"--workers={BUDGET.processes}", f"--threads={BUDGET.threads}"]
    if Path("gunicorn.conf.py").exists():
        sizes = []  # its own are proved
    return ["gunicorn", "--bind={bind}", *sizes, application]
{% endif %}


def beside_the_settings(kind: str) -> str:
    package = os.environ["SMOKE_SETTINGS"]
    while package := package.rpartition(".")[0]:
        if importlib.util.find_spec(f"{package}.{kind}"):
            return f"{package}.{kind}.application"
    sys.exit(f"No {kind}.py is beside the settings: give the command of the web server.")


class Service:
    """The running web server."""

    def __init__(self, command: list[str]) -> None:
        self.port = free_port()
        words = command or default_command()
        if not command:  # as gunicorn and uvicorn write it
            module, _, name = words[-1].rpartition(".")
            words[-1] = f"{module}:{name}"
        bind = f"127.0.0.1:{self.port}"
        words = [word.format(bind=bind, port=self.port) for word in words]
        if command and not any(str(self.port) in word for word in words):
            words[1:1] = [f"--bind={bind}"]
        self.command = [sys.executable, "-m", *words]
        header, scheme = settings.SECURE_PROXY_SSL_HEADER or ("HTTP_X_FORWARDED_PROTO", "http")
        self.headers = {"Host": "localhost", header.removeprefix("HTTP_").replace("_", "-"): scheme}

    @contextmanager
    def running(self) -> Iterator[None]:
        environment = os.environ | {"DJANGO_SETTINGS_MODULE": SETTINGS}
        process = subprocess.Popen(self.command, env=environment)
        try:
            until = time.monotonic() + 60
            while not self.get()[0]:
                assert process.poll() is None, f"the web server ended: {' '.join(self.command)}"
                assert time.monotonic() < until, "the web server does not answer"
                time.sleep(0.1)
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)

    def get(self) -> tuple[int, int]:
        """Status and backend of one request, on a connection of its own; 0 without an answer."""
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            client.request("GET", PATH, headers=self.headers)
            reply = client.getresponse()
            text = reply.read()
            return reply.status, json.loads(text)["backend"] if reply.status == 200 else 0
        except (OSError, http.client.HTTPException):
            return 0, 0
        finally:
            client.close()

    def load(self, requests: int, clients: int) -> list[tuple[int, int]]:
        """Many requests from many clients at once."""
        with ThreadPoolExecutor(clients) as pool:
            return list(pool.map(lambda _: self.get(), range(requests)))


class Watch:
    """What PostgreSQL itself says about the connections of the service."""

    def __init__(self, postgres: Server) -> None:
        self.connection = psycopg.connect(postgres.url(SUPERUSER, "postgres"))
        self.connection.autocommit = True
        self.peak = 0  # the most connections seen at once, since peak_during began

    def _ask(self, sql: str) -> int:
        with self.connection.cursor() as cursor:
            cursor.execute(sql, [SERVICE])
            [(number,)] = cursor.fetchall()
        return int(number)

    def open(self) -> int:
        """Connections open now, in total."""
        return self._ask("SELECT count(*) FROM pg_stat_activity WHERE usename = %s")

    def opened(self) -> int:
        """Connections ever opened; exact once those of the service are closed again."""
        return self._ask("SELECT sessions FROM pg_stat_database WHERE datname = %s")

    def terminate_all(self) -> int:
        """End all connections of the service, as a restart or a failover would."""
        return self._ask(
            "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE usename = %s"
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
