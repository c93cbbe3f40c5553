"""What a server that logs all, and counts all, has seen of the passwords of roles.sql."""

from __future__ import annotations

import os
import secrets
import subprocess
from pathlib import Path

import psycopg
import pytest
from pgconnections import SERVICE
from tests.postgres import SUPERUSER, Server, programs, start

PROJECT = Path(__file__).resolve().parent.parent
PASSWORDS = {name: secrets.token_hex(16) for name in ("DATABASE_PASSWORD", "PGBOUNCER_PASSWORD")}
LOGS = {
    "log_statement": "all",
    "log_min_duration_statement": 0,
    "log_min_error_statement": "debug5",
    "log_min_messages": "debug5",
    "debug_print_parse": "on",
    "log_duration": "on",
    "shared_preload_libraries": "pg_stat_statements",
    "pg_stat_statements.track_utility": "on",
}


def roles(server: Server, **passwords: str) -> subprocess.CompletedProcess[str]:
    """Run roles.sql as DEPLOY.md does."""
    environment = {
        "PATH": f"{programs()}{os.pathsep}{os.environ['PATH']}",
        "PGHOST": "127.0.0.1",
        "PGPORT": str(server.port),
        "PGPASSWORD": server.password,
    }
    with (PROJECT / "roles.sql").open() as script:
        return subprocess.run(
            ["psql", "-U", SUPERUSER, "-f", "-"],
            stdin=script,
            env=environment | passwords,
            capture_output=True,
            text=True,
        )


def logs_in(server: Server, password: str) -> bool:
    try:
        psycopg.connect(server.url(SERVICE), password=password).close()
    except psycopg.OperationalError:
        return False
    return True


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Server:
    folder = tmp_path_factory.mktemp("server")
    for above in (folder, *folder.parents[:2]):
        above.chmod(0o755)  # PostgreSQL may be another user
    server = start(folder / "postgres", secrets.token_hex(16), fsync="off", **LOGS)
    yield server
    server.stop()


def test_no_password_reaches_the_server(server: Server) -> None:
    for _ in range(2):  # the roles are made, and get other passwords
        done = roles(server, **PASSWORDS)
        assert done.returncode == 0, done.stderr

    with psycopg.connect(server.url(SUPERUSER, "postgres"), autocommit=True) as connection:
        connection.execute("CREATE EXTENSION pg_stat_statements")
        statements = connection.execute("SELECT query FROM pg_stat_statements").fetchall()
    seen = f"{statements}{(server.folder / 'server.log').read_text(errors='replace')}{done}"
    assert "ALTER ROLE" in str(statements) and "statement: ALTER ROLE" in seen
    assert [name for name, password in PASSWORDS.items() if password in seen] == []
    assert logs_in(server, PASSWORDS["DATABASE_PASSWORD"])


@pytest.mark.parametrize("wrong", ["", "of two\nlines"])
def test_a_password_that_cannot_be_set(server: Server, wrong: str) -> None:
    """It changes nothing, and is told."""
    assert roles(server, **PASSWORDS).returncode == 0
    done = roles(server, **PASSWORDS | {"DATABASE_PASSWORD": wrong})

    assert done.returncode != 0
    assert f"the password of {SERVICE} is not changed" in done.stderr
    assert logs_in(server, PASSWORDS["DATABASE_PASSWORD"])
