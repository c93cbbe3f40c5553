"""A service whose server changes under it: what fails, what recovers by itself, and how soon."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest
from pgconnections import SERVICE
from pgconnections.settings import BUDGET, DATABASES
from tests.load import Proxy, Timed, constant_load, now
from tests.postgres import SUPERUSER, Server, free_port, give, own_folder, run
from tests.service import PASSWORD, PROJECT, Service, Watch, python, running_service

POOLED = importlib.util.find_spec("tests.pooler") is not None
# The start command has a PgBouncer beside the web server.
BESIDE = POOLED and importlib.util.find_spec("pgconnections.with_pgbouncer") is not None
# The connections that the service may hold, each of which may fail one request.
HELD = BUDGET.server_connections if POOLED else BUDGET.processes * BUDGET.per_process


def as_superuser(server: Server, *statements: str, database: str = SERVICE) -> list[tuple]:
    with psycopg.connect(server.url(SUPERUSER, database), autocommit=True) as connection:
        for statement in statements:
            cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


@pytest.fixture(scope="module")
def proxy(postgres: Server) -> Proxy:
    as_superuser(
        postgres,
        "CREATE TABLE written (at timestamptz DEFAULT now())",
        f"GRANT ALL ON written TO {SERVICE}",
    )
    return Proxy(postgres.port)


@pytest.fixture(scope="module")
def road(postgres: Server, proxy: Proxy) -> Iterator[str]:
    """The URL that the service has; what moves is behind the proxy."""
    before, after = f":{postgres.port}/", f":{proxy.port}/"
    if BESIDE or not POOLED:
        yield postgres.url().replace(before, after)
        return
    from tests import pooler

    bouncer = pooler.start(postgres)
    file = bouncer.folder / "pgbouncer.ini"
    file.write_text(file.read_text().replace(f"port={postgres.port}", f"port={proxy.port}"))
    bouncer.restart()
    yield bouncer.url()
    bouncer.remove()


def running(url: str, **environment: str) -> AbstractContextManager[Service]:
    environment["DJANGO_SETTINGS_MODULE"] = "tests.changing"
    if not BESIDE:
        return running_service(DATABASE_URL=url, **environment)
    from pgconnections.pgbouncer import DIRECT

    from tests import pooler

    environment["PATH"] = f"{os.environ['PATH']}{os.pathsep}{pooler.program().parent}"
    before = [sys.executable, "-m", "pgconnections.with_pgbouncer"]
    return running_service(*before, **dict.fromkeys(DIRECT, url), **environment)


@pytest.fixture
def service(road: str) -> Iterator[Service]:
    with running(road) as service:
        yield service


@contextmanager
def asleep(proxy: Proxy, seconds: float) -> Iterator[None]:
    """Nobody is let in for these seconds, and no connection is left."""
    proxy.open.clear()
    proxy.cut()
    time.sleep(0.5)  # until everybody has heard of it
    awake = threading.Timer(seconds, proxy.open.set)
    awake.start()
    yield
    awake.join()


def seconds_until(seen: list[Timed], back: float) -> float:
    """From the moment when the server was back to the last failure."""
    return max([0.0, *(each.ended - back for each in seen if each.reply.status != 200)])


def row(fault: str, seen: list[Timed], back: float, left: int) -> str:
    failed = [each for each in seen if each.reply.status != 200]
    longest = max(each.ended - each.begun for each in seen)
    return (
        f"| {fault} | {len(seen)} | {len(failed)} | {longest:.2f} "
        f"| {seconds_until(seen, back):.2f} | {left} |"
    )


def connections(server: Server) -> int:
    [(count,)] = as_superuser(
        server, f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{SERVICE}'"
    )
    return count


@pytest.fixture
def standby(postgres: Server) -> Iterator[Server]:
    """A copy of the server, as a standby is that was promoted."""
    folder = Path(tempfile.mkdtemp(prefix="standby-"))
    own_folder(folder)
    (folder / "data").mkdir(mode=0o700)
    give(folder / "data")
    run("pg_basebackup", "-D", folder / "data", "-c", "fast", "-d", postgres.url(SUPERUSER, ""))
    standby = Server(folder, postgres.password, free_port(), postgres.settings, postgres.popen)
    standby.start()
    yield standby
    standby.stop()
    shutil.rmtree(folder)


def test_failover(
    postgres: Server, standby: Server, proxy: Proxy, service: Service, report: list[str]
) -> None:
    """The old primary stays, read-only, with all connections; a second later the address moves."""
    with constant_load(service, "/write") as seen:
        time.sleep(1)
        as_superuser(postgres, "ALTER SYSTEM SET default_transaction_read_only = on")
        as_superuser(postgres, "SELECT pg_reload_conf()")
        time.sleep(1)
        proxy.target = standby.port
        back = now()
        time.sleep(6)
        left = connections(standby)
    try:
        failed = [each for each in seen if each.reply.status != 200]
        report.append(row("failover, the address moves after 1 s", seen, back, left))
        assert 0 < len(failed) <= HELD, len(failed)
        # Those that are in a request of that moment.
        assert not [each for each in failed if each.begun > back], seconds_until(seen, back)
        assert connections(postgres) == 0 or POOLED
        assert left <= HELD
    finally:
        proxy.target = postgres.port
        as_superuser(postgres, "ALTER SYSTEM RESET ALL", "SELECT pg_reload_conf()")


def test_readiness_after_a_failover(
    postgres: Server, django_db_blocker: pytest.FixtureRequest
) -> None:
    with django_db_blocker.unblock():
        from django.db import connection
        from pgconnections.backend import health

        assert health.ask() == ""
        as_superuser(postgres, "ALTER SYSTEM SET default_transaction_read_only = on")
        as_superuser(postgres, "SELECT pg_reload_conf()")
        try:
            time.sleep(0.2)
            assert health.ask() != ""
        finally:
            as_superuser(postgres, "ALTER SYSTEM RESET ALL", "SELECT pg_reload_conf()")
            connection.close()


def refused_logins(server: Server) -> int:
    return (server.folder / "server.log").read_text().count("password authentication failed")


def test_rotated_password(postgres: Server, road: str, tmp_path: Path, report: list[str]) -> None:
    """The database has a new password, all connections end, and the file follows 4 s later."""
    before = refused_logins(postgres)
    file = tmp_path / "password"
    file.write_text(PASSWORD)
    variables = {"DATABASE_PASSWORD": "", "DATABASE_PASSWORD_FILE": str(file)}
    try:
        with (
            running(road.replace(f":{PASSWORD}@", "@"), **variables) as service,
            constant_load(service, "/write") as seen,
        ):
            time.sleep(1)
            as_superuser(postgres, f"ALTER ROLE {SERVICE} PASSWORD 'new'")
            watch = Watch(postgres)
            watch.terminate_all()
            watch.connection.close()
            time.sleep(4)
            refused = refused_logins(postgres) - before
            file.write_text("new\n")
            back = now()
            time.sleep(3)
            refused_later = refused_logins(postgres) - before - refused
            left = connections(postgres)
            served = service.get("/write").status
    finally:
        as_superuser(postgres, f"ALTER ROLE {SERVICE} PASSWORD '{PASSWORD}'")
    report.append(row("password rotated, the file 4 s later", seen, back, left))
    assert served == 200
    # One a second of each process, or one PgBouncer that asks every 0.2 s, for all of its clients.
    # At first all threads try at once.
    assert 0 < refused <= (40 if POOLED else (5 + BUDGET.per_process) * BUDGET.processes)
    # Those that had read the file before.
    assert refused_later <= 2 * BUDGET.processes


def test_cold_start(proxy: Proxy, postgres: Server, road: str, report: list[str]) -> None:
    """A database that sleeps lets a client in when it is awake, as late as its facts say."""
    cold = DATABASES["default"]["OPTIONS"]["connect_timeout"] * 3 / 4
    direct = postgres.url().replace(f":{postgres.port}/", f":{proxy.port}/")
    names = [name for name in os.environ if os.environ[name].startswith("postgres://")]
    with asleep(proxy, cold):
        done = python("manage.py", "migrate", **dict.fromkeys(names, direct))
    assert done.returncode == 0, done.stderr
    with running(road) as service:
        with asleep(proxy, cold):
            fresh = service.get("/write")
        time.sleep(1)  # what a pool opens beside it is there
        with asleep(proxy, cold):
            warm = service.get("/write")
    report.append(
        f"| cold start of {cold:.0f} s | 2 | {[fresh.status, warm.status].count(500)} "
        f"| {max(fresh.seconds, warm.seconds):.2f} | 0.00 | |"
    )
    assert (fresh.status, warm.status) == (200, 200)


def test_killed_worker(postgres: Server, road: str, report: list[str]) -> None:
    """Its queries end with it, so that its successor's connections are no more than planned."""
    for file in PROJECT.glob("role*.sql"):
        for line in file.read_text().replace("CURRENT_USER", SERVICE).splitlines():
            if line.startswith(f"ALTER ROLE {SERVICE} SET "):
                as_superuser(postgres, line)
    with running(road) as service, ThreadPoolExecutor(HELD) as clients:
        slow = [clients.submit(service.get, "/sleep") for _ in range(HELD)]
        time.sleep(2)
        workers = [
            each
            for each in psutil.Process().children(recursive=True)
            if "gunicorn" in each.parent().cmdline() and "gunicorn" in each.cmdline()
        ]
        assert len(workers) == BUDGET.processes
        # One of them may have taken all clients.
        max(workers, key=lambda worker: len(worker.net_connections())).kill()
        time.sleep(3)
        replies = service.load("/write", 4 * HELD, HELD)
        held = connections(postgres)
        lost = sum(each.result().status == 0 for each in slow)
    errors = sum(reply.status != 200 for reply in replies)
    report.append(
        f"| a worker killed, its queries of 8 s | {len(replies)} | {errors} | | | {held} |"
    )
    assert lost > 0
    assert errors == 0
    assert held <= HELD
