"""Servers that change, on every road to them: rendered projects that run while theirs does."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import TEMPLATE, Bake
from projects import install, shell
from test_pgbouncer import of_debian, versions

ROADS: dict[str, dict[str, str | int]] = {
    "persistent, wsgi": {},
    "psycopg-pool, asgi": {"server": "asgi"},
    "pgbouncer, wsgi": {"pooling": "pgbouncer", "database_limit": 26},
    "pgbouncer, asgi": {"pooling": "pgbouncer", "database_limit": 26, "server": "asgi"},
    "pgbouncer beside wsgi": {"pooling": "pgbouncer", "hosting_target": "railway"},
}
TESTS = TEMPLATE / "tests"


def prepare(answers: dict[str, str | int], bake: Bake, folder: Path) -> Path:
    project = folder / "my_service"
    shutil.copytree(bake(**answers), project)
    install(project, "5.2")
    shutil.copy(TESTS / "pgbouncer" / "load.py", project / "tests")
    shutil.copy(TESTS / "changes" / "changing.py", project / "tests")
    for module in ("changes", "network"):
        shutil.copy(TESTS / "changes" / f"{module}.py", project / "tests" / f"test_{module}.py")
    return project


@pytest.mark.parametrize("road", ROADS)
def test_changes(
    road: str, bake: Bake, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    project = prepare(ROADS[road], bake, tmp_path)

    done = shell(".venv/bin/pytest -q tests/test_changes.py", project, "5.2")

    assert done.returncode == 0, done.stdout
    for line in re.findall(r"^\| (.+) \|$", done.stdout, re.MULTILINE):
        record_property("changes", [road, *line.split(" | ")])


# A network and a /etc/resolv.conf of its own.
ALONE = "unshare --mount --net" if os.geteuid() == 0 else "sudo -n -E unshare --mount --net"


def test_a_network_that_changes(bake: Bake, tmp_path: Path) -> None:
    """Where a machine lets nobody make namespaces, this fails and says so."""
    project = prepare(ROADS["pgbouncer, wsgi"], bake, tmp_path)
    suite = versions()[-1]
    path = "" if suite == "installed" else f"PATH={of_debian(suite, project)}:$PATH "

    done = shell(f"{path}{ALONE} .venv/bin/pytest -q tests/test_network.py", project, "5.2")

    assert done.returncode == 0, done.stdout
    [client, server] = map(int, re.findall(r"by the (?:client|server) after (\d+) s", done.stdout))
    # 106 s, and two hours, where the intervals and the counts are left at the kernel's.
    assert client <= 30 + 3 * 5 + 5 and server <= 30 + 3 * 5 + 5


BACKEND = "pgconnections/backend"
# The road, some of the tests, and what they guard: where it is, and what to make of it.
FLIPS = [
    ("persistent, wsgi", "failover", f"{BACKEND}/address.py", '"read-write"}', '"any"}'),
    ("pgbouncer, wsgi", "test_failover", f"{BACKEND}/asking.py", "'on'", "'of'"),
    ("psycopg-pool, asgi", "rotated", f"{BACKEND}/asking.py", "REFUSED = 1", "REFUSED = 0"),
    (
        "persistent, wsgi",
        "killed",
        "roles.sql",
        "client_connection_check.* = '1s'",
        "work_mem = 64",
    ),
]


@pytest.mark.parametrize("flip", FLIPS, ids=[f"{flip[1]}-{flip[3]}" for flip in FLIPS])
def test_flipped_mends_are_seen(
    flip: tuple[str, str, str, str, str], bake: Bake, tmp_path: Path
) -> None:
    road, tests, name, old, new = flip
    project = prepare(ROADS[road], bake, tmp_path)
    file = project / name
    text, times = re.subn(old, new, file.read_text(encoding="utf-8"))
    assert times
    file.write_text(text, encoding="utf-8")

    done = shell(f".venv/bin/pytest -q tests/test_changes.py -k '{tests}'", project, "5.2")

    # 1: tests ran, and some failed.
    assert done.returncode == 1, done.stdout
