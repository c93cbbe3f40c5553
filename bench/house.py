"""What the servers run in: rendered projects, their programs, a database and a PgBouncer."""

from __future__ import annotations

import contextlib
import functools
import importlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path
from typing import Any

from cookiecutter.main import cookiecutter
from projects import python_for
from uv import find_uv_bin
from variants import Instance

BENCH = Path(__file__).resolve().parent
# Kept from run to run.
VENV, COMPILED = BENCH / ".venv", BENCH / ".venv" / "compiled"
# The web servers have one core for themselves; the load, the delay and the database the other.
WEB_CORE, OTHER_CORE = 0, 1


class House:
    def __init__(self, folder: Path, instances: list[Instance]) -> None:
        """Render and install everything in this folder, which the user of PostgreSQL can enter."""
        self.folder = folder
        self.projects = {
            (each.pooling, each.server.answer): self.render(each.pooling, each.server.answer)
            for each in instances
        }
        self.password = secrets.token_hex(16)
        project = next(iter(self.projects.values()))
        sys.path.insert(0, str(project))
        # Its tests have a PostgreSQL.
        self.postgres: Any = importlib.import_module("tests.postgres")
        self.wrk = Path(run("sh", BENCH / "get-wrk.sh", folder / "wrk").strip())
        self.install()

    @functools.cache  # noqa: B019 (one house for each run)
    def render(self, pooling: str, server: str) -> Path:
        return Path(
            cookiecutter(
                str(BENCH.parent),
                no_input=True,
                extra_context={"pooling": pooling, "server": server},
                output_dir=str(self.folder / f"{pooling}-{server}"),
                default_config=True,
                accept_hooks=False,
            )
        )

    def install(self) -> None:
        uv = find_uv_bin()
        # All of the projects have the same requirements, but for the pool.
        project = self.render("psycopg-pool", "wsgi")
        run(uv, "venv", "-q", "--allow-existing", f"--python={python_for('6')}", VENV)
        pip = [uv, "pip", "install", "-q", "--compile-bytecode", f"--python={VENV}"]
        run(*pip, "-r", project / "requirements.txt")
        run(*pip, "-r", BENCH / "requirements.txt")
        run(*pip, f"--target={COMPILED}", "-r", BENCH / "requirements-compiled.txt")

    @contextlib.contextmanager
    def database(self, instances: int) -> Iterator[Any]:
        """A new PostgreSQL that asks for passwords by SCRAM, with a database for each of them."""
        postgres, folder = self.postgres, Path(tempfile.mkdtemp(dir=self.folder))
        server = postgres.start(folder, self.password, max_connections=500)
        try:
            url = server.url(postgres.SUPERUSER, "postgres")
            for number in range(instances):
                create = f"CREATE DATABASE bench_{number} OWNER {postgres.SERVICE}"
                postgres.run("psql", "-q", url, "-c", create)
            yield server
        finally:
            server.stop()

    @contextlib.contextmanager
    def pgbouncer(self, port: int) -> Iterator[int]:
        """The PgBouncer of the rendered project, in front of this port; its own port."""
        project = self.render("pgbouncer", "wsgi")
        program = run("sh", project / "tests" / "get-pgbouncer.sh").strip()
        settings = ConfigParser(interpolation=None)
        settings.read(project / "pgbouncer" / "pgbouncer.ini")
        listen = self.postgres.free_port()
        settings["databases"] = {"*": f"host=127.0.0.1 port={port}"}
        users = self.folder / "userlist.txt"
        users.write_text(f'"{self.postgres.SERVICE}" "{self.password}"\n')
        settings["pgbouncer"].update(
            listen_addr="127.0.0.1", listen_port=str(listen), auth_file=str(users)
        )
        del settings["pgbouncer"]["auth_query"], settings["users"]
        file = self.folder / "pgbouncer.ini"
        with file.open("w") as out:
            settings.write(out)
        self.postgres.give(file, users)
        log = self.folder / "pgbouncer.log"
        with (
            log.open("w") as out,
            running(
                [program, file], cwd="/", stdout=out, stderr=out, **self.postgres.AS_USER
            ) as process,
        ):
            wait_for(listen, process, log)
            yield listen


def delayed(port: int) -> tuple[list[str], int]:
    """The command of a longer way to this port, and where it begins."""
    listen = free_port()
    return [sys.executable, str(BENCH / "delay.py"), str(listen), str(port)], listen


@contextlib.contextmanager
def running(command: list[Any], **popen: Any) -> Iterator[subprocess.Popen]:
    """A process for so long, and what it started: nothing of it is worth a wait at the end."""
    process = subprocess.Popen(list(map(str, command)), process_group=0, **popen)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def run(*command: Any) -> str:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} failed: {done.stderr or done.stdout}")
    return done.stdout


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def wait_for(port: int, process: subprocess.Popen, log: Path | None = None) -> None:
    """Until this process listens there."""
    for _ in range(1_200):
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    said = log.read_text(errors="replace")[-2_000:] if log else ""
    sys.exit(f"{' '.join(process.args)} does not start: {said}")


def pin(pid: int, core: int) -> None:
    """All threads of a process, and what it starts from now on."""
    for thread in os.listdir(f"/proc/{pid}/task"):
        os.sched_setaffinity(int(thread), {core})
