"""What the tests of the web servers ask: it is copied into the tests of a rendered project."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt


def query(request: HttpRequest) -> JsonResponse:
    """A query of so many seconds."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(%s)", [float(request.GET.get("seconds", 0.02))])
    return JsonResponse({"worker": os.getpid()})


def ran(request: HttpRequest) -> HttpResponse:
    """Leaves a mark, so that one can tell whether it ran."""
    with Path(os.environ["MARKS"]).open("a") as file:
        file.write("x")
    return HttpResponse("ran")


@csrf_exempt
def request(request: HttpRequest) -> JsonResponse:
    """What the view is told."""
    names = ("REMOTE_ADDR", "SERVER_PROTOCOL", "CONTENT_LENGTH")
    return JsonResponse({
        "secure": request.is_secure(),
        "host": request.get_host(),
        "path": request.path,
        "cookies": request.COOKIES,
        "fields": sorted(key for key in request.META if key.startswith("HTTP_")),
        "lines": [line.decode() for line in request],
        **{name: request.META.get(name) for name in names},
    })  # fmt: skip


def stream(request: HttpRequest, kind: str) -> StreamingHttpResponse:
    chunks = CHUNKS[kind]()
    # Under ASGI Django would read all of an iterator that is not asynchronous.
    return StreamingHttpResponse(chunks if hasattr(request, "environ") else later(chunks))


async def later(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


def short() -> Iterator[bytes]:
    yield from (b"a", b"", b"bc")


def endless() -> Iterator[bytes]:
    while True:
        yield b"x" * 65536


def broken() -> Iterator[bytes]:
    yield b"a"
    raise ValueError("after the first chunk")


CHUNKS = {"short": short, "endless": endless, "broken": broken}


def leave(request: HttpRequest) -> HttpResponse:
    sys.exit(3)


def hang(request: HttpRequest) -> HttpResponse:
    """Nothing else in this process runs any more."""
    ctypes.PyDLL(None).sleep(3600)
    return HttpResponse()


GROWN = []


def grow(request: HttpRequest) -> HttpResponse:
    GROWN.append(b"x" * 300_000_000)
    return HttpResponse("grown")


urlpatterns = [
    *(path(view.__name__, view) for view in (query, ran, request, leave, hang, grow)),
    path("request/<path:rest>", lambda told, rest: request(told)),
    path("stream/<kind>", stream),
]
