"""The URLs of this project, and a view that tells which connection served it."""

from importlib import import_module

from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.urls import path

from pgconnections.smoke.settings import theirs


def backend(request: HttpRequest) -> JsonResponse:
    """The server process of PostgreSQL behind this request, kept busy so that requests overlap."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid(), pg_sleep(0.05)")
        pid, _ = cursor.fetchone()
    return JsonResponse({"backend": pid})


backend.login_required = False  # type: ignore[attr-defined]

urlpatterns = [
    path("pgconnections-smoke", backend),
    *import_module(theirs.ROOT_URLCONF).urlpatterns,
]
