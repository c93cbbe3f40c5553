"""Whom to wait for, and who is told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, ProgrammingError, connection, connections
from pgconnections.backend import base, patience
from pgconnections.settings import DATABASES
from tests.lab import POOL, query, until
from tests.postgres import SUPERUSER, Server
from tests.service import Watch

pytest_plugins = ["tests.lab"]

FAILED = 'connection failed: connection to server at "127.0.0.1", port 5432 failed: '
REFUSALS = [
    FAILED + 'FATAL:  password authentication failed for user "me"',
    FAILED + 'FATAL:  database "mine" does not exist',
    FAILED + 'FATAL:  database "mine" is not currently accepting connections',
    FAILED + 'FATAL:  role "me" is not permitted to log in',
    FAILED + 'FATAL:  no pg_hba.conf entry for host "10.0.0.1", user "me", database "mine"',
    FAILED + "FATAL:  server login has been failing, cached error: password authentication failed",
    FAILED + "FATAL:  das Datenbanksystem startet",
    FAILED + "ВАЖНО:  система баз данных запускается",
    FAILED + "FATAL:  Passwort-Authentifizierung für Benutzer »me« fehlgeschlagen",
    "\n".join([FAILED + "Connection refused", FAILED + 'FATAL:  role "me" does not exist']),
    'failed: could not open certificate file "/tls/ca.pem": No such file or directory',
    "something else",
]
PASSING = [
    FAILED + "Connection refused\n\tIs the server running on that host and accepting connections?",
    FAILED + "FATAL:  the database system is starting up",
    FAILED + "FATAL:  the database system is shutting down",
    FAILED + "FATAL:  the database system is in recovery mode",
    FAILED + "FATAL:  the database system is not yet accepting connections",
    FAILED + "FATAL:  sorry, too many clients already",
    FAILED + 'FATAL:  too many connections for role "me"',
    FAILED
    + "FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute",
    FAILED + "server closed the connection unexpectedly",
    FAILED + "FATAL:  server login has been failing, cached error: connect failed",
    FAILED + "FATAL:  no more connections allowed (max_client_conn)",
    "query_wait_timeout",
    'connection failed: connection to server on socket "/run/.s.PGSQL.5432" failed: '
    "No such file or directory\n\tIs the server running locally?",
    "connection timeout expired",
    "[Errno -3] Temporary failure in name resolution: failed to resolve host 'db'",
    "\n".join(
        [FAILED + "Connection refused", FAILED + "FATAL:  the database system is starting up"]
    ),
]


@pytest.mark.parametrize("text", REFUSALS)
def test_a_refusal_is_not_waited_for(text: str) -> None:
    assert not patience.passes(psycopg.OperationalError(text))


@pytest.mark.parametrize("text", PASSING)
def test_what_passes_is_waited_for(text: str) -> None:
    assert patience.passes(psycopg.OperationalError(text))


@pytest.fixture
def another() -> Iterator[Any]:
    """The database, over a pool of its own where there is one; what it is given is changed."""
    wrapper = connections["default"].copy(alias="another")
    wrapper.settings_dict = {**wrapper.settings_dict}
    yield wrapper
    wrapper.close()
    close_pool(wrapper)


def close_pool(wrapper: Any) -> None:
    if getattr(wrapper, "pool", None):
        wrapper.close_pool()


def refused(postgres: Server, words: str) -> int:
    log = (postgres.folder / "server.log").read_text(errors="replace")
    return sum("FATAL" in line and words in line for line in log.splitlines())


WRONG = {
    "PASSWORD": ("wrong", "password authentication failed"),
    "NAME": ("nobodys", 'database "nobodys" does not exist'),
    "USER": ("nobody", 'password authentication failed for user "nobody"'),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_refusal_is_told_at_once(what: str, another: Any, postgres: Server) -> None:
    """In the words of the server, with one login each, also after an earlier success."""
    query()
    value, words = WRONG[what]
    another.settings_dict[what] = value
    before = refused(postgres, words)

    for _ in range(3):
        with pytest.raises(OperationalError, match=words):
            another.ensure_connection()

    # A pool tries again in the background.
    assert 1 <= refused(postgres, words) - before <= (4 if POOL else 3)


def test_a_pool_that_was_refused_heals(another: Any, postgres: Server) -> None:
    another.settings_dict["PASSWORD"] = "for a while"
    with pytest.raises(OperationalError, match="password authentication failed"):
        another.ensure_connection()
    user = another.settings_dict["USER"]
    with psycopg.connect(postgres.url(SUPERUSER, "postgres"), autocommit=True) as admin:
        admin.execute(f"ALTER ROLE \"{user}\" PASSWORD 'for a while'")
        try:
            assert until(lambda: connects(another))
        finally:
            admin.execute(f"ALTER ROLE \"{user}\" PASSWORD '{postgres.password}'")


def connects(wrapper: Any) -> bool:
    try:
        wrapper.ensure_connection()
    except OperationalError:
        return False
    return True


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.message for each in caplog.records if each.name == "pgconnections"]


def test_an_outage_is_told_of_once(postgres: Server, caplog: pytest.LogCaptureFixture) -> None:
    query()
    connections.close_all()
    postgres.stop()
    seen: list[int] = []

    def work() -> None:
        seen.append(query("SELECT 1"))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert until(lambda: len(lines(caplog)) == 1)
    time.sleep(0.5)
    begun = lines(caplog)
    postgres.start()
    for thread in threads:
        thread.join(30)

    assert seen == [1] * 4
    [first, last] = lines(caplog)
    assert begun == [first]
    # With the words of the server, or of the system where there is none, and without a password.
    assert "Connection refused" in first
    assert postgres.password not in first
    assert "is back after" in last
    assert connection.server.gone_since is None


def test_a_full_server_is_waited_for(another: Any, postgres: Server, watch: Watch) -> None:
    query()
    connections.close_all()
    close_pool(connections["default"])
    user = another.settings_dict["USER"]
    with psycopg.connect(postgres.url(SUPERUSER, "postgres"), autocommit=True) as admin:
        assert until(lambda: watch.open() == 0)
        admin.execute(f'ALTER ROLE "{user}" CONNECTION LIMIT 1')
        try:
            first = psycopg.connect(postgres.url())
            before = refused(postgres, "too many connections for role")
            closing = threading.Timer(1, first.close)
            closing.start()
            another.ensure_connection()
            closing.join()
        finally:
            admin.execute(f'ALTER ROLE "{user}" CONNECTION LIMIT -1')

    assert 1 <= refused(postgres, "too many connections for role") - before <= 15


def test_pauses_grow() -> None:
    assert patience.pause(0) < patience.pause(4) < patience.pause(20) < patience.pause(90)


def test_a_mistake_in_sql_is_no_trouble() -> None:
    query()
    before = connection.server.trouble_since
    with pytest.raises(ProgrammingError):
        query("SELECT nothing FROM nowhere")
    connection.close_if_unusable_or_obsolete()

    assert connection.server.trouble_since == before


def test_after_trouble_each_connection_is_asked_once(watch: Watch) -> None:
    query()
    raw = connection.connection
    alive: Callable[[], bool] = lambda: base.looks_alive(raw, connection.server, 30)  # noqa: E731
    assert alive()
    connection.server.trouble_since = time.monotonic()

    # A pooler may have answered while the server behind it was about to go.
    assert [alive() for _ in range(3)] == [False] * 3
    time.sleep(base.SETTLES)
    assert [alive() for _ in range(20)] == [False] + [True] * 19


def test_an_attempt_from_before_a_success_begins_no_outage() -> None:
    server = patience.Server("host", "1", "me", "mine")
    begun = time.monotonic()
    server.connected()

    assert server.failed(begun, OSError("late")) == 0
    assert server.gone_since is None


def test_a_success_is_forgiving() -> None:
    """Whatever worked: nobody has to wait for less because of an outage that is over."""
    server = patience.Server("host", "1", "me", "mine")
    assert server.failed(time.monotonic() - 60, OSError("gone")) > 50
    server.worked_at = time.monotonic()

    assert server.failed(time.monotonic(), OSError("gone")) < 10


def test_only_a_query_that_worked_is_forgiving() -> None:
    query()
    server = connection.server
    before = server.worked_at
    server.gone_since = time.monotonic()
    try:
        connection.close()
        connection.close_if_unusable_or_obsolete()
        assert server.worked_at == before
        query()
        before = server.worked_at
        connection.close_if_unusable_or_obsolete()
        assert server.worked_at >= before
    finally:
        server.gone_since = None


if "pool" in DATABASES["default"]["OPTIONS"]:

    def test_closing_a_pool_in_an_outage_ends_its_threads(another: Any, postgres: Server) -> None:
        another.ensure_connection()
        another.close()
        pool = another.pool
        postgres.stop()
        try:
            with pytest.raises(OperationalError):
                another.settings_dict["OPTIONS"]["pool"]["timeout"] = 1
                pool.timeout = 1
                another.ensure_connection()
            before = {thread for thread in threading.enumerate() if pool.name in thread.name}
            another.close_pool()
            left = [thread for thread in before if thread.is_alive()]
        finally:
            postgres.start()

        assert before
        assert left == []

    def test_a_connection_class_of_ones_own_stays(another: Any) -> None:
        class Own(psycopg.Connection):
            pass

        pool = another.settings_dict["OPTIONS"]["pool"]
        options = {**another.settings_dict["OPTIONS"], "pool": {**pool, "connection_class": Own}}
        another.settings_dict["OPTIONS"] = options
        another.ensure_connection()

        assert isinstance(another.connection, Own)
        assert hasattr(another.pool.connection_class, "attempts")

    def test_a_pool_without_checks(another: Any) -> None:
        another.settings_dict["CONN_HEALTH_CHECKS"] = False
        another.ensure_connection()

        assert another.pool._check is None

    def test_a_full_pool_says_how_full(another: Any) -> None:
        pool = {**another.settings_dict["OPTIONS"]["pool"], "max_size": 1, "timeout": 0.2}
        another.settings_dict["OPTIONS"] = {**another.settings_dict["OPTIONS"], "pool": pool}
        another.ensure_connection()
        second = another.copy(alias="another")
        with pytest.raises(OperationalError, match="1 of 1 connections of this process are in use"):
            second.ensure_connection()
