"""One query per request, as a view of each kind."""

from asgiref.sync import sync_to_async
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.urls import path


def query() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return cursor.fetchone()[0]


def sync_view(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"backend": query()})


async def async_view(request: HttpRequest) -> JsonResponse:
    """As the ORM's own async methods ask: in the thread of the request."""
    return JsonResponse({"backend": await sync_to_async(query)()})


urlpatterns = [path("sync", sync_view), path("async", async_view)]
