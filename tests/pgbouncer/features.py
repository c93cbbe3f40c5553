"""What Django does with a session, through PgBouncer in transaction mode and around it.

`lost`: the next statement is on another connection, which does not have it. `leaks`: the next
client of that connection has it. That is what a transaction pooler is; `direct` leads around it.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import psycopg
import pytest
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.core.checks import run_checks
from django.db import DatabaseError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import override_settings
from pgconnections import SERVICE
from pgconnections.settings import BUDGET, DATABASES
from tests.postgres import SUPERUSER, Server
from tests.service import PASSWORD, PROJECT, python

from tests import pooler

pytestmark = pytest.mark.usefixtures("as_in_production")


@pytest.fixture(scope="module")
def bouncer(postgres: Server) -> Iterator[pooler.Pooler]:
    bouncer = pooler.start(postgres)
    yield bouncer
    bouncer.remove()


@pytest.fixture
def as_in_production(
    bouncer: pooler.Pooler, django_db_blocker: pytest.FixtureRequest
) -> Iterator[None]:
    """`default` leads through PgBouncer, `direct` around it, as they do outside of the tests."""
    with django_db_blocker.unblock():
        before = {alias: connections[alias] for alias in connections}
        for alias, port in (
            ("default", bouncer.port),
            ("direct", connections["direct"].settings_dict["PORT"]),
        ):
            connections[alias] = connections.create_connection(alias)
            connections[alias].settings_dict = {**connections[alias].settings_dict, "PORT": port}
        yield
        for alias, connection in before.items():
            connections[alias].close()
            connections[alias] = connection


def execute(connection: BaseDatabaseWrapper, sql: str) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else []


@contextmanager
def the_connection_is_taken(bouncer: pooler.Pooler) -> Iterator[psycopg.Connection]:
    """Another client has the server connection that was used last, in a transaction."""
    with psycopg.connect(bouncer.url()) as other:
        other.execute("SELECT 1")
        yield other


# What it is, how it begins, and how it is seen afterwards: an error or no row says that it is gone.
STATE = {
    "temporary table": ("CREATE TEMP TABLE mine (n int)", "SELECT 1 FROM mine LIMIT 0"),
    "SET": ("SET my.tenant = 'a'", "SELECT 1 WHERE current_setting('my.tenant') = 'a'"),
    "advisory lock": (
        "SELECT pg_advisory_lock(pg_backend_pid())",
        "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()",
    ),
    "LISTEN": ("LISTEN news", "SELECT 1 FROM pg_listening_channels()"),
    "PREPARE": ("PREPARE mine AS SELECT 1", "EXECUTE mine"),
}


def is_there(ask: Callable[[], list[tuple]], name: str) -> bool:
    try:
        return bool(ask()) or name == "temporary table"
    except (DatabaseError, psycopg.DatabaseError):
        return False


@pytest.mark.parametrize("name", STATE)
def test_state_of_a_session(name: str, bouncer: pooler.Pooler, report: list[str]) -> None:
    begin, see = STATE[name]

    execute(connections["default"], begin)
    with the_connection_is_taken(bouncer) as other:
        kept = is_there(lambda: execute(connections["default"], see), name)
        leaks = is_there(lambda: other.execute(see).fetchall(), name)
    execute(connections["direct"], begin)
    direct = is_there(lambda: execute(connections["direct"], see), name)

    report.append(
        f"| {name} | {'kept' if kept else 'lost'}{', leaks' if leaks else ''} | {direct} |"
    )
    assert (kept, leaks, direct) == (False, True, True)
    # Nothing of it may reach the next test.
    bouncer.restart()


def test_notifications_arrive_around_the_pooler() -> None:
    execute(connections["direct"], "LISTEN news")
    execute(connections["default"], "NOTIFY news, 'hello'")

    [notified] = connections["direct"].connection.notifies(timeout=5, stop_after=1)
    assert (notified.channel, notified.payload) == ("news", "hello")


def test_state_of_a_transaction_is_kept(bouncer: pooler.Pooler) -> None:
    """SET LOCAL, locks of a transaction, and temporary tables that end with it."""
    with transaction.atomic():
        execute(connections["default"], "SET LOCAL lock_timeout = '1s'")
        execute(connections["default"], "SELECT pg_advisory_xact_lock(8)")
        execute(connections["default"], "CREATE TEMP TABLE mine (n int) ON COMMIT DROP")
        with psycopg.connect(bouncer.url()) as other:
            assert other.execute("SHOW lock_timeout").fetchone() == ("10s",)
        assert execute(connections["default"], "SHOW lock_timeout") == [("1s",)]
        assert execute(connections["default"], "SELECT * FROM mine") == []
    assert execute(connections["default"], "SHOW lock_timeout") == [("10s",)]


def test_iterator(bouncer: pooler.Pooler) -> None:
    """Without server-side cursors, in which each chunk would be on another connection."""
    rows = ContentType.objects.iterator(chunk_size=1)
    first = next(rows)
    with the_connection_is_taken(bouncer):
        others = list(rows)

    assert first not in others
    assert 1 + len(others) == ContentType.objects.count()


def test_a_server_side_cursor_would_be_lost(bouncer: pooler.Pooler) -> None:
    settings = connections["default"].settings_dict | {"DISABLE_SERVER_SIDE_CURSORS": False}
    connections["default"].settings_dict = settings
    rows = ContentType.objects.iterator(chunk_size=1)
    next(rows)
    with the_connection_is_taken(bouncer), pytest.raises((DatabaseError, psycopg.DatabaseError)):
        list(rows)


def test_prepared_statements(bouncer: pooler.Pooler, report: list[str]) -> None:
    """Off unless the settings ask for them; PgBouncer keeps them apart from 1.21 on."""
    shown = subprocess.run([pooler.program(), "-V"], capture_output=True, text=True).stdout
    version = tuple(map(int, shown.split()[1].split(".")))
    connection = connections["default"]
    assert connection.get_connection_params()["prepare_threshold"] is None
    options = {**connection.settings_dict["OPTIONS"], "server_side_binding": True}
    # From the first time on.
    options["prepare_threshold"] = 0
    connection.settings_dict = {**connection.settings_dict, "OPTIONS": options}

    def ask_all() -> None:
        for number in range(20):
            ContentType.objects.filter(pk=number).exists()
            with the_connection_is_taken(bouncer):
                ContentType.objects.filter(pk=number).exists()
        assert execute(connection, "SELECT count(*) FROM pg_prepared_statements")[0][0] > 0

    if version >= (1, 21):
        ask_all()
    else:
        with pytest.raises((DatabaseError, psycopg.DatabaseError)):
            ask_all()


def test_savepoints() -> None:
    with transaction.atomic():
        kind = ContentType.objects.create(app_label="a", model="b")
        with pytest.raises(DatabaseError), transaction.atomic():
            execute(connections["default"], "SELECT 1 / 0")
        assert ContentType.objects.filter(pk=kind.pk).exists()
        transaction.set_rollback(True)


def test_select_for_update(bouncer: pooler.Pooler) -> None:
    lock = "SELECT 1 FROM django_content_type FOR UPDATE NOWAIT"
    with transaction.atomic():
        assert list(ContentType.objects.select_for_update())
        with (
            psycopg.connect(bouncer.url()) as other,
            pytest.raises(psycopg.errors.LockNotAvailable),
        ):
            other.execute(lock)
    with psycopg.connect(bouncer.url()) as other:
        assert other.execute(lock).fetchone() == (1,)


def test_time_zone() -> None:
    """The server of the tests is in New York, the role in UTC."""
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    with transaction.atomic():
        Session.objects.create(session_key="k", session_data="", expire_date=moment)
        assert Session.objects.get(session_key="k").expire_date == moment
        shown = execute(
            connections["default"], "SELECT extract(hour FROM expire_date) FROM django_session"
        )
        assert int(shown[0][0]) == 3
        transaction.set_rollback(True)


@pytest.mark.parametrize(
    ("options", "id"),
    [({"options": "-c search_path=a"}, "E001"), ({"assume_role": "somebody"}, "E002")],
)
def test_session_options_are_refused(options: dict[str, str], id: str) -> None:
    changed = DATABASES["default"] | {"OPTIONS": DATABASES["default"]["OPTIONS"] | options}
    with override_settings(DATABASES={**DATABASES, "default": changed}):
        found = [message.id for message in run_checks()]

    assert found == [f"pgconnections.{id}"]
    assert run_checks() == []


def test_a_pooler_in_session_mode_does_no_harm(
    postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As that of a provider whose direct address is out of reach."""
    settings = pooler.settings("host=127.0.0.1 port=" + str(postgres.port))
    settings["pgbouncer"]["pool_mode"] = "session"
    monkeypatch.setattr(pooler, "settings", lambda server: settings)
    bouncer = pooler.start(postgres)
    try:
        for command in (["check", "--database=direct"], ["migrate", "--verbosity=0"]):
            done = python("manage.py", *command, DATABASE_DIRECT_URL=bouncer.url())
            assert done.returncode == 0, done.stderr
    finally:
        bouncer.remove()


MIGRATION = """
from time import sleep
from django.db import connection, migrations

def slowly(apps, editor):
    editor.execute("SELECT 1")
    sleep(1.5)
    editor.execute("SELECT pg_sleep(1.5)")

class Migration(migrations.Migration):
    operations = [migrations.RunPython(slowly)]
"""


def as_superuser(postgres: Server, *statements: str) -> None:
    with psycopg.connect(postgres.url(SUPERUSER), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def test_a_migration_has_all_the_time_that_it_needs(postgres: Server) -> None:
    """Whatever its role may otherwise, in a statement or between two of them."""
    package = PROJECT / "slow"
    (package / "migrations").mkdir(parents=True)
    for file in (package / "__init__.py", package / "migrations" / "__init__.py"):
        file.touch()
    (package / "migrations" / "0001_slow.py").write_text(MIGRATION)
    settings = "from config.settings import *\nINSTALLED_APPS += ['slow']\n"
    (PROJECT / "slow" / "settings.py").write_text(settings)
    limits = ("statement_timeout", "idle_in_transaction_session_timeout")
    as_superuser(postgres, *(f"ALTER ROLE {SERVICE} SET {name} = '1s'" for name in limits))

    done = python("manage.py", "migrate", "slow", DJANGO_SETTINGS_MODULE="slow.settings")

    assert done.returncode == 0, done.stderr


def test_a_role_that_may_open_too_few_connections_is_refused(postgres: Server) -> None:
    limit = f"ALTER ROLE {SERVICE} CONNECTION LIMIT"
    needed = BUDGET.of_the_role
    as_superuser(postgres, f"{limit} {needed - 1}")
    refused = python("manage.py", "migrate")
    as_superuser(postgres, f"{limit} {needed}")
    accepted = python("manage.py", "migrate")

    assert refused.returncode == 1
    assert refused.stderr == (
        f"CommandError: The role {SERVICE} may open {needed - 1} connections, but needs {needed} "
        f"by the budget: {limit} {needed}.\n"
    )
    assert accepted.returncode == 0, accepted.stderr


def test_the_console_is_for_the_role_pgbouncer(bouncer: pooler.Pooler) -> None:
    """It may look, and nothing else."""
    console = {"host": "127.0.0.1", "port": bouncer.port, "dbname": "pgbouncer"}
    console |= {"password": PASSWORD, "autocommit": True}
    with psycopg.connect(**console, user="pgbouncer") as connection:
        pools = connection.execute("SHOW POOLS").fetchall()
        with pytest.raises(psycopg.DatabaseError):
            connection.execute("PAUSE")

    assert any(SERVICE in pool for pool in pools)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(**console, user=SERVICE)
