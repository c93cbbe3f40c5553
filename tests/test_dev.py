"""`python dev.py` as people use it, and as they treat it: in a terminal, with real processes.

Each test says in its docstring which mend it is red without.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import http.client
import os
import pty
import pwd
import re
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from conftest import Bake
from projects import environment, install

ROOT = os.geteuid() == 0
# As root, an ordinary user is one of a namespace, who reaches what root owns and nothing else.
ORDINARY = ["unshare", "--user", "--map-user=1000", "--map-group=1000"] if ROOT else []
MINUTE = 60  # the most that anything here is waited for, in seconds


def wait_for(what: Callable[[], object], message: Callable[[], str] = str) -> None:
    until = time.monotonic() + MINUTE
    while not what():
        assert time.monotonic() < until, message()
        time.sleep(0.005)


class Terminal:
    """dev.py in a terminal of its own, started by a shell."""

    def __init__(self, project: Path, *before: str, **variables: str) -> None:
        self.project = project
        self.port = int(variables.setdefault("PORT", str(free_port())))
        self.master, slave = pty.openpty()
        self.shell = subprocess.Popen(
            [*before, "sh", "-c", "trap : INT; .venv/bin/python dev.py; exit $?"],
            cwd=project,
            env=environment(project, "5.2") | variables,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave)
        self.output, self.closed = "", False
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self) -> None:
        with contextlib.suppress(OSError):  # all that could write has ended
            while not self.closed:
                if select.select([self.master], [], [], 0.05)[0]:
                    data = os.read(self.master, 4096)
                    self.output += data.decode(errors="replace").replace("\r\n", "\n")

    def serves(self) -> Terminal:
        said = "Ctrl-C ends all of it."
        wait_for(lambda: said in self.output or self.shell.poll() is not None)
        assert said in self.output, self.output
        assert self.status() == 200, self.output
        return self

    def status(self) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=MINUTE)
        connection.request("GET", "/health/ready")
        return connection.getresponse().status

    def process(self) -> psutil.Process:
        """dev.py itself: the shell starts nothing else."""
        wait_for(lambda: psutil.Process(self.shell.pid).children(), lambda: self.output)
        return psutil.Process(self.shell.pid).children()[0]

    def ctrl_c(self) -> None:
        os.write(self.master, b"\x03")

    def close(self) -> None:
        self.closed = True
        self.reader.join(MINUTE)
        os.close(self.master)

    def ends(self) -> int:
        """The status of dev.py; nothing of it is left."""
        status = self.shell.wait(MINUTE)
        wait_for(lambda: not in_use(self.project), lambda: f"left: {in_use(self.project)}")
        self.reader.join(MINUTE)
        return status


def in_use(folder: Path) -> list[psutil.Process]:
    """All processes that run in this folder, or have it in their command."""
    place = str(folder)
    return [
        process
        for process in psutil.process_iter(["cmdline", "cwd", "name"])
        if (process.info["cwd"] or "").startswith(place) or place in str(process.info["cmdline"])
    ]


def kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture(scope="module")
def rendered(bake: Bake, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rendered") / "my_service"
    shutil.copytree(bake(), folder)
    install(folder, "5.2")
    return folder


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that all can reach, as the user that PostgreSQL runs as in place of root has to."""
    folder = Path(tempfile.mkdtemp(prefix="dev-")).resolve()
    folder.chmod(0o755)
    yield folder
    kill(in_use(folder))
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def project(rendered: Path, folder: Path) -> Path:
    return copy(rendered, folder)


def copy(rendered: Path, folder: Path) -> Path:
    return Path(shutil.copytree(rendered, folder / "my_service", symlinks=True))


def manage(project: Path, *arguments: str) -> str:
    """What manage.py prints in a second terminal, without any variable."""
    done = subprocess.run(
        [".venv/bin/python", "manage.py", *arguments],
        cwd=project,
        env=environment(project, "5.2"),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


SESSIONS = "from django.contrib.sessions.models import Session; "


def remember(project: Path) -> None:
    row = "Session.objects.create(session_data='', expire_date='2030-01-01T00:00Z')"
    manage(project, "shell", "-v0", "-c", f"{SESSIONS}{row}")


def remembers(project: Path) -> bool:
    count = "print(Session.objects.count())"
    return manage(project, "shell", "-v0", "-c", f"{SESSIONS}{count}") == "1\n"


def test_what_it_says_is_so(project: Path) -> None:
    terminal = Terminal(project).serves()
    here = f"http://127.0.0.1:{terminal.port}/"
    [command] = re.findall(r"A user for the admin: (.+)", terminal.output)
    variables = project / ".postgres" / "environment"
    values = dict(line.split("=", 1) for line in variables.read_text().splitlines())
    listening = {
        (connection.laddr.ip, connection.laddr.port)
        for process in in_use(project)
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    asked = subprocess.run(
        f"{command} --no-input --username=me --email=me@example.com",
        shell=True,
        cwd=project,
        env=environment(project, "5.2"),
        capture_output=True,
        text=True,
    )
    names = "from django.contrib.auth.models import User; print(User.objects.get().username)"
    users = manage(project, "shell", "-v0", "-c", names)
    terminal.ctrl_c()

    assert terminal.ends() == 0
    assert f"{here}, its admin at {here}admin/" in terminal.output
    assert asked.returncode == 0, asked.stderr
    assert users == "me\n"
    url = urlsplit(values["DATABASE_URL"])
    assert listening == {("127.0.0.1", terminal.port), ("127.0.0.1", url.port)}
    assert values.keys() == {"DEBUG", "SECRET_KEY", "HTTPS_ONLY", "ALLOWED_HOSTS", "DATABASE_URL"}
    assert (url.username, url.hostname, url.path) == ("my_service", "127.0.0.1", "/my_service")
    assert len(url.password) == len(values["SECRET_KEY"]) == 64
    assert url.password not in terminal.output and values["SECRET_KEY"] not in terminal.output
    assert not variables.exists()


def test_the_secret_key_stays(project: Path) -> None:
    """Red where each start makes a new one: it would end all sessions."""
    keys = []
    for _ in range(2):
        terminal = Terminal(project).serves()
        keys.append((project / ".postgres" / "environment").read_text().splitlines()[1])
        terminal.ctrl_c()
        terminal.ends()

    assert keys[0] == keys[1]


def test_manage_says_what_is_missing_without_it(project: Path) -> None:
    done = subprocess.run(
        [".venv/bin/python", "manage.py", "check"],
        cwd=project,
        env=environment(project, "5.2") | {"SECRET_KEY": "x" * 50},
        capture_output=True,
        text=True,
    )

    assert done.returncode == 1
    assert done.stderr.startswith("DATABASE_URL is not set: ")
    assert done.stderr.count("\n") == 1


# gunicorn shows where Ctrl-C met a worker that was just starting.
OURS_IN_A_TRACEBACK = re.compile(r'File ".*/(dev|dev_process|manage|tests/postgres)\.py"')

ENDINGS: dict[str, Callable[[Terminal], None]] = {
    "Ctrl-C": Terminal.ctrl_c,
    "Ctrl-C, again and again": lambda t: [t.ctrl_c() for _ in range(20)] and None,
    "closed terminal": Terminal.close,
    "SIGTERM": lambda t: t.process().terminate(),
    "kill -9": lambda t: t.process().kill(),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_all_ends_with_it_and_the_data_stay(project: Path, ending: str) -> None:
    """Red without the keeper (kill -9), or where SIGHUP is not handled (closed terminal)."""
    terminal = Terminal(project).serves()
    remember(project)
    ENDINGS[ending](terminal)
    terminal.ends()
    assert (project / ".postgres" / "environment").exists() == (ending == "kill -9")

    again = Terminal(project).serves()
    assert remembers(project)
    again.ctrl_c()
    assert again.ends() == 0
    assert not OURS_IN_A_TRACEBACK.search(terminal.output + again.output)


def test_the_next_start_waits_for_the_last_one(project: Path) -> None:
    """Red without the locks: at once after kill -9, the old servers still run."""
    port = str(free_port())
    terminal = Terminal(project, PORT=port).serves()
    remember(project)
    for _ in range(3):
        terminal.process().kill()
        terminal = Terminal(project, PORT=port).serves()
    assert remembers(project)
    terminal.ctrl_c()
    assert terminal.ends() == 0


def test_what_is_left_over_is_ended(project: Path) -> None:
    """Red without end_leftover(): the port is taken, and PostgreSQL holds its data."""
    port = str(free_port())
    terminal = Terminal(project, PORT=port).serves()
    remember(project)
    keepers = [each for each in in_use(project) if "dev_process.py" in str(each.info["cmdline"])]
    dev = terminal.process()
    dev.suspend()  # it would end when its web server does
    kill([*keepers, dev])
    terminal.shell.wait(MINUTE)
    left = in_use(project)
    assert {each.info["name"] for each in left} >= {"postgres"}
    assert terminal.status() == 200

    again = Terminal(project, PORT=port).serves()
    ended = (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)  # for the next parent to see
    assert [each for each in left if each.is_running() and each.status() not in ended] == []
    assert remembers(project)
    again.ctrl_c()
    assert again.ends() == 0


def test_a_stale_pid_file_harms_nobody(project: Path) -> None:
    """Red where postmaster.pid is believed: the process that it names now would be stopped, or
    PostgreSQL would not start beside it."""
    terminal = Terminal(project).serves()
    remember(project)
    kill(in_use(project))
    terminal.ends()
    pid_file = project / ".postgres" / "data" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    owner = pid_file.stat()
    as_owner = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if ROOT else {}
    other = subprocess.Popen(["sleep", "1000"], cwd="/", **as_owner)
    try:
        pid_file.write_text("\n".join([str(other.pid), *lines[1:]]) + "\n")
        again = Terminal(project).serves()
        assert remembers(project)
        again.ctrl_c()
        assert again.ends() == 0
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


# What is there at a moment of the first start.
MOMENTS = {
    "at once": "dev.py",
    "folder": ".postgres",
    "initdb": ".postgres/new-*/data/PG_VERSION",
    "initdb loads": ".postgres/new-*/data/base/1",
    "cluster": ".postgres/data",
    "PostgreSQL starts": ".postgres/data/postmaster.pid",
    "migration": ".postgres/environment",
}


def is_there(project: Path, moment: str) -> bool:
    if moment == "web server":
        # serve, or the server that takes its place at once.
        return any(
            " pgconnections." in " ".join(each.info["cmdline"] or []) for each in in_use(project)
        )
    return any(project.glob(MOMENTS[moment]))


@pytest.mark.parametrize("how", ["Ctrl-C", "kill -9"])
@pytest.mark.parametrize("moment", [*MOMENTS, "web server"])
def test_the_first_start_may_end_at_any_moment(project: Path, moment: str, how: str) -> None:
    """Red where a cluster is made in its place, and where PostgreSQL is started by pg_ctl,
    which may be killed before there is a postmaster.pid to stop it by."""
    terminal = Terminal(project)
    terminal.process()
    wait_for(lambda: is_there(project, moment))
    ENDINGS[how](terminal)
    terminal.ends()

    again = Terminal(project).serves()
    again.ctrl_c()
    assert again.ends() == 0
    assert not list(project.glob(".postgres/new-*"))
    if moment != "at once":  # when Python itself is still starting
        assert not OURS_IN_A_TRACEBACK.search(terminal.output + again.output)


def test_a_second_one_is_told_where_the_first_runs(project: Path) -> None:
    """Red without the lock: the second would stop the PostgreSQL of the first."""
    first = Terminal(project).serves()
    second = Terminal(project)
    assert second.shell.wait(MINUTE) == 1
    second.reader.join(MINUTE)

    assert second.output == (
        f"It runs already, at http://127.0.0.1:{first.port}/: Ctrl-C there ends it.\n"
    )
    assert first.status() == 200
    first.ctrl_c()
    assert first.ends() == 0


def test_a_taken_port_is_said_before_anything_starts(project: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        terminal = Terminal(project, PORT=str(port))
        assert terminal.ends() == 1
    sentence = rf"Port {port} cannot be used \(.+\); accepted: PORT=(\d+) .venv/bin/python dev.py\n"
    another = re.fullmatch(sentence, terminal.output)[1]
    assert not (project / ".postgres" / "data").exists()

    again = Terminal(project, PORT=another).serves()
    again.ctrl_c()
    assert again.ends() == 0


@pytest.mark.parametrize("port", ["x", "0", "65536", "٣", "-1"])
def test_no_port(project: Path, port: str) -> None:
    done = subprocess.run(
        [".venv/bin/python", "dev.py"],
        cwd=project,
        env=environment(project, "5.2") | {"PORT": port},
        capture_output=True,
        text=True,
    )

    assert done.returncode == 1
    assert done.stderr == f"PORT must be a whole number from 1 to 65535, not {port!r}.\n"


def test_another_version_of_the_data(project: Path) -> None:
    """PostgreSQL says it in its log, and nothing of the data is lost."""
    terminal = Terminal(project).serves()
    remember(project)
    terminal.ctrl_c()
    terminal.ends()
    version = project / ".postgres" / "data" / "PG_VERSION"
    version.write_text("17\n")

    again = Terminal(project)

    assert again.ends() == 1
    assert again.output.startswith("PostgreSQL does not start: ")
    assert "was initialized by PostgreSQL version 17" in again.output
    version.write_text("18\n")
    last = Terminal(project).serves()
    assert remembers(project)
    last.ctrl_c()
    assert last.ends() == 0


def test_two_projects_of_one_name(rendered: Path, project: Path, folder: Path) -> None:
    """Red where data are found by the name of the service."""
    (folder / "other").mkdir()
    other = copy(rendered, folder / "other")
    one, two = Terminal(project).serves(), Terminal(other).serves()
    remember(project)

    assert remembers(project) and not remembers(other)
    one.ctrl_c()
    assert one.ends() == 0
    assert two.status() == 200
    two.ctrl_c()
    assert two.ends() == 0


LONG = "a long path " * 20


@pytest.mark.parametrize("name", ['it\'s a "quoted" Überraschung', "a, b", LONG, "%2F $HOME ;#"])
def test_any_path(rendered: Path, folder: Path, name: str) -> None:
    """Red where a path is part of a URL, or of a command for a shell."""
    (folder / name).mkdir()
    project = copy(rendered, folder / name)
    terminal = Terminal(project).serves()
    remember(project)
    assert remembers(project)
    terminal.ctrl_c()
    assert terminal.ends() == 0


def test_a_home_that_nobody_may_read(project: Path, folder: Path) -> None:
    (folder / "home").mkdir(mode=0)
    terminal = Terminal(project, *ORDINARY, HOME=str(folder / "home")).serves()
    assert (project / ".postgres").stat().st_mode & 0o777 == 0o700
    terminal.ctrl_c()
    assert terminal.ends() == 0


def test_a_project_that_cannot_be_written(project: Path) -> None:
    project.chmod(0o555)
    terminal = Terminal(project, *ORDINARY)

    assert terminal.ends() == 1
    assert terminal.output == (
        f"{project}/.postgres has to be a folder, and cannot be made: Permission denied.\n"
    )


def test_no_two_clusters_have_one_password(rendered: Path, project: Path, folder: Path) -> None:
    """Red where the password is in the template."""
    (folder / "other").mkdir()
    passwords = set()
    for each in (project, copy(rendered, folder / "other")):
        terminal = Terminal(each)
        wait_for((each / ".postgres" / "environment").exists)
        passwords.add((each / ".postgres" / "password").read_text())
        assert (each / ".postgres" / "password").stat().st_mode & 0o777 == 0o600
        terminal.ctrl_c()
        terminal.ends()

    assert len(passwords) == 2
    assert min(map(len, passwords)) == 64


def test_a_link_in_place_of_the_folder(project: Path, folder: Path) -> None:
    """Red where the folder is taken as it is found."""
    (folder / "elsewhere").mkdir(mode=0o755)
    (project / ".postgres").symlink_to(folder / "elsewhere")
    terminal = Terminal(project)

    assert terminal.ends() == 1
    assert terminal.output == (
        f"{project}/.postgres has to be a folder, no link, and of user {os.geteuid()}: "
        "move it away.\n"
    )
    assert not list((folder / "elsewhere").iterdir())
    assert (folder / "elsewhere").stat().st_mode & 0o777 == 0o755


# What only root can try: there is another user then, who runs PostgreSQL or attacks.
if ROOT:
    STRANGER = 12345

    @pytest.fixture
    def place(folder: Path, project: Path) -> Iterator[Path]:
        """Where the data of a project are that no other user can reach."""
        folder.chmod(0o700)
        digest = hashlib.sha256(bytes(project)).hexdigest()[:12]
        place = Path(f"/var/lib/my_service-postgres-{digest}")
        yield place
        kill(in_use(place))
        place.unlink() if place.is_symlink() else shutil.rmtree(place, ignore_errors=True)

    def test_a_project_that_only_root_reaches(project: Path, place: Path) -> None:
        terminal = Terminal(project).serves()
        remember(project)
        assert {process.username() for process in in_use(place)} >= {"nobody"}
        terminal.process().kill()
        terminal.ends()
        wait_for(lambda: not in_use(place))

        again = Terminal(project).serves()
        assert remembers(project)
        again.ctrl_c()
        assert again.ends() == 0
        assert not in_use(place)

    @pytest.mark.parametrize("prepared", ["link", "folder", "cluster"])
    def test_what_a_stranger_prepared(
        project: Path, place: Path, tmp_path: Path, prepared: str
    ) -> None:
        """Red where the folder or the cluster is taken as it is found: root gave the target of the
        link away, and the archive_command of the cluster ran."""
        secret = tmp_path / "secret"
        secret.mkdir(mode=0o700)
        wrong = place / "data" if prepared == "cluster" else place
        if prepared == "link":
            place.symlink_to(secret)
        else:
            wrong.mkdir(parents=True)
            os.chown(wrong, STRANGER, STRANGER)
        terminal = Terminal(project)

        assert terminal.ends() == 1
        assert re.fullmatch(
            rf"{wrong} has to be a folder, no link, and of user \d+: move it away\.\n",
            terminal.output,
        )
        assert (secret.stat().st_uid, secret.stat().st_mode & 0o777) == (0, 0o700)

    def test_postgresql_has_no_group_of_root(project: Path) -> None:
        """Red without group= and extra_groups=: gid 0, and with it what root's groups read."""
        groups = "import os, sys; os.setgroups([0, 4, 42]); os.execvp(sys.argv[1], sys.argv[1:])"
        terminal = Terminal(project, sys.executable, "-c", groups).serves()
        servers = [each for each in in_use(project) if each.info["name"] == "postgres"]
        held = {
            line
            for server in servers
            for line in Path(f"/proc/{server.pid}/status").read_text().splitlines()
            if line.startswith(("Uid:", "Gid:", "Groups:"))
        }
        terminal.ctrl_c()

        user = pwd.getpwnam("nobody")
        assert terminal.ends() == 0
        assert servers
        assert {re.sub(r"\s+", " ", line).strip() for line in held} == {
            "Uid:" + f" {user.pw_uid}" * 4,
            "Gid:" + f" {user.pw_gid}" * 4,
            "Groups:",
        }

    def test_a_stranger_reads_nothing_and_reaches_nothing(project: Path) -> None:
        """Red where the folder, or one of the files, is open to others."""
        terminal = Terminal(project).serves()
        state = project / ".postgres"
        files = [state / name for name in ("environment", "password", "secret_key", "server.log")]
        stranger = {"user": STRANGER, "group": STRANGER, "extra_groups": []}
        attempts = [["cat", str(file)] for file in files]
        attempts += [["ls", str(folder)] for folder in (state, state / "data")]
        refused = {
            attempt[1]: "Permission denied"
            in subprocess.run(attempt, capture_output=True, text=True, **stranger).stderr
            for attempt in attempts
        }
        terminal.ctrl_c()

        assert terminal.ends() == 0
        assert refused == dict.fromkeys(refused, True)

    @pytest.mark.parametrize("module", ["tests.postgres", "pgconnections.pgbouncer"])
    def test_another_user_has_his_own_group_only(bake: Bake, tmp_path: Path, module: str) -> None:
        project = tmp_path / "my_service"
        shutil.copytree(bake(hosting_target="fly", pooling="pgbouncer"), project)
        install(project, "5.2")
        identify = (
            f"import os, subprocess; from {module} import AS_USER; os.setgroups([0, 4, 42]); "
            "subprocess.run(['id', '-G'], cwd='/', **AS_USER)"
        )
        done = subprocess.run(
            [".venv/bin/python", "-c", identify],
            cwd=project,
            env=environment(project, "5.2"),
            capture_output=True,
            text=True,
        )

        assert done.stdout == f"{pwd.getpwnam('nobody').pw_gid}\n", done.stderr
