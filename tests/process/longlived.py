"""What has no requests: a command, a bot, a scheduler, a consumer."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.core.signals import request_finished, request_started
from django.db import Error, connection, transaction
from pgconnections.backend import owners
from tests.lab import ENGINE, query, until
from tests.postgres import Server
from tests.service import Watch

pytest_plugins = ["tests.lab"]


@pytest.fixture(autouse=True)
def no_requests() -> Iterator[None]:
    owners.here.owner.serves = False
    yield
    owners.here.owner.serves = False


def age() -> tuple[Any, str]:
    """Where the engine of this choice keeps when its connection gets old, or was taken."""
    if ENGINE == "pgconnections.pooled":
        return connection.connection, "_expire_at"
    by_pool = ENGINE in ("pgconnections.sqlalchemy_pool", "pgconnections.postgrespool2")
    return connection, "taken_at" if by_pool else "close_at"


def make_old() -> None:
    """As if it had been open for as long as it may be."""
    setattr(*age(), float("-inf"))


@pytest.mark.parametrize("loss", ["terminated", "restarted"])
def test_a_lost_connection_is_replaced(loss: str, postgres: Server, watch: Watch) -> None:
    for _ in range(3):
        query()
        if loss == "restarted":
            postgres.restart()
            watch = Watch(postgres)
        else:
            assert watch.terminate_all()
        assert query("SELECT 1") == 1
        assert ContentType.objects.count()
        with transaction.atomic():
            assert query("SELECT 1") == 1


def test_inside_of_a_transaction_nothing_is_hidden(watch: Watch) -> None:
    with pytest.raises(Error), transaction.atomic():
        query()
        watch.terminate_all()
        query()

    assert query("SELECT 1") == 1


if ENGINE != "pgconnections.bounded":  # which knows no age

    def test_an_old_connection_is_replaced() -> None:
        first = query()
        assert query() == first
        make_old()

        def is_replaced() -> bool:
            gc.collect()  # an exception that was raised with it may be in a cycle
            query()
            # A pool may give the same one again, but it was asked for it.
            return getattr(*age()) > float("-inf")

        # A thread of the pool may have a variable with it for a moment more.
        assert until(is_replaced)


def test_an_old_connection_stays_while_something_is_open_on_it() -> None:
    rows = ContentType.objects.order_by("id").iterator(chunk_size=1)
    seen = [next(rows)]
    make_old()

    for row in rows:
        query()
        seen.append(row)

    assert len(seen) == ContentType.objects.count() > 2


def test_a_request_keeps_its_connection() -> None:
    """State of its session is not lost before its end."""
    request_started.send(sender=None)
    query("SELECT set_config('my.tenant', '7', false)")
    make_old()
    try:
        assert query("SELECT current_setting('my.tenant', true)") == "7"
    finally:
        query("SELECT set_config('my.tenant', '', false)")
        request_finished.send(sender=None)
