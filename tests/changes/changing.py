"""The settings and the views of a service whose database changes."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import path
from tests.settings import *  # noqa: F403

ROOT_URLCONF = "tests.changing"


def ask(sql: str) -> HttpResponse:
    from django.db import connection  # these are the settings

    with connection.cursor() as cursor:
        cursor.execute(sql)
    return HttpResponse()


def write(request: HttpRequest) -> HttpResponse:
    return ask("INSERT INTO written DEFAULT VALUES")


def sleep(request: HttpRequest) -> HttpResponse:
    return ask("SELECT pg_sleep(8)")


urlpatterns = [path("write", write), path("sleep", sleep)]
