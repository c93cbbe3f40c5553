"""Deploy a rendered project on a simulated host, under load: runs inside the project's own venv.

The database is a real PostgreSQL with the connections of the plan, the provider's pooler a real
PgBouncer. Two generations of the web server live at once, as many instances as the host runs. It
reads what to do as JSON from the standard input, and prints what PostgreSQL saw.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ORDER = json.load(sys.stdin)
# The settings of the project are read when its packages are imported.
os.environ |= ORDER["environment"]

import psycopg  # noqa: E402
from tests.service import PASSWORD  # noqa: E402

from tests import postgres as dev_postgres  # noqa: E402


@dataclass
class Instance:
    """A running web instance, and how many requests are in it."""

    port: int
    process: subprocess.Popen[bytes]
    requests: int = 0

    def get(self, path: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("GET", path, headers={"Host": "localhost"})
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()


@dataclass
class Balancer:
    """Sends each request to an instance, and waits while there is none, as a proxy does."""

    instances: list[Instance] = field(default_factory=list)
    lock: threading.Condition = field(default_factory=threading.Condition)
    statuses: list[int] = field(default_factory=list)
    done: bool = False

    def add(self, instance: Instance) -> None:
        with self.lock:
            self.instances.append(instance)
            self.lock.notify_all()

    def drain(self, instance: Instance) -> None:
        """No new request for it; returns when it has answered the last one."""
        with self.lock:
            self.instances.remove(instance)
            self.lock.wait_for(lambda: instance.requests == 0)

    def client(self) -> None:
        while not self.done:
            with self.lock:
                self.lock.wait_for(lambda: self.instances or self.done)
                if self.done:
                    return
                instance = random.choice(self.instances)
                instance.requests += 1
            status = instance.get("/hold")
            with self.lock:
                self.statuses.append(status)
                instance.requests -= 1
                self.lock.notify_all()


class Monitor:
    """Counts the connections of all ordinary roles, every few milliseconds."""

    def __init__(self, url: str) -> None:
        self.peak = 0
        self.done = False
        self.connection = psycopg.connect(url, autocommit=True)
        self.thread = threading.Thread(target=self.look)
        self.thread.start()

    def look(self) -> None:
        count = (
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE backend_type = 'client backend' AND usename <> 'postgres'"
        )
        while not self.done:
            self.peak = max(self.peak, self.connection.execute(count).fetchone()[0])
            time.sleep(0.003)
        self.connection.close()


STARTED: list[subprocess.Popen[bytes]] = []
POOLERS: list[Any] = []


def start(number: int) -> list[Instance]:
    """Start web instances with the command of the deploy file, and wait until they are ready."""
    instances = [launch() for _ in range(number)]
    until = time.monotonic() + 60
    for instance in instances:
        while instance.get("/health/ready") != 200:
            if instance.process.poll() is not None or time.monotonic() > until:
                sys.exit("a web instance does not become ready")
            time.sleep(0.05)
    return instances


def launch() -> Instance:
    """Each instance reaches one of the poolers, as a service in front of them would have it."""
    port = dev_postgres.free_port()
    usual = ORDER["sets"].get("PORT", "8000")
    sets = {name: value.replace(usual, str(port)) for name, value in ORDER["sets"].items()}
    # What the deploy file says wins over what the host sets by itself.
    environment = {"PORT": str(port), **sets, **ORDER["environment"]}
    if POOLERS:
        pooler = POOLERS[len(STARTED) % len(POOLERS)]
        environment |= dict.fromkeys(ORDER["pooled"], pooler.url())
    process = subprocess.Popen(
        f"exec {ORDER['start']}", shell=True, env=os.environ | environment, start_new_session=True
    )
    STARTED.append(process)
    return Instance(port, process)


def stop(instances: list[Instance]) -> None:
    for instance in instances:
        instance.process.send_signal(signal.SIGTERM)
    for instance in instances:
        if status := instance.process.wait(40):
            sys.exit(f"a web instance ended with {status}")


def migrate() -> None:
    subprocess.run(ORDER["migrate"], shell=True, check=True, stdout=subprocess.DEVNULL)


def deploy(balancer: Balancer, old: list[Instance]) -> list[Instance]:
    """Replace all instances, with never more than the host runs at once."""
    extra = ORDER["at_once"] - len(old)
    new: list[Instance] = []
    while old:
        batch = old[: max(extra, 1)]
        del old[: len(batch)]
        fresh = start(len(batch)) if extra else []
        for instance in fresh:
            balancer.add(instance)
        time.sleep(1)  # both generations serve
        for instance in batch:
            balancer.drain(instance)
        stop(batch)
        if not extra:
            fresh = start(len(batch))
            for instance in fresh:
                balancer.add(instance)
        new += fresh
    return new


def main() -> dict[str, int]:
    folder = Path(tempfile.mkdtemp(prefix="host-"))
    # One more, beyond the reach of ordinary roles, for the monitor.
    postgres = dev_postgres.start(
        folder,
        PASSWORD,
        fsync="off",
        max_connections=ORDER["limit"] + 1,
        superuser_reserved_connections=ORDER["kept_back"] + 1,
    )
    os.environ |= dict.fromkeys(ORDER["direct"], postgres.url())
    os.environ |= dict.fromkeys(ORDER["pooled"], postgres.url())
    try:
        if ORDER["beside"] or ORDER["pooled"]:
            from tests import pooler
        if ORDER["beside"]:
            os.environ["PATH"] += f"{os.pathsep}{pooler.program().parent}"
        if ORDER["pooled"]:
            POOLERS.extend(pooler.start(postgres) for _ in range(ORDER["poolers"]))
            os.environ |= dict.fromkeys(ORDER["pooled"], POOLERS[0].url())
        for statement in ORDER["once"]:
            dev_postgres.run("psql", "-q", postgres.url(), "-c", statement)
        migrate()
        monitor = Monitor(postgres.url("postgres", "postgres"))
        balancer, instances = Balancer(), start(ORDER["instances"])
        for instance in instances:
            balancer.add(instance)
        clients = [threading.Thread(target=balancer.client) for _ in range(ORDER["clients"])]
        for client in clients:
            client.start()
        time.sleep(1)
        migrate()
        instances = deploy(balancer, instances)
        time.sleep(0.5)
        balancer.done = monitor.done = True
        with balancer.lock:
            balancer.lock.notify_all()
        for thread in (*clients, monitor.thread):
            thread.join()
        stop(instances)
    finally:
        for process in STARTED:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        for each in POOLERS:
            each.remove()
        postgres.stop()
        shutil.rmtree(folder)
    errors = sum(status != 200 for status in balancer.statuses)
    return {"peak": monitor.peak, "requests": len(balancer.statuses), "errors": errors}


if __name__ == "__main__":
    print(json.dumps(main()))
