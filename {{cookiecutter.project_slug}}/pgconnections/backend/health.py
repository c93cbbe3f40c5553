"""Endpoints for a load balancer or an orchestrator, and what requests get without a connection.

A middleware, and the first one: probes come by address, which ALLOWED_HOSTS cannot list. Anybody
may ask, so it does not matter how often.
"""

# mypy: disable-error-code="arg-type, attr-defined"

import logging
import sys
import threading
import traceback
from time import monotonic
from typing import Any

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.http import HttpRequest, HttpResponse
from django.utils.deprecation import MiddlewareMixin
from django.utils.encoding import escape_uri_path
from django.views import defaults

LIVE, READY = "/health/live", "/health/ready"
# Seconds that all threads of a process share an answer, and after which having none is one.
SHARED_FOR, HANGS_AFTER = 1, 5

CONNECTING = BaseDatabaseWrapper.ensure_connection.__wrapped__.__code__

logger = logging.getLogger("pgconnections")


class HealthMiddleware(MiddlewareMixin):
    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        if request.path == LIVE:
            return reply("alive")  # a failing database must not restart the process
        if request.path == READY:
            return reply("ready") if database.answers() else reply("not ready", 503)
        return None

    def __call__(self, request: HttpRequest) -> Any:
        response = super().__call__(request)
        return response if self.async_mode else streamed(response)

    async def __acall__(self, request: HttpRequest) -> Any:
        return streamed(await super().__acall__(request))


def streamed(response: Any) -> Any:
    """An engine with few connections has its own back between the chunks."""
    give_back = getattr(connection, "between_chunks", None) if response.streaming else None
    return give_back(response) if give_back else response


def reply(text: str, status: int = 200) -> HttpResponse:
    response = HttpResponse(text, "text/plain", status, headers={"Cache-Control": "no-store"})
    response._has_been_logged = True  # else Django logs a line for each 503
    return response


def server_error(request: HttpRequest) -> HttpResponse:
    """The handler500: a request that got no connection in time may try again, and is no bug."""
    error = sys.exc_info()[1]
    ran = [frame.f_code for frame, _ in traceback.walk_tb(error and error.__traceback__)]
    if CONNECTING not in ran and "query_wait_timeout" not in str(error):  # which PgBouncer says
        return defaults.server_error(request)
    what = f"{request.method} {escape_uri_path(request.path)}"
    logger.error("%s got no connection: %s", what, in_one_line(error))
    response = reply("No connection to the database: try again.", 503)
    response["Retry-After"] = 5
    return response


def in_one_line(error: BaseException | None) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


class Database:
    """What this process knows of it: one thread asks, and no other waits for more than the first
    answer."""

    def __init__(self) -> None:
        self.lock = threading.Condition()  # of the rest; nobody has it while he asks or waits
        self.asking, self.since = False, float("-inf")
        self.answered: bool | None = None

    def answers(self) -> bool:
        with self.lock:
            passed = monotonic() - self.since
            if self.asking and self.answered is None:
                self.lock.wait(max(0, SHARED_FOR - passed))
            if self.asking and passed > HANGS_AFTER:
                self.learn(f"no answer for {HANGS_AFTER} seconds")
            if self.asking or passed < SHARED_FOR:
                return bool(self.answered)
            self.asking, self.since = True, monotonic()
        error = ask()
        with self.lock:
            self.asking, self.since = False, monotonic()
            self.learn(error)
            self.lock.notify_all()
        return not error

    def learn(self, error: str) -> None:
        if error and self.answered is not False:
            logger.error("The database does not answer: %s", error)
        elif not error and self.answered is False:
            logger.warning("The database answers again")
        self.answered = not error


def ask() -> str:
    """Ask over a connection that is part of the budget like any other; the error on one line."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SHOW transaction_read_only")
            read_only = cursor.fetchone() == ("on",)
    except Exception as error:  # a pool raises errors of its own, which are not django.db.Error
        return in_one_line(error)
    options = connection.settings_dict["OPTIONS"]
    if read_only and options.get("target_session_attrs", "read-write") == "read-write":
        connection.errors_occurred = True  # so that it is looked at again, and closed
        return "it has become read-only"
    return ""


database = Database()
