"""Flip each setting that a smoke test guards, and see that test go red.

Each layout is also run unchanged: a test that is red anyway would prove nothing.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import Bake
from projects import install, shell

THREADS = {"pooling": "persistent"}
# What `recommended` makes of a limit where one connection per thread would not fit.
POOL = {"pooling": "recommended", "database_limit": 20, "web_threads": 16}
SQLALCHEMY = {"pooling": "django-db-connection-pool", "database_limit": 20, "web_threads": 16}
PSYCOPG2 = {"pooling": "django-postgrespool2", "database_limit": 20, "web_threads": 16}
BOUNCER = {"pooling": "pgbouncer", "database_limit": 20}
NONE_ASGI = {"pooling": "none", "server": "asgi"}

SETTINGS = "pgconnections/settings.py"
SERVE = "pgconnections/serve.py"
MIGRATE = "pgconnections/management/commands/migrate.py"
LOAD = "test_connections.py::test_load"
LOST = "test_connections.py::test_lost_connections[terminated]"


@dataclass(frozen=True)
class Mutation:
    """Replace `old` by `new` in a file of this layout, and so `also` in another where two things
    guard the same: then this test has to fail."""

    name: str
    layout: dict[str, str | int]
    file: str
    old: str
    new: str
    test: str
    changes: int = 1
    also: tuple[str, str, str] | None = None


# The engine looks at the connection that the pool has asked already.
LOOKS = ("pgconnections/backend/queue_pool.py", "not self.is_silent() and", "False and")

MUTATIONS = [
    Mutation("CONN_MAX_AGE", THREADS, SETTINGS, '_AGE": 60', '_AGE": 0', LOAD),
    Mutation("health checks", THREADS, SETTINGS, 'CHECKS": True', 'CHECKS": False', LOST),
    Mutation("threads", THREADS, SERVE, "{BUDGET.threads}", "{BUDGET.threads * 2}", LOAD),
    Mutation("processes", THREADS, SERVE, "{BUDGET.processes}", "{BUDGET.processes * 4}", LOAD),
    Mutation("lock", THREADS, "pyproject.toml", '"whitenoise', '"celery", "whitenoise',
             "test_settings.py::test_migrations_are_complete"),
    Mutation("CONN_MAX_AGE of a pool", POOL, SETTINGS, '_AGE": 0', '_AGE": 60', LOAD),
    Mutation("health checks of a pool", POOL, SETTINGS, 'CHECKS": True', 'CHECKS": False', LOST),
    Mutation("Django's own check of a pool", POOL, SETTINGS, '"pgconnections.pooled"',
             '"django.db.backends.postgresql"', LOST),
    Mutation("max_size", POOL, SETTINGS, "BUDGET.per_process", "BUDGET.per_process + 1", LOAD),
    Mutation("options of the URL", POOL, SETTINGS, '**url["OPTIONS"],', "",
             "test_settings.py::test_options_of_the_url_survive"),
    Mutation("POOL_SIZE", SQLALCHEMY, SETTINGS, "BUDGET.per_process", "BUDGET.per_process + 1",
             LOAD),
    Mutation("MAX_OVERFLOW", SQLALCHEMY, SETTINGS, 'OVERFLOW": 0', 'OVERFLOW": 1', LOAD),
    Mutation("PRE_PING", SQLALCHEMY, SETTINGS, 'PING": True', 'PING": False', LOST, also=LOOKS),
    Mutation("pool_size", PSYCOPG2, SETTINGS, "BUDGET.per_process", "BUDGET.per_process + 1", LOAD),
    Mutation("pre_ping", PSYCOPG2, SETTINGS, 'ping": True', 'ping": False', LOST, also=LOOKS),
    Mutation("time zone", PSYCOPG2, SETTINGS, "-c timezone=UTC", "",
             "test_settings.py::test_time_zone_of_the_server_shifts_no_datetime"),
    Mutation("concurrency", NONE_ASGI, "pgconnections/bounded/base.py", "phore(BUDGET.per_process",
             "phore(BUDGET.per_process * 2", LOAD),
    Mutation("server-side cursors", BOUNCER, SETTINGS, 'CURSORS": True', 'CURSORS": False',
             "test_pooler.py::test_reading_in_chunks"),
    Mutation("CONN_MAX_AGE to a pooler", BOUNCER, SETTINGS, '_AGE": 60', '_AGE": 0',
             "test_pooler.py::test_load"),
    Mutation("health checks to a pooler", BOUNCER, SETTINGS, 'CHECKS": True', 'CHECKS": False',
             "test_pooler.py::test_lost_connections[pooler restarted]"),
    Mutation("what the check of cursors sees", BOUNCER, SETTINGS, 'CURSORS": True',
             'CURSORS": False', "test_pooler.py::test_the_checks_see_the_pooler"),
    Mutation("pool_mode", BOUNCER, "pgbouncer/pgbouncer.ini", "= transaction", "= session",
             "test_pooler.py::test_transaction_mode"),
    Mutation("server connections of a pooler", BOUNCER, SETTINGS, "pgbouncer_ini.check(BUDGET)", "",
             "test_pooler.py::test_a_pool_beyond_the_budget_is_refused"),
    Mutation("direct road", BOUNCER, MIGRATE, 'database="direct"', 'database="default"',
             "test_pooler.py::test_migrations_lead_around_the_pooler"),
    Mutation("pooled road", BOUNCER, MIGRATE, "and shares_sessions(connection)", "and False",
             "test_pooler.py::test_migrations_are_refused_through_the_pooler"),
]  # fmt: skip


LAYOUTS = {"-".join(map(str, m.layout.values())): m.layout for m in MUTATIONS}


def prepare(layout: dict[str, str | int], bake: Bake, folder: Path) -> Path:
    project = folder / "my_service"
    shutil.copytree(bake(**layout), project)
    install(project, "5.2")
    return project


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_nothing_is_red_without_a_change(
    layout: dict[str, str | int], bake: Bake, tmp_path: Path
) -> None:
    project = prepare(layout, bake, tmp_path)
    guards = sorted({f"'tests/{m.test}'" for m in MUTATIONS if m.layout == layout})

    done = shell(f".venv/bin/pytest -q {' '.join(guards)}", project, "5.2")

    assert done.returncode == 0, done.stdout
    # One test, or one for each of its parameters.
    [passed] = re.findall(r"^(\d+) passed in ", done.stdout, re.MULTILINE)
    assert int(passed) >= len(guards)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_flipped_settings_are_seen(mutation: Mutation, bake: Bake, tmp_path: Path) -> None:
    project = prepare(mutation.layout, bake, tmp_path)
    for also, old, new in [mutation.also] if mutation.also else []:
        text = (project / also).read_text()
        assert text.count(old) == 1, f"{old} is not in {also}"
        (project / also).write_text(text.replace(old, new))
    file = project / mutation.file
    text = file.read_text()
    assert text.count(mutation.old) == mutation.changes, f"{mutation.old} is not in {file.name}"
    file.write_text(text.replace(mutation.old, mutation.new))

    done = shell(f".venv/bin/pytest -q 'tests/{mutation.test}'", project, "5.2")

    # 1: tests ran and some failed. Anything else would be a project that does not run at all.
    assert done.returncode == 1, done.stdout
