"""TLS from a PgBouncer beside its instance to PostgreSQL, by the options of the database URL."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from tests.certificates import SERVERS
from tests.postgres import Server

from tests import pooler

pytest_plugins = ["tests.certificates"]


@pytest.mark.parametrize(("host", "ca", "accepted"), SERVERS)
def test_from_pgbouncer_to_postgresql(
    postgres_with_tls: Callable[[str], Server],
    folder: Path,
    host: str,
    ca: str,
    accepted: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = postgres_with_tls(host)
    url = f"{server.url()}?sslmode=verify-full&sslrootcert={folder / ca}"
    for variable in pooler.pgbouncer.DIRECT:
        monkeypatch.setenv(variable, url)
    bouncer = pooler.start(server)
    ssl = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
    try:
        # Shorter than query_wait_timeout: with a wrong certificate there is no server to wait for.
        with psycopg.connect(bouncer.url(), autocommit=True, connect_timeout=5) as connection:
            connection.execute("SET statement_timeout = 3000")
            told = connection.execute(ssl).fetchone()
    except psycopg.OperationalError:
        told = None
    finally:
        bouncer.process.kill()
        bouncer.remove()

    assert told == ((True,) if accepted else None)
