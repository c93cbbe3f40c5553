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
# Not one for all, but beside each instance.
BESIDE = {"pooling": "pgbouncer", "hosting_target": "kubernetes", "web_threads": 8}
RUNS = [
    ("roles", ANSWERS),
    ("features", ANSWERS),
    ("tls", ANSWERS),
    ("tls_beside", BESIDE),
    ("clients", MANY),
    ("prepared", ANSWERS),
    ("faults", ANSWERS | {"web_threads": 8}),
    ("faults", ASGI),
    ("faults", BESIDE),
    ("outage", ANSWERS),
    ("outage", ASGI),
]


def versions() -> list[str]:
    """Where no release of Debian can be had, the version that a rendered project gets."""
    return list(SUITES) if SOURCES.exists() else ["installed"]


def runs() -> list[Any]:
    """Each module with each version; what does not depend on that, with the newest."""
    return [
        pytest.param(module, answers, suite, id=f"{module}-{layout(answers)}-{suite}")
        for suite in versions()
        for module, answers in RUNS
        if module not in ("outage", "prepared") or suite == versions()[-1]
    ]


def layout(answers: dict[str, str | int]) -> str:
    server = str(answers.get("server", "wsgi"))
    return f"{server}, beside it" if answers is BESIDE else server


def prepare(
    module: str, answers: dict[str, str | int], suite: str, bake: Bake, folder: Path
) -> tuple[Path, str]:
    """A project with this test module, and what stands before its commands."""
    project = folder / "my_service"
    shutil.copytree(bake(**answers), project)
    install(project, "5.2", "trustme")
    for name in (module, "lab", "load", "certificates"):
        copy = f"test_{name}.py" if name == module else f"{name}.py"
        shutil.copy(MODULES / f"{name}.py", project / "tests" / copy)
    environment = "" if suite == "installed" else f"PATH={of_debian(suite, project)}:$PATH"
    if module.startswith("tls"):
        environment += f" POSTGRES_WITH_TLS={postgres_with_tls(project)}"
    return project, environment


@pytest.mark.parametrize(("module", "answers", "suite"), runs())
def test_pgbouncer(
    module: str,
    answers: dict[str, str | int],
    suite: str,
    bake: Bake,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    project, environment = prepare(module, answers, suite, bake, tmp_path)

    done = shell(f"{environment} .venv/bin/pytest -q tests/test_{module}.py", project, "5.2")

    assert done.returncode == 0, done.stdout
    program = f"$({environment} sh tests/get-pgbouncer.sh)"
    version = shell(f"{program} -V", project, "5.2").stdout.split()[1]
    measured = [version, layout(answers)] if module == "faults" else [version]
    for line in re.findall(r"^\| (.+) \|$", done.stdout, re.MULTILINE):
        record_property(module, [*measured, *line.split(" | ")])


INI, ROLES = "pgbouncer/pgbouncer.ini", "roles.sql"
SETTINGS, CHECKS = "pgconnections/settings.py", "pgconnections/backend/checks.py"
PATIENCE = "pgconnections/backend/patience.py"
MIGRATE = "pgconnections/management/commands/migrate.py"
# The module, some of its tests, and a setting that they guard: where it is, and what to make of it.
FLIPS = [
    ("faults", "killed and 1", ANSWERS, SETTINGS, 'PATIENCE": 10', 'PATIENCE": 0'),
    ("faults", "crashed", ANSWERS, INI, "server_login_retry = 0.2", "server_login_retry = 15"),
    (
        "faults",
        "PostgreSQL",
        BESIDE,
        PATIENCE,
        r"check\(connection\)",
        "pass",
    ),
    ("outage", "long", ANSWERS, SETTINGS, 'PATIENCE": 10', 'PATIENCE": 60'),
    ("outage", "full and not trouble", ANSWERS, PATIENCE, r" or gone_for > patience", ""),
    ("outage", "apart", ANSWERS, PATIENCE, r"\(way(?=[),])", "(0"),
    ("features", "all_the_time", ANSWERS, MIGRATE, "session_timeout = 0", "session_timeout = 1000"),
    ("features", "too_few", ANSWERS, MIGRATE, r"if 0 <= \(limit := .*\) < needed", "if False"),
    ("features", "session_mode", ANSWERS, CHECKS, r"return backend\(other\).*", "return True"),
    ("roles", "nothing_else", ANSWERS, ROLES, r", pg_temp|pg_catalog\.(?=pg_authid$)", ""),
    ("roles", "service_only", ANSWERS, ROLES, " AND rolname = 'my_service'", ""),
    ("roles", "may_not_log_in", ANSWERS, ROLES, "rolcanlogin AND", ""),
    ("roles", "may_not_log_in", ANSWERS, ROLES, "rolvaliduntil > now", "now"),
    ("roles", "made_before", ANSWERS, ROLES, "^SET search_path = .*", ""),
    ("roles", "made_before", ANSWERS, ROLES, "^WHERE nspname = .*", "WHERE false"),
    ("roles", "temporary", ANSWERS, ROLES, "^REVOKE TEMPORARY .*", ""),
    ("roles", "no_secret", ANSWERS, ROLES, "LOGIN NOSUPERUSER", "LOGIN SUPERUSER"),
    ("roles", "get_through", ANSWERS, ROLES, "timeout = '15s'", "timeout = 0"),
    (
        "tls",
        "postgresql and name",
        ANSWERS,
        INI,
        "server_tls_sslmode = .*",
        "server_tls_sslmode = verify-ca",
    ),
    (
        "tls",
        "clients and no",
        ANSWERS,
        INI,
        "client_tls_sslmode = .*",
        "client_tls_sslmode = allow",
    ),
]


@pytest.mark.parametrize("flip", FLIPS, ids=[f"{flip[0]}-{flip[-2]}" for flip in FLIPS])
def test_flipped_settings_are_seen(flip: tuple[Any, ...], bake: Bake, tmp_path: Path) -> None:
    module, tests, answers, name, old, new = flip
    project, environment = prepare(module, answers, versions()[-1], bake, tmp_path)
    file = project / name
    text, times = re.subn(old, new, file.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert times
    file.write_text(text, encoding="utf-8")

    done = shell(
        f"{environment} .venv/bin/pytest -q tests/test_{module}.py -k '{tests}'", project, "5.2"
    )

    # 1: tests ran, and some failed.
    assert done.returncode == 1, done.stdout


def of_debian(suite: str, project: Path) -> Path:
    """A folder with the PgBouncer of this release, which runs beside any other."""
    script = TEMPLATE / "tests" / "debian-pgbouncer.sh"
    return shared(f"pgbouncer-{suite}", f"sh {script} {suite} {{0}}", project, "5.2")
