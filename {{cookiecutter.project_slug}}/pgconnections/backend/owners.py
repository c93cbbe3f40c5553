"""Who holds connections: what a thread has goes back when it ends, and a forked child has none.

Django closes them at the end of a request. A thread of one's own has no requests: what it took
would stay open until garbage collection, or be lost to its pool.
"""

# mypy: disable-error-code="attr-defined, union-attr"

import contextlib
import logging
import os
import sys
import threading
from time import monotonic
from typing import Any
from weakref import WeakSet

from asgiref.local import Local
from django.core.signals import request_started
from django.db import connections
from django.db.backends.signals import connection_created

# Seconds after which a thread without requests that holds an idle connection is told of.
IDLES_AFTER = 10

logger = logging.getLogger("pgconnections")


class Owner:
    """A thread. It is in its thread-local data, so it ends with the thread, and in it."""

    def __init__(self) -> None:
        self.process, self.thread, self.since = os.getpid(), threading.current_thread(), monotonic()
        self.held: dict[str, Any] = {}
        # A request gives back what it took; the connections of the main thread end with it.
        self.serves, self.told = False, self.thread is threading.main_thread()
        owners.add(self)

    def __del__(self) -> None:
        # In a forked child other threads of the parent end too. At the end of Python `sys` is none.
        if sys and not sys.is_finalizing() and os.getpid() == self.process:
            for wrapper in self.held.values():
                if wrapper.allow_thread_sharing:
                    continue  # whom it was lent to closes it
                with contextlib.suppress(Exception):  # nobody is left to hear of it
                    wrapper.connection.rollback()  # else a pool logs it, for which it is too late
                with contextlib.suppress(Exception):
                    wrapper.inc_thread_sharing()  # another thread may have looked at this one
                    wrapper.close()
                    wrapper.dec_thread_sharing()


class Here(threading.local):
    def __init__(self) -> None:
        self.owner = Owner()


owners: WeakSet[Owner] = WeakSet()
opened: WeakSet[Any] = WeakSet()  # connections of the driver
foreign: list[Any] = []  # what belongs to the parent of this process
here = Here()


def created(connection: Any, **kwargs: Any) -> None:
    if connection.vendor == "postgresql":
        opened.add(getattr(connection.connection, "driver_connection", connection.connection))
        # Not of a copy, nor lent by another thread.
        if getattr(connections._connections, connection.alias, None) is connection:
            here.owner.held[connection.alias], here.owner.since = connection, monotonic()
        tell_of_idle_threads()


def tell_of_idle_threads() -> None:
    with contextlib.suppress(RuntimeError):  # a thread began meanwhile: the next time, then
        for owner in [each for each in owners if not each.told and not each.serves]:
            held = [each.connection for each in list(owner.held.values())]
            idle = any(each and each.info.transaction_status == 0 for each in held)
            owner.told = idle and monotonic() - owner.since > IDLES_AFTER
            if owner.told:
                logger.warning(
                    "Thread %s holds a connection of the budget, and does nothing with it: "
                    "django.db.connections.close_all() at the end of its work gives it back.",
                    owner.thread.name,
                )


def started(**kwargs: Any) -> None:
    here.owner.serves = True


def start_anew() -> None:
    """In a forked child, which has the sockets of its parent: nothing of it reaches the server."""
    null = os.open(os.devnull, os.O_RDWR)
    for connection in list(opened):
        if not connection.closed:
            os.dup2(null, connection.fileno(), inheritable=False)
    os.close(null)
    foreign.append(connections._connections)
    connections._connections = Local(connections.thread_critical)


connection_created.connect(created)
request_started.connect(started)
os.register_at_fork(after_in_child=start_anew)
