"""Start the servers, all of them alive at once; what their processes used."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
from house import BENCH, COMPILED, VENV, WEB_CORE, House, free_port, pin, running, wait_for
from variants import Instance


@dataclass(frozen=True)
class Service:
    """A web server that runs."""

    port: int
    database: str
    process: subprocess.Popen
    log: Path

    def url(self, view: str) -> str:
        return f"http://127.0.0.1:{self.port}/{view}"

    def wait(self) -> None:
        """Until it answers: gunicorn listens before its workers can."""
        try:
            urllib.request.urlopen(self.url("health/live"), timeout=180).close()
        except OSError as error:
            command = " ".join(self.process.args)
            sys.exit(f"{command} does not answer ({error}): {self.log.read_text()[-2_000:]}")

    def processes(self) -> list[psutil.Process]:
        main = psutil.Process(self.process.pid)
        return [main, *main.children(recursive=True)]

    def cpu(self) -> dict[int, float]:
        """Seconds that each of its processes computed."""
        return {each.pid: sum(each.cpu_times()[:2]) for each in self.processes()}

    def memory(self) -> int:
        """Bytes of its largest process."""
        return max(each.memory_info().rss for each in self.processes())


@contextlib.contextmanager
def services(
    house: House, instances: list[Instance], ports: dict[str, int]
) -> Iterator[dict[Instance, Service]]:
    """All of them, each with a database of its own behind the port of its pooling."""
    with contextlib.ExitStack() as stack:
        found = {
            instance: stack.enter_context(start(house, instance, number, ports))
            for number, instance in enumerate(instances)
        }
        for service in found.values():
            wait_for(service.port, service.process, service.log)
            service.wait()
        # They start on all cores, and share one from now on.
        for service in found.values():
            for process in service.processes():
                pin(process.pid, WEB_CORE)
        yield found


@contextlib.contextmanager
def start(
    house: House, instance: Instance, number: int, ports: dict[str, int]
) -> Iterator[Service]:
    project = house.projects[instance.pooling, instance.server.answer]
    user, database, port = house.postgres.SERVICE, f"bench_{number}", free_port()
    pooled, direct = (
        f"postgres://{user}:{house.password}@127.0.0.1:{ports[pooling]}/{database}"
        for pooling in (instance.pooling, "persistent")
    )
    path = [BENCH / "service", project, *([COMPILED] if instance.server.compiled else [])]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, path)),
        "DJANGO_SETTINGS_MODULE": "bench_settings",
        "DATABASE_URL": pooled,
        "DATABASE_DIRECT_URL": direct,
        "SECRET_KEY": house.password * 2,
        "ALLOWED_HOSTS": "127.0.0.1",
        "HTTPS_ONLY": "0",
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "WEB_CONCURRENCY": str(instance.server.processes),
        "WEB_THREADS": str(instance.server.threads),
    }
    program, *arguments = (each.format(port=port) for each in instance.server.command)
    log = house.folder / f"{database}.log"
    with (
        log.open("w") as out,
        running(
            [VENV / "bin" / program, *arguments],
            cwd=project,
            env=environment,
            stdout=out,
            stderr=out,
        ) as process,
    ):
        yield Service(port, database, process, log)
