"""`manage.py migrate`: of roles with what they are for, and of databases that are none of ours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection, connections
from django.db.backends.postgresql.base import Database
from pgconnections.settings import BUDGET, DATABASES
from tests.postgres import SUPERUSER, Server

pytest_plugins = ["tests.lab"]
ALIAS = "direct" if "direct" in DATABASES else "default"


@pytest.fixture
def other(postgres: Server) -> Iterator[Database.Cursor]:
    """A role for what is not the web, as docs/process.md has it; the cursor is a superuser's."""
    admin = Database.connect(postgres.url(SUPERUSER, "postgres"))
    admin.autocommit = True
    web = connection.settings_dict["USER"]
    cursor = admin.cursor()
    cursor.execute(
        f'CREATE ROLE "{web}_other" LOGIN CONNECTION LIMIT {BUDGET.other} IN ROLE "{web}"'
    )
    yield cursor
    cursor.execute(f'DROP ROLE "{web}_other"')
    cursor.execute(f'ALTER ROLE "{web}" CONNECTION LIMIT -1')
    admin.close()


def migrate(database: str = ALIAS) -> None:
    call_command("migrate", verbosity=0, database=database)


def test_each_role_is_compared_with_what_it_is_for(other: Database.Cursor) -> None:
    web = connection.settings_dict["USER"]
    of_the_web = BUDGET.of_the_role - BUDGET.other
    other.execute(f'ALTER ROLE "{web}" CONNECTION LIMIT {of_the_web}')
    migrate()
    other.execute(f'ALTER ROLE "{web}" CONNECTION LIMIT {of_the_web - 1}')
    with pytest.raises(CommandError, match=f"may open {of_the_web - 1} connections, but needs"):
        migrate()
    other.execute(f'ALTER ROLE "{web}" CONNECTION LIMIT -1')
    for limit in (-1, BUDGET.other + 1):
        other.execute(f'ALTER ROLE "{web}_other" CONNECTION LIMIT {limit}')
        with pytest.raises(CommandError, match=f"CONNECTION LIMIT {BUDGET.other}"):
            migrate()


def test_one_role_for_all(postgres: Server) -> None:
    web = connection.settings_dict["USER"]
    admin = Database.connect(postgres.url(SUPERUSER, "postgres"))
    admin.autocommit = True
    try:
        admin.cursor().execute(f'ALTER ROLE "{web}" CONNECTION LIMIT {BUDGET.of_the_role - 1}')
        with pytest.raises(CommandError, match=f"needs {BUDGET.of_the_role} by the budget"):
            migrate()
    finally:
        admin.cursor().execute(f'ALTER ROLE "{web}" CONNECTION LIMIT -1')
        admin.close()


def test_a_database_that_is_no_postgresql(tmp_path: Path) -> None:
    sqlite = {"ENGINE": "django.db.backends.sqlite3", "NAME": tmp_path / "db"}
    connections.settings["sqlite"] = connections.configure_settings({"default": sqlite})["default"]
    try:
        migrate("sqlite")
        assert connections["sqlite"].introspection.table_names()
    finally:
        connections["sqlite"].close()
        del connections["sqlite"]
        del connections.settings["sqlite"]


def test_another_postgresql(postgres: Server) -> None:
    """Its roles have limits of their own."""
    admin = Database.connect(postgres.url(SUPERUSER, "postgres"))
    admin.autocommit = True
    admin.cursor().execute(
        f"CREATE ROLE guest LOGIN CONNECTION LIMIT 2 PASSWORD '{postgres.password}'"
    )
    admin.cursor().execute("CREATE DATABASE guests OWNER guest")
    entry = {**connections.settings[ALIAS], "USER": "guest", "NAME": "guests"}
    entry |= {"ENGINE": "django.db.backends.postgresql", "CONN_MAX_AGE": 0, "OPTIONS": {}}
    connections.settings["guests"] = entry
    try:
        migrate("guests")
    finally:
        connections["guests"].close()
        del connections["guests"]
        del connections.settings["guests"]
        admin.close()
