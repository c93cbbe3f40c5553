"""Django's PostgreSQL backend with a health check that costs no round trip.

Django's own check (CONN_HEALTH_CHECKS) sends a query before the first one of each request. This
one looks at the socket first: an idle PostgreSQL connection is silent, so when there is something
to read, the server has said goodbye. Only then, and after a long idle time (a silently dropped
route cannot be seen), is the server asked as Django would.
"""

import functools
import select
from time import monotonic
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from django.db.backends.postgresql import base
from psycopg_pool import ConnectionPool

# Seconds that a silent connection is trusted. Firewalls and load balancers forget idle connections
# after 4 to 6 minutes; TCP keepalives (environment.py) find that out as well.
TRUSTED_FOR = 30

_last_check: WeakKeyDictionary[Any, float] = WeakKeyDictionary()


def looks_alive(connection: psycopg.Connection) -> bool:
    """Whether the connection was checked lately and its socket is silent. Asks nobody."""
    now = monotonic()
    idle = now - _last_check.get(connection, float("-inf"))
    _last_check[connection] = now
    return idle < TRUSTED_FOR and not connection.closed and not _readable(connection.fileno())


def _readable(socket: int) -> bool:
    if not hasattr(select, "poll"):  # Windows
        return bool(select.select([socket], [], [], 0)[0])
    poll = select.poll()
    poll.register(socket, select.POLLIN)
    return bool(poll.poll(0))


def check_pooled(pool: ConnectionPool, connection: psycopg.Connection) -> None:
    """The pool's check at each checkout; raises psycopg.OperationalError for a dead connection.

    After a restart of the server all idle connections are dead. The pool alone would find out one
    by one, waiting 1, 2, 4... seconds in between, until the request fails.
    """
    if looks_alive(connection):
        return
    try:
        pool.check_connection(connection)
    except psycopg.OperationalError:
        pool.check()  # replaces every dead connection at once
        raise


class DatabaseWrapper(base.DatabaseWrapper):
    @property
    def pool(self) -> ConnectionPool | None:
        pool = super().pool
        # The option "check" of the pool does the same, but only from Django 6.1 on.
        if pool is not None and pool._check is ConnectionPool.check_connection:
            pool._check = functools.partial(check_pooled, pool)
        return pool

    def close_if_health_check_failed(self) -> None:
        if self.connection is not None and not self.health_check_done:
            self.health_check_done = looks_alive(self.connection)
        super().close_if_health_check_failed()
