"""Requests that get no connection in time: what they answer, and what the log says."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection, connections
from django.db.backends.postgresql.base import Database
from django.test import Client, override_settings
from tests.lab import ENGINE, MOST, OWN, query, until
from tests.postgres import SUPERUSER, Server

pytest_plugins = ["tests.lab"]
# Connections that a process may have at once by its engine, not only by its threads.
BOUNDED = OWN and ENGINE != "pgconnections.backend"
HOLD_ON = 0.2


def impatient() -> None:
    """Nobody waits as long as in production."""
    query()
    wrapper = connections["default"]
    wrapper.settings_dict["CONN_PATIENCE"] = HOLD_ON
    if ENGINE == "pgconnections.pooled":
        wrapper.pool.timeout = HOLD_ON
    elif ENGINE == "pgconnections.sqlalchemy_pool":
        from dj_db_conn_pool.core import pool_container

        pool_container.get("default")._timeout = HOLD_ON
    elif ENGINE == "pgconnections.postgrespool2":
        wrapper.pool._timeout = HOLD_ON
    elif ENGINE == "pgconnections.bounded":
        from pgconnections.bounded import base

        base.TIMEOUT = HOLD_ON
    connections.close_all()


@contextmanager
def all_in_use(postgres: Server) -> Iterator[None]:
    """All connections of this process; where only its threads bound them, those of its role."""
    done = threading.Event()
    taken: list[int] = []

    def hold() -> None:
        taken.append(query())
        done.wait(60)

    if BOUNDED:
        threads = [threading.Thread(target=hold) for _ in range(MOST)]
        for thread in threads:
            thread.start()
        assert until(lambda: len(taken) == MOST)
        yield
        done.set()
        for thread in threads:
            thread.join()
        return
    limit = f'ALTER ROLE "{connection.settings_dict["USER"]}" CONNECTION LIMIT'
    admin = Database.connect(postgres.url(SUPERUSER, "postgres"))
    admin.autocommit = True
    admin.cursor().execute(f"{limit} 0")
    yield
    admin.cursor().execute(f"{limit} -1")
    admin.close()


def test_no_connection_in_time(postgres: Server, caplog: pytest.LogCaptureFixture) -> None:
    impatient()
    client = Client(raise_request_exception=False)
    with override_settings(ROOT_URLCONF="tests.urls", ALLOWED_HOSTS=["testserver"]):
        assert client.get("/backend").status_code == 200
        connections.close_all()  # a client of tests does not
        with all_in_use(postgres):
            caplog.clear()
            answer = client.get("/backend")
            alive = client.get("/health/live")
        assert client.get("/backend").status_code == 200

    assert (answer.status_code, alive.status_code) == (503, 200)
    assert int(answer["Retry-After"]) > 0
    errors = [each for each in caplog.records if each.levelno >= logging.ERROR]
    [line] = errors
    assert (line.name, line.exc_info) == ("pgconnections", None)
    assert line.message.startswith("GET /backend got no connection: OperationalError: ")
    # How full it was.
    full = f"{MOST}" if BOUNDED else "too many connections for role"
    assert full in line.message


def test_other_errors_stay_errors(caplog: pytest.LogCaptureFixture) -> None:
    """As a mistake in SQL, on a connection."""
    client = Client(raise_request_exception=False)
    with override_settings(ROOT_URLCONF="tests.urls", ALLOWED_HOSTS=["testserver"]):
        connections["default"].execute_wrappers.append(lambda *args: 1 / 0)
        try:
            answer = client.get("/backend")
        finally:
            connections["default"].execute_wrappers.pop()

    assert answer.status_code == 500
    assert "Traceback" in caplog.text
