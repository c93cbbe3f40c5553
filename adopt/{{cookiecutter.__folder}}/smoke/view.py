"""A view behind all middleware of this project, which tells which connection served it."""

from collections.abc import Callable

from django.db import connection
from django.http import HttpRequest, HttpResponseBase, JsonResponse

PATH = "/pgconnections-smoke"


def middleware(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """The innermost one: no URL of the project is another, whatever the host or the language."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        return backend() if request.path == PATH else get_response(request)

    return answer


def backend() -> JsonResponse:
    """The server process of PostgreSQL behind this request, kept busy so that requests overlap."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid(), pg_sleep(0.05)")
        [(pid, _)] = cursor.fetchall()
    return JsonResponse({"backend": pid})
