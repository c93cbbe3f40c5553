"""Each web server as the template renders it, with real processes: docs/servers.md says what of."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import QUESTIONS, TEMPLATE, Bake
from projects import install, shell

SERVERS = QUESTIONS["server"]
FILES = TEMPLATE / "tests" / "servers"
MODULES = ("promises", "threads", "workers")
RUNS = [
    *((server, name) for server in SERVERS for name in ("promises", "workers")),
    ("wsgi", "threads"),
]
SERVE, GUNICORN = "pgconnections/serve.py", "gunicorn.conf.py"
THREADS = "pgconnections/backend/wsgi_threads.py"
LOOP = "pgconnections/backend/event_loop.py"
ENVIRON = "pgconnections/backend/wsgi_environ.py"
# The server, some of its tests, and what they guard: where it is, and what to make of it.
FLIPS = [
    ("wsgi", "is_not_run", SERVE, "grace-period=0", "grace-period=60"),
    ("wsgi", "liveness", THREADS, 'scope["path"] == LIVE', 'scope["path"] is None'),
    ("wsgi", "limits", SERVE, "{100 * 2**20}", "{10**12}"),
    ("wsgi", "last_word", ENVIRON, 'rpartition(",")[2]', 'partition(",")[0]'),
    ("wsgi", "keep_no_thread", THREADS, "request.ended = True", "pass"),
    ("wsgi", "end_a_thread", THREADS, "except SystemExit", "except KeyboardInterrupt"),
    ("wsgi", "one_at_a_time", LOOP, "backlog=1,", "backlog=100,"),
    ("wsgi", "at_the_end", LOOP, "server.close, server.wait_closed = close, wait_closed", "pass"),
    ("asgi", "limits", SERVE, "{100 * 2**20}", "{10**12}"),
    ("wsgi-gunicorn", "limits", SERVE, "{100 * 2**20}", "{10**12}"),
    ("asgi", "as_they_were_meant", LOOP, 'scope.get("method") == "HEAD"', "False"),
    ("wsgi", "both_address_families", SERVE, 'return "[::]"', 'return "0.0.0.0"'),
    ("wsgi-gunicorn", "longer_than", GUNICORN, "keepalive = 620", "keepalive = 1"),
    ("wsgi-gunicorn", "one_line", GUNICORN, "%(M)s ms", ""),
    ("asgi", "proxy_says", GUNICORN, 'allow_ips = ""', 'allow_ips = "*"'),
    ("asgi", "reloaded", GUNICORN, "def on_reload", "def unused"),
]


def prepare(server: str, bake: Bake, folder: Path) -> Path:
    """A project with these tests."""
    project = folder / "my_service"
    shutil.copytree(bake(server=server), project)
    install(project, "5.2")
    for file in FILES.glob("*.py"):
        if file.stem in MODULES and (server, file.stem) not in RUNS:
            continue  # it would not even be imported
        copy = f"test_{file.name}" if file.stem in MODULES else file.name
        shutil.copy(file, project / "tests" / copy)
    return project


@pytest.mark.parametrize(("server", "module"), RUNS)
def test_a_server_keeps_its_promises(
    server: str,
    module: str,
    bake: Bake,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    project = prepare(server, bake, tmp_path)

    done = shell(f"SERVER={server} .venv/bin/pytest -q tests/test_{module}.py", project, "5.2")

    assert done.returncode == 0, done.stdout
    for line in re.findall(r"^\| (.+) \|$", done.stdout, re.MULTILINE):
        record_property("servers", [server, *line.split(" | ")])


@pytest.mark.parametrize("flip", FLIPS, ids=[f"{flip[0]}-{flip[1]}" for flip in FLIPS])
def test_a_missing_mend_is_seen(
    flip: tuple[str, str, str, str, str], bake: Bake, tmp_path: Path
) -> None:
    server, name, file, old, new = flip
    project = prepare(server, bake, tmp_path)
    text = (project / file).read_text()
    assert text.count(old) == 1, f"{old} is not in {file}"
    (project / file).write_text(text.replace(old, new))

    done = shell(f"SERVER={server} .venv/bin/pytest -q -k {name} tests", project, "5.2")

    # 1: tests ran and some failed. Anything else would be a project that does not run at all.
    assert done.returncode == 1, done.stdout
