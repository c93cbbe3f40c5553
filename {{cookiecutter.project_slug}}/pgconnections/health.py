"""Endpoints for a load balancer or an orchestrator."""

import logging

from django.db import connection
from django.http import HttpRequest, HttpResponse

logger = logging.getLogger(__name__)


def live(request: HttpRequest) -> HttpResponse:
    """The process answers. A failing database must not restart it."""
    return HttpResponse("alive", content_type="text/plain")


def ready(request: HttpRequest) -> HttpResponse:
    """The database answers too, over a connection that is part of the budget like any other."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Exception:  # a pool raises errors of its own, which are not django.db.Error
        logger.exception("The database does not answer")
        return HttpResponse("database does not answer", content_type="text/plain", status=503)
    return HttpResponse("ready", content_type="text/plain")
