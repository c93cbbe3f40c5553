"""What prepared statements are worth behind PgBouncer, from 1.21 on: off and on in turns."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from tests.postgres import Server

from tests import pooler

ROUNDS, QUERIES = 15, 200
# As psycopg does by itself: from the sixth time on that a connection runs a statement.
ON = {"server_side_binding": True, "prepare_threshold": 5}

WORK: dict[str, Callable[[], object]] = {
    "one row by its key": lambda: ContentType.objects.filter(pk=1).first(),
    "five tables joined": lambda: list(
        Permission.objects.select_related("content_type").filter(group__user__username="nobody")
    ),
}


@pytest.fixture(scope="module")
def bouncer(postgres: Server) -> Iterator[pooler.Pooler]:
    bouncer = pooler.start(postgres)
    yield bouncer
    bouncer.remove()


@pytest.mark.parametrize("name", WORK)
def test_prepared_statements(
    name: str, bouncer: pooler.Pooler, django_db_blocker: pytest.FixtureRequest, report: list[str]
) -> None:
    with django_db_blocker.unblock():
        before = connections["default"]
        roads = {kind: through(bouncer, options) for kind, options in (("off", {}), ("on", ON))}
        try:
            seconds: dict[str, list[float]] = {kind: [] for kind in roads}
            for _ in range(ROUNDS):
                for kind, road in roads.items():
                    connections["default"] = road
                    begun = time.perf_counter()
                    for _ in range(QUERIES):
                        WORK[name]()
                    seconds[kind].append(time.perf_counter() - begun)
            with roads["on"].cursor() as cursor:
                cursor.execute("SELECT count(*) FROM pg_prepared_statements")
                prepared = cursor.fetchone()[0]
        finally:
            for road in roads.values():
                road.close()
            connections["default"] = before
    # The first rounds fill caches.
    off, on = (statistics.median(each[3:]) for each in seconds.values())
    report.append(f"| {name} | {1000 * off / QUERIES:.2f} | {on / off:.2f} |")

    assert prepared > 0


def through(bouncer: pooler.Pooler, options: dict[str, object]) -> BaseDatabaseWrapper:
    """A connection by way of PgBouncer, with these options more."""
    road = connections.create_connection("default")
    all_options = {**road.settings_dict["OPTIONS"], **options}
    road.settings_dict = {**road.settings_dict, "PORT": bouncer.port, "OPTIONS": all_options}
    return road
