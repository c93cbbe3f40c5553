"""PgBouncer as the template renders it: each version that can be had, each fault, each way in."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import TEMPLATE, Bake
from projects import install, postgres_with_tls, shared, shell

# Versions of PgBouncer by the release of Debian that has them: 1.18, 1.24 and the newest.
SUITES = ("bookworm", "trixie", "sid")
SOURCES = Path("/etc/apt/sources.list.d/debian.sources")
MODULES = TEMPLATE / "tests" / "pgbouncer"
ANSWERS = {"pooling": "pgbouncer", "database_limit": 26}
# 2,000 threads, and a budget of 20.
MANY = ANSWERS | {"web_instances": 25, "web_processes": 4, "web_threads": 20}
ASGI = ANSWERS | {"server": "asgi", "web_threads": 8}
RUNS = [
    ("roles", ANSWERS),
    ("features", ANSWERS),
    ("tls", ANSWERS),
    ("clients", MANY),
    ("prepared", ANSWERS),
    ("faults", ANSWERS | {"web_threads": 8}),
    ("faults", ASGI),
]


def versions() -> list[str]:
    """Where no release of Debian can be had, the version that a rendered project gets."""
    return list(SUITES) if SOURCES.exists() else ["installed"]


def runs() -> list[Any]:
    """Each module with each version; prepared statements only with the newest."""
    return [
        pytest.param(module, answers, suite, id=f"{module}-{answers.get('server', 'wsgi')}-{suite}")
        for suite in versions()
        for module, answers in RUNS
        if module != "prepared" or suite == versions()[-1]
    ]


@pytest.mark.parametrize(("module", "answers", "suite"), runs())
def test_pgbouncer(
    module: str,
    answers: dict[str, str | int],
    suite: str,
    bake: Bake,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    project = tmp_path / "my_service"
    shutil.copytree(bake(**answers), project)
    install(project, "5.2", "trustme")
    shutil.copy(MODULES / f"{module}.py", project / "tests" / f"test_{module}.py")
    path = ""
    if suite != "installed":
        path = f"PATH={of_debian(suite, project)}:$PATH"
    if module == "tls":
        path += f" POSTGRES_WITH_TLS={postgres_with_tls(project)}"

    done = shell(f"{path} .venv/bin/pytest -q tests/test_{module}.py", project, "5.2")

    assert done.returncode == 0, done.stdout
    version = shell(f"{path} pgbouncer -V", project, "5.2").stdout.split()[1]
    measured = [version, answers.get("server", "wsgi")] if module == "faults" else [version]
    for line in re.findall(r"^\| (.+) \|$", done.stdout, re.MULTILINE):
        record_property(module, [*measured, *line.split(" | ")])


def of_debian(suite: str, project: Path) -> Path:
    """A folder with the PgBouncer of this release, which runs beside any other."""
    script = TEMPLATE / "tests" / "debian-pgbouncer.sh"
    return shared(f"pgbouncer-{suite}", f"sh {script} {suite} {{0}}", project, "5.2")
