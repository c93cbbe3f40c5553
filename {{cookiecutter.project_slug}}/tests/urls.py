"""Views that tell which connection served them."""

from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.urls import include, path

from config.urls import handler500  # noqa: F401 (Django looks for it in the first of them)


def backend(request: HttpRequest) -> JsonResponse:
    """The server process of PostgreSQL behind this request, kept busy so that requests overlap."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid(), pg_sleep(0.05)")
        pid, _ = cursor.fetchone()
{% if plan.pooled %}
    # What the pooler calls this client: the same as long as the connection to it is reused.
    return JsonResponse({"backend": pid, "client": connection.connection.info.backend_pid})
{% else %}
    return JsonResponse({"backend": pid})
{% endif %}


def iterate(request: HttpRequest) -> JsonResponse:
    """Read in chunks, which is where Django uses a server-side cursor."""
    return JsonResponse({"rows": sum(1 for _ in ContentType.objects.iterator(chunk_size=1))})


urlpatterns = [
    path("backend", backend),
    path("iterate", iterate),
    path("", include("config.urls")),
]
