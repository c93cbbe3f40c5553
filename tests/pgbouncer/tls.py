"""TLS to PgBouncer and from it to PostgreSQL, by the lines in pgbouncer.ini that say how."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import trustme
from tests.certificates import HOST, SERVERS, write
from tests.postgres import SUPERUSER, Server
from tests.service import PROJECT

from tests import pooler

pytest_plugins = ["tests.certificates"]


def lines_for(leg: str) -> str:
    """The lines of pgbouncer.ini for this leg, which are comments there."""
    text = (PROJECT / "pgbouncer" / "pgbouncer.ini").read_text()
    lines = re.findall(rf"^;({leg}_tls_\w+ = .+)$", text, re.MULTILINE)
    assert lines
    return "\n".join(lines)


def connect(bouncer: pooler.Pooler, **options: str) -> list[tuple]:
    """Whether PostgreSQL says that PgBouncer came by TLS."""
    ssl = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
    with psycopg.connect(
        bouncer.url(), autocommit=True, connect_timeout=20, **options
    ) as connection:
        return connection.execute(ssl).fetchall()


def start(postgres: Server, lines: str) -> pooler.Pooler:
    """PgBouncer with these lines at the end of its file, which is in the section [pgbouncer]."""
    bouncer = pooler.start(postgres)
    bouncer.stop()
    file = bouncer.folder / "pgbouncer.ini"
    # It gives up sooner than the clients of these tests.
    text = file.read_text().replace("query_wait_timeout = 12", "query_wait_timeout = 3")
    file.write_text(f"{text}\n{lines}\n")
    bouncer.run()
    return bouncer


@pytest.mark.parametrize(("host", "ca", "accepted"), SERVERS)
def test_from_pgbouncer_to_postgresql(
    postgres_with_tls: Callable[[str], Server], folder: Path, host: str, ca: str, accepted: bool
) -> None:
    lines = lines_for("server").replace("/etc/pgbouncer/ca.pem", str(folder / ca))
    bouncer = start(postgres_with_tls(host), lines)
    try:
        if accepted:
            assert connect(bouncer) == [(True,)]
        else:
            with pytest.raises(psycopg.OperationalError):
                connect(bouncer)
    finally:
        bouncer.remove()


@pytest.fixture(scope="module")
def bouncers_with_tls(
    postgres: Server, folder: Path, authority: trustme.CA
) -> Iterator[Callable[[str], pooler.Pooler]]:
    bouncers: dict[str, pooler.Pooler] = {}

    def start_for(host: str) -> pooler.Pooler:
        if host not in bouncers:
            chain, key = write(folder, f"bouncer-{host}", authority.issue_cert(host))
            lines = lines_for("client").replace("/etc/pgbouncer/server.pem", str(chain))
            lines = lines.replace("/etc/pgbouncer/server.key", str(key))
            bouncers[host] = start(postgres, lines)
        return bouncers[host]

    yield start_for
    for bouncer in bouncers.values():
        bouncer.remove()


@pytest.mark.parametrize(
    ("host", "sslmode", "ca", "accepted"),
    [
        pytest.param(HOST, "verify-full", "ca.pem", True, id="right"),
        pytest.param(HOST, "verify-full", "other-ca.pem", False, id="another authority"),
        pytest.param("other.example", "verify-full", "ca.pem", False, id="another host name"),
        pytest.param(HOST, "disable", "ca.pem", False, id="no TLS"),
    ],
)
def test_from_clients_to_pgbouncer(
    bouncers_with_tls: Callable[[str], pooler.Pooler],
    folder: Path,
    host: str,
    sslmode: str,
    ca: str,
    accepted: bool,
) -> None:
    options = {"sslmode": sslmode, "sslrootcert": str(folder / ca)}
    if accepted:
        assert connect(bouncers_with_tls(host), **options) == [(False,)]
    else:
        with pytest.raises(psycopg.OperationalError):
            connect(bouncers_with_tls(host), **options)


def test_the_server_is_one_with_tls(postgres_with_tls: Callable[[str], Server]) -> None:
    url = postgres_with_tls(HOST).url(SUPERUSER, "postgres")
    with psycopg.connect(url, sslmode="require") as connection:
        assert connection.execute("SHOW ssl").fetchall() == [("on",)]
