"""Settings, and what the tests of streams ask."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

from asgiref.sync import sync_to_async
from config.settings import *  # noqa: F403
from django.db import connection, transaction
from django.http import HttpRequest, JsonResponse, StreamingHttpResponse
from django.urls import path

ROOT_URLCONF = "tests.views"
CHUNKS = 8


def pid() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return f"{cursor.fetchone()[0]}\n"


def events() -> Iterator[str]:
    """A query for each, until the client leaves."""
    for _ in range(200):
        yield pid()
        time.sleep(0.25)


def rows() -> Iterator[str]:
    """Of one cursor, which must not be in a transaction of others."""
    cursor = connection.cursor()
    for _ in range(CHUNKS):
        cursor.execute("SELECT pg_backend_pid(), now() = statement_timestamp()")
        pid, alone = cursor.fetchone()
        yield f"{pid if alone else 'in a transaction of others'}\n"
        time.sleep(0.25)


def in_a_transaction() -> Iterator[str]:
    with transaction.atomic():
        for _ in range(CHUNKS):
            yield pid()
            time.sleep(0.25)


KINDS = {"events": events, "rows": rows, "transaction": in_a_transaction}


def stream(request: HttpRequest, kind: str) -> StreamingHttpResponse:
    pid()  # what the view takes itself
    chunks = KINDS[kind]()
    return StreamingHttpResponse(chunks if hasattr(request, "environ") else later(chunks))


async def later(chunks: Iterator[str]) -> AsyncIterator[str]:
    step: Any = sync_to_async(lambda: next(chunks, None))
    while (chunk := await step()) is not None:
        yield chunk
        await asyncio.sleep(0.25)


def query(request: HttpRequest) -> JsonResponse:
    """A transaction that lasts for a moment."""
    with transaction.atomic():
        pid()
        time.sleep(0.03)
        return JsonResponse({"backend": pid()})


urlpatterns = [path("stream/<kind>", stream), path("query", query)]
