"""State of a session: it stays on a connection that is reused, unless CONN_RESET says otherwise."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.signals import request_finished, request_started
from django.db import connection, connections
from tests.lab import query, until

pytest_plugins = ["tests.lab"]
# What a request leaves, how the next one sees it, and what it has to see.
STATE = {
    "SET": ("SET statement_timeout = '7s'", "SHOW statement_timeout", "0"),
    "set_config": (
        "SELECT set_config('my.tenant', '7', false)",
        "SELECT coalesce(current_setting('my.tenant', true), '')",
        "",
    ),
    "time zone": ("SET TIME ZONE 'Asia/Tokyo'", "SHOW TimeZone", "UTC"),
    "lock": (
        "SELECT pg_advisory_lock(7)",
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()",
        0,
    ),
    "temporary table": (
        "CREATE TEMPORARY TABLE mine AS SELECT 1",
        "SELECT to_regclass('pg_temp.mine')::text",
        None,
    ),
}


def request(sql: str) -> object:
    """A request with this statement; what it reads, if anything."""
    request_started.send(sender=None)
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchone()[0] if cursor.description else None
    finally:
        request_finished.send(sender=None)


@pytest.fixture
def one_connection() -> Iterator[None]:
    """A pool has one, so that the next request gets the same."""
    query()
    wrapper = connections["default"]
    if getattr(wrapper, "pool", None) and "pool" in wrapper.settings_dict["OPTIONS"]:
        connections.close_all()
        wrapper.close_pool()
        wrapper.settings_dict["OPTIONS"]["pool"] |= {"min_size": 1, "max_size": 1}
    yield
    wrapper.settings_dict.pop("CONN_RESET", None)
    connections.close_all()
    if getattr(wrapper, "pool", None) and "pool" in wrapper.settings_dict["OPTIONS"]:
        wrapper.close_pool()


@pytest.mark.parametrize("kind", STATE)
def test_it_stays_without_the_option(kind: str, one_connection: None) -> None:
    leave, see, clean = STATE[kind]
    request(leave)

    assert request(see) != clean


@pytest.mark.parametrize("kind", STATE)
def test_it_is_gone_with_the_option(kind: str, one_connection: None) -> None:
    connections["default"].settings_dict["CONN_RESET"] = True
    leave, see, clean = STATE[kind]
    first = request("SELECT pg_backend_pid()")
    request(leave)

    assert request(see) == clean
    assert request("SHOW TimeZone") == "UTC"
    # The same connection, or it would be no wonder.
    assert until(lambda: request("SELECT pg_backend_pid()") == first)
