"""A request that holds its connection for a while, so that all of them fill."""

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import include, path


def hold(request: HttpRequest) -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(0.5)")
    return HttpResponse()


urlpatterns = [path("hold", hold), path("", include("config.urls"))]
