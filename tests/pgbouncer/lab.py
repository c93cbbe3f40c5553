"""A service behind PgBouncer, all of which can be broken, under constant load."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from tests.load import Proxy
from tests.postgres import Server, run
from tests.service import Service, running_service

from tests import pooler

# Seconds that a request may wait for a connection, whatever breaks: docs/pgbouncer.md says of what.
BOUND = 30
# After how many usual requests the service is back with the server.
BACK = 15


@dataclass
class Lab:
    """All that can be broken."""

    postgres: Server
    proxy: Proxy
    bouncer: pooler.Pooler

    def pg_ctl(self, *arguments: str) -> None:
        run("pg_ctl", "-D", self.postgres.folder / "data", "-w", *arguments)


@pytest.fixture(scope="module")
def lab(postgres: Server) -> Iterator[Lab]:
    proxy = Proxy(postgres.port)
    bouncer = pooler.start(postgres)
    yield Lab(postgres, proxy, bouncer)
    bouncer.remove()


@pytest.fixture(scope="module")
def service(lab: Lab) -> Iterator[Service]:
    with running_service(DATABASE_URL=lab.bouncer.url()) as service:
        yield service
