"""What all of these tests need: they are copied into the tests of a rendered project."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection, connections
from pgconnections.settings import BUDGET, DATABASES
from tests.postgres import Server

ENGINE = DATABASES["default"].get("ENGINE", "django.db.backends.postgresql")
OPTIONS = DATABASES["default"].get("OPTIONS", {})
# Whether the connections of a process come from a pool.
POOL = "pool" in OPTIONS or "pool" in ENGINE
# Whether the template renders the engine.
OWN = ENGINE.startswith("pgconnections.")
MOST = BUDGET.per_process


@pytest.fixture(autouse=True)
def database(postgres: Server, django_db_blocker: Any) -> Iterator[None]:
    """That of the service itself, and no connection left from the test before."""
    with django_db_blocker.unblock():
        yield
        connections.close_all()


def query(sql: str = "SELECT pg_backend_pid()") -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


def until(condition: Callable[[], Any], seconds: float = 10) -> bool:
    """Whether it comes true, in as long as a busy machine may need."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True
