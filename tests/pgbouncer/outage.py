"""A server that stays away, or has no room: requests wait for a while, then they say so."""

from __future__ import annotations

import contextlib
import time

import psycopg
import pytest
from django.db import connections
from pgconnections.embedded import free_port
from pgconnections.settings import BUDGET, DATABASES
from tests.lab import BACK, BOUND, Lab, constant_load, now
from tests.service import Reply, Service, running_service

from tests import pooler

pytest_plugins = ["tests.lab"]
WITH_A_POOL = "pool" in DATABASES["default"]["OPTIONS"]


def with_a_full_pool(lab: Lab, service: Service) -> list[Reply]:
    """Replies while transactions of others have all server connections."""
    with contextlib.ExitStack() as held:
        for _ in range(BUDGET.pool_size):
            client = held.enter_context(psycopg.connect(lab.bouncer.url()))
            client.execute("SELECT 1")  # in a transaction
        # No more than one process has threads for.
        replies = service.load("/backend", 4, 4)
    assert [reply.status for reply in service.load("/backend", 8, 8)] == [200] * 8
    return replies


def test_a_full_pool(lab: Lab, service: Service) -> None:
    """Requests wait as long as PgBouncer lets them, and do not try again."""
    assert service.get("/backend").status == 200

    replies = with_a_full_pool(lab, service)

    assert all(reply.status == 500 and 14 < reply.seconds < 20 for reply in replies)


def test_a_long_outage(lab: Lab, service: Service) -> None:
    """Requests wait for a while, then they fail at once; the service is back with the server."""
    outage = 15
    with constant_load(service) as seen:
        time.sleep(1)
        lab.bouncer.process.kill()
        lab.bouncer.process.wait()
        begun = now()
        time.sleep(outage - 2)
        alive = service.get("/health/live")
        time.sleep(2)
        lab.bouncer.run()
        back = now()
        time.sleep(3)

    failed = [each for each in seen if each.reply.status != 200]
    assert alive.status == 200 and alive.seconds < 2
    # What fails later than that fails, but for a pool, which waits for its timeout, at once.
    late = [each for each in failed if each.begun > begun + 11]
    assert late or WITH_A_POOL
    limit = 16 if WITH_A_POOL else 2
    assert all(each.ended - each.begun < limit for each in late)
    assert not [each for each in failed if each.begun > back + 0.5]
    assert (
        min(each.ended for each in seen if each.ended > back and each not in failed) < back + BACK
    )


def test_a_full_pool_in_trouble(lab: Lab, service: Service) -> None:
    """A kept connection that is not trusted waits, and then the new one in its place."""
    replies = with_a_full_pool(lab, service)

    assert all(reply.status == 500 and 14 < reply.seconds < BOUND + 5 for reply in replies)


def test_servers_are_known_apart(lab: Lab) -> None:
    """That one of them was there before is no reason to wait for another one."""

    def connect(port: int) -> psycopg.Connection:
        database = connections["default"].copy()
        database.settings_dict["PORT"] = port
        database.settings_dict["OPTIONS"].pop("pool", None)
        return database.get_new_connection(database.get_connection_params())

    connect(lab.bouncer.port).close()
    begun = now()
    with pytest.raises(psycopg.OperationalError):
        connect(free_port())

    assert now() - begun < 5


def test_a_wrong_password_is_told_at_once(lab: Lab) -> None:
    """Patience is for a server that was there before."""
    url = lab.bouncer.url().replace(pooler.PASSWORD, "wrong")
    with running_service(DATABASE_URL=url) as denied:
        reply = denied.get("/health/ready")

    assert reply.status == 503
    # A pool finds out in the background, and its clients wait for its timeout.
    assert reply.seconds < (BOUND if WITH_A_POOL else 5)
