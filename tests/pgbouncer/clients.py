"""Two thousand clients of PgBouncer on a budget of twenty connections."""

from __future__ import annotations

import asyncio
import resource
import threading
import time
from collections.abc import Iterator

import psycopg
import pytest
from pgconnections.settings import BUDGET
from tests.postgres import SUPERUSER, Server

from tests import pooler

CLIENTS = 2_000
ROUNDS = 3
# Each client and each connection of PgBouncer is a file of its process, which gets this limit too.
MOST = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
NEEDED = 2 * CLIENTS


@pytest.fixture
def bouncer(postgres: Server) -> Iterator[pooler.Pooler]:
    if MOST < NEEDED:
        pytest.fail(f"{MOST} open files are allowed, and {NEEDED} needed: raise `ulimit -Hn`")
    resource.setrlimit(resource.RLIMIT_NOFILE, (MOST, MOST))
    bouncer = pooler.start(postgres)
    yield bouncer
    bouncer.remove()


async def clients(url: str) -> tuple[int, int]:
    """Answers, and clients that were connected at once."""
    few = asyncio.Semaphore(100)  # logins at once; PgBouncer has one thread

    async def log_in() -> psycopg.AsyncConnection:
        async with few:
            return await psycopg.AsyncConnection.connect(url, autocommit=True, connect_timeout=60)

    everyone = await asyncio.gather(*(log_in() for _ in range(CLIENTS)))

    async def ask(client: psycopg.AsyncConnection) -> int:
        cursor = await client.execute("SELECT 1, pg_sleep(0.005)")
        return (await cursor.fetchone())[0]

    answers = 0
    for _ in range(ROUNDS):
        answers += sum(await asyncio.gather(*map(ask, everyone)))
    held = sum(not client.closed for client in everyone)
    await asyncio.gather(*(client.close() for client in everyone))
    return answers, held


class Peak(threading.Thread):
    """The most connections at once of all roles but the superuser."""

    def __init__(self, postgres: Server) -> None:
        super().__init__()
        self.connection = psycopg.connect(postgres.url(SUPERUSER, "postgres"), autocommit=True)
        self.seen = 0
        self.done = False

    def run(self) -> None:
        count = (
            "SELECT count(*) FROM pg_stat_activity "
            f"WHERE backend_type = 'client backend' AND usename <> '{SUPERUSER}'"
        )
        while not self.done:
            self.seen = max(self.seen, self.connection.execute(count).fetchone()[0])
            time.sleep(0.002)
        self.connection.close()


def test_two_thousand_clients(bouncer: pooler.Pooler, postgres: Server, report: list[str]) -> None:
    peak = Peak(postgres)
    peak.start()
    begun = time.monotonic()
    try:
        answers, held = asyncio.run(clients(bouncer.url()))
    finally:
        peak.done = True
        peak.join()
    seconds = time.monotonic() - begun
    report.append(f"| {held} | {BUDGET.for_web} | {peak.seen} | {answers} | {seconds:.0f} |")

    assert held == CLIENTS <= BUDGET.max_client_conn
    assert answers == ROUNDS * CLIENTS
    assert BUDGET.for_web == 20
    assert 10 < peak.seen <= BUDGET.for_web
