"""A server that stays away, or has no room: requests wait for a while, then they say so."""

from __future__ import annotations

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from django.db import connections
from pgconnections.settings import BUDGET, DATABASES
from tests.lab import BACK, Lab
from tests.load import CLIENTS, Proxy, constant_load, now, recovery
from tests.postgres import free_port
from tests.service import Reply, Service, running_service

from tests import pooler

pytest_plugins = ["tests.lab"]
WITH_A_POOL = "pool" in DATABASES["default"]["OPTIONS"]
# In its 12 seconds, of the two connections that it tries to open.
ATTEMPTS_OF_POOL = 12


def with_a_full_pool(lab: Lab, service: Service) -> tuple[list[Reply], float]:
    """Replies while transactions of others have all server connections, and how many seconds
    PgBouncer lets a client wait for one."""
    with contextlib.ExitStack() as held, ThreadPoolExecutor(1) as beside:
        for _ in range(BUDGET.pool_size):
            client = held.enter_context(psycopg.connect(lab.bouncer.url()))
            client.execute("SELECT 1")  # in a transaction
        patience = beside.submit(refused_after, lab)
        # No more than one process has threads for.
        replies = service.load("/backend", 4, 4)
        seconds = patience.result()
    assert [reply.status for reply in service.load("/backend", 8, 8)] == [200] * 8
    return replies, seconds


def refused_after(lab: Lab) -> float:
    """Seconds until PgBouncer refuses a client for which it has no server connection."""
    with psycopg.connect(lab.bouncer.url()) as client:
        begun = now()
        with pytest.raises(psycopg.OperationalError):
            client.execute("SELECT 1")
        return now() - begun


def test_a_full_pool(lab: Lab, service: Service) -> None:
    """Requests wait as long as PgBouncer lets them, and do not try again."""
    assert service.get("/backend").status == 200

    replies, patience = with_a_full_pool(lab, service)

    assert all(reply.status == 503 for reply in replies)
    assert all(0.9 < reply.seconds / patience < 1.3 for reply in replies)


def test_a_long_outage(lab: Lab, service: Service) -> None:
    """Requests wait for a while, then they fail at once; the service is back with the server."""
    with constant_load(service) as seen:
        time.sleep(1)
        lab.bouncer.process.kill()
        lab.bouncer.process.wait()
        begun = now()
        time.sleep(13)
        alive = service.get("/health/live")
        time.sleep(2)
        lab.bouncer.run()
        back = now()
        time.sleep(3)

    failed = [each for each in seen if each.reply.status != 200]
    # Those that found the server gone: the first of them waited for it.
    without = [each for each in failed if each.begun > begun]
    patience = max(each.ended - each.begun for each in seen)
    gave_up = min(each.ended for each in without)
    late = [each for each in without if each.begun > gave_up]
    # Who is asked for nothing but a sign of life does not wait.
    assert alive.status == 200 and alive.seconds < patience / 4
    # What comes later fails, but for a pool, which waits for its timeout, at once.
    assert late or WITH_A_POOL
    assert all(each.ended - each.begun < patience / 4 for each in late) or WITH_A_POOL
    # Nobody has to try twice after that.
    assert len([each for each in failed if each.begun > back]) <= CLIENTS
    assert recovery(seen, begun, back) < BACK


def test_a_full_pool_in_trouble(lab: Lab, service: Service) -> None:
    """A kept connection that is not trusted waits, and then the new one in its place."""
    replies, patience = with_a_full_pool(lab, service)

    assert all(reply.status == 503 for reply in replies)
    assert all(0.9 < reply.seconds / patience < 2.3 for reply in replies)


def test_servers_are_known_apart(lab: Lab) -> None:
    """That one of them was there before is no reason to wait for another one."""

    def connect(port: int) -> psycopg.Connection:
        database = connections["default"].copy()
        database.settings_dict["PORT"] = port
        database.settings_dict["OPTIONS"].pop("pool", None)
        return database.get_new_connection(database.get_connection_params())

    connect(lab.bouncer.port).close()
    another = Proxy(free_port())
    with pytest.raises(psycopg.OperationalError):
        connect(another.port)

    assert another.accepted == 1


def test_a_wrong_password_is_told_at_once(lab: Lab) -> None:
    """Patience is for a server that was there before."""
    road = Proxy(lab.bouncer.port)
    url = lab.bouncer.url().replace(pooler.PASSWORD, "wrong")
    url = url.replace(f":{lab.bouncer.port}/", f":{road.port}/")
    with running_service(DATABASE_URL=url) as denied:
        reply = denied.get("/health/ready")
        attempts = road.accepted

    assert reply.status == 503
    # A pool finds out in the background, after 1, 2, 4... seconds, until its clients give up.
    assert 1 <= attempts <= (ATTEMPTS_OF_POOL if WITH_A_POOL else 1)
