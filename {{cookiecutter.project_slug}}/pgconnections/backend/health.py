"""Endpoints for a load balancer or an orchestrator.

A middleware, and the first one: probes come by address, which ALLOWED_HOSTS cannot list.
"""

import logging

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.utils.deprecation import MiddlewareMixin

logger = logging.getLogger(__name__)


class HealthMiddleware(MiddlewareMixin):
    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        if request.path == "/health/live":
            return live()
        if request.path == "/health/ready":
            return ready()
        return None


def live() -> HttpResponse:
    """The process answers. A failing database must not restart it."""
    return HttpResponse("alive", content_type="text/plain")


def ready() -> HttpResponse:
    """The database answers too, over a connection that is part of the budget like any other."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Exception:  # a pool raises errors of its own, which are not django.db.Error
        logger.exception("The database does not answer")
        return HttpResponse("database does not answer", content_type="text/plain", status=503)
    return HttpResponse("ready", content_type="text/plain")
