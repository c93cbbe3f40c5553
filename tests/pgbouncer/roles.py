"""Who may log in through PgBouncer, and what the roles of roles.sql may do."""

from __future__ import annotations

import string
from collections.abc import Iterator
from urllib.parse import quote

import psycopg
import pytest
from pgconnections import SERVICE
from pgconnections.settings import BUDGET
from psycopg import errors
from tests.postgres import SUPERUSER, Server
from tests.service import PASSWORD, python

from tests import pooler

PRINTABLE = string.digits + string.ascii_letters + string.punctuation + " äß€🚀"


@pytest.fixture(scope="module")
def bouncer(postgres: Server) -> Iterator[pooler.Pooler]:
    bouncer = pooler.start(postgres)
    yield bouncer
    bouncer.remove()


def ask(url: str, sql: str, *parameters: str) -> list[tuple]:
    with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
        cursor = connection.execute(sql, parameters)
        return cursor.fetchall() if cursor.description else []


@pytest.fixture
def admin(postgres: Server) -> str:
    return postgres.url(SUPERUSER, SERVICE)


def test_the_script_runs_again(bouncer: pooler.Pooler, postgres: Server) -> None:
    pooler.create_roles(postgres, bouncer.folder / "roles.sql")

    assert ask(bouncer.url(), "SELECT 1") == [(1,)]


def test_the_role_is_an_ordinary_one(bouncer: pooler.Pooler, admin: str) -> None:
    may = "rolsuper, rolcreaterole, rolreplication, rolbypassrls, rolcanlogin, rolconnlimit"
    rows = dict((row[0], row[1:]) for row in ask(admin, f"SELECT rolname, {may} FROM pg_roles"))

    limit = BUDGET.limit - BUDGET.reserved - 1
    assert rows[SERVICE] == (False, False, False, False, True, limit)
    assert rows["pgbouncer"] == (False, False, False, False, True, 2)
    assert rows["pgbouncer_owner"] == (False, False, False, False, False, -1)
    # The tests give it back what the script takes.
    assert "NOCREATEDB" in (bouncer.folder / "roles.sql").read_text()


def test_settings_of_the_role_get_through(bouncer: pooler.Pooler) -> None:
    wanted = {
        "timezone": "UTC",
        "statement_timeout": "15s",
        "lock_timeout": "10s",
        "idle_in_transaction_session_timeout": "1min",
        "client_connection_check_interval": "1s",
        "tcp_keepalives_idle": "30",
        "tcp_keepalives_interval": "5",
        "tcp_keepalives_count": "3",
        "tcp_user_timeout": "15000",  # in milliseconds, as its socket has it
    }

    assert {name: ask(bouncer.url(), f"SHOW {name}")[0][0] for name in wanted} == wanted


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT rolpassword FROM pg_authid",
        "SELECT passwd FROM pg_shadow",
        "SELECT * FROM pgbouncer.secret_of('pgbouncer')",
        "SELECT * FROM pgbouncer.secret_of(current_user)",
        "SET ROLE pgbouncer",
        "SET ROLE pgbouncer_owner",
        "GRANT pgbouncer_owner TO current_user",
        "ALTER FUNCTION pgbouncer.secret_of(text) SECURITY INVOKER",
        "CREATE OR REPLACE FUNCTION pgbouncer.secret_of(role text) RETURNS TABLE (username text, "
        "secret text) LANGUAGE sql AS $$ SELECT 'a', 'b' $$",
        "CREATE FUNCTION pgbouncer.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    ],
)
def test_the_service_reads_no_secret(bouncer: pooler.Pooler, sql: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        ask(bouncer.url(), sql)


def test_the_function_knows_the_role_of_the_service_only(
    bouncer: pooler.Pooler, postgres: Server, admin: str
) -> None:
    roles = {
        "a_superuser": "SUPERUSER LOGIN",
        "a_replica": "REPLICATION LOGIN",
        "makes_roles": "CREATEROLE LOGIN",
        "runs_programs": "LOGIN IN ROLE pg_execute_server_program",
        "of_a_superuser": "LOGIN NOINHERIT IN ROLE a_superuser",
        "of_a_replica": "LOGIN NOINHERIT IN ROLE a_replica",
        "of_a_member": "LOGIN NOINHERIT IN ROLE of_a_superuser",
        "ordinary": "LOGIN",
        "of_another": "LOGIN IN ROLE ordinary",
    }
    for role, may in roles.items():
        ask(admin, f"CREATE ROLE {role} {may} PASSWORD '{PASSWORD}'")
    try:
        lookup = postgres.url("pgbouncer", SERVICE)
        told = {
            role: len(ask(lookup, "SELECT * FROM pgbouncer.secret_of(%s)", role))
            for role in (*roles, SERVICE, SUPERUSER, "pgbouncer", "nobody", "' OR true --")
        }
        let_in = {}
        for role in (*roles, SERVICE, SUPERUSER):
            try:
                ask(bouncer.url().replace(f"//{SERVICE}:", f"//{role}:"), "SELECT 1")
                let_in[role] = True
            except psycopg.OperationalError:
                let_in[role] = False
    finally:
        for role in roles:
            ask(admin, f"DROP ROLE {role}")

    assert {role for role, rows in told.items() if rows} == {SERVICE}
    assert {role for role, may in let_in.items() if may} == {SERVICE}


@pytest.mark.parametrize("may", ["NOLOGIN", "VALID UNTIL '2020-01-01'"])
def test_a_role_that_may_not_log_in(
    bouncer: pooler.Pooler, postgres: Server, admin: str, may: str
) -> None:
    lookup = postgres.url("pgbouncer", SERVICE)
    ask(admin, f"ALTER ROLE {SERVICE} {may}")
    try:
        assert ask(lookup, "SELECT * FROM pgbouncer.secret_of(%s)", SERVICE) == []
    finally:
        ask(admin, f"ALTER ROLE {SERVICE} LOGIN VALID UNTIL 'infinity'")


def test_the_lookup_role_reads_nothing_else(
    bouncer: pooler.Pooler, postgres: Server, admin: str
) -> None:
    lookup = postgres.url("pgbouncer", SERVICE)

    with pytest.raises(errors.InsufficientPrivilege):
        ask(lookup, "SELECT rolpassword FROM pg_catalog.pg_authid")
    # If it had a table of its own, that would not get into the function, which has a search_path of
    # its own.
    shadow = "CREATE TEMP TABLE pg_authid (rolname text, rolpassword text)"
    ask(admin, f"GRANT TEMPORARY ON DATABASE {SERVICE} TO pgbouncer")
    try:
        with psycopg.connect(lookup, autocommit=True) as connection:
            connection.execute(shadow)
            told = connection.execute("SELECT * FROM pgbouncer.secret_of(%s)", [SERVICE]).fetchall()
    finally:
        ask(admin, f"REVOKE TEMPORARY ON DATABASE {SERVICE} FROM pgbouncer")
    assert told[0][1].startswith("SCRAM-SHA-256$")


def test_only_the_service_has_temporary_tables(bouncer: pooler.Pooler, postgres: Server) -> None:
    temporary = "CREATE TEMP TABLE numbers (number int)"

    ask(postgres.url(SERVICE, SERVICE), temporary)
    with pytest.raises(errors.InsufficientPrivilege):
        ask(postgres.url("pgbouncer", SERVICE), temporary)


def test_a_wrong_password_is_refused(bouncer: pooler.Pooler) -> None:
    with pytest.raises(psycopg.OperationalError):
        ask(bouncer.url().replace(PASSWORD, "wrong"), "SELECT 1")


def test_another_database_is_refused(bouncer: pooler.Pooler) -> None:
    with pytest.raises(psycopg.OperationalError):
        ask(f"{bouncer.url().rpartition('/')[0]}/postgres", "SELECT 1")


def test_any_printable_password(postgres: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """In roles.sql, in start.sh, in the URL, and apart from the URL."""
    check = ["manage.py", "check", "--database=default"]
    with monkeypatch.context() as patch:
        patch.setattr(pooler, "PASSWORD", PRINTABLE)
        bouncer = pooler.start(postgres)
        try:
            url = f"postgres://{SERVICE}{{}}@127.0.0.1:{bouncer.port}/{SERVICE}"
            escaped = url.format(f":{quote(PRINTABLE, '')}")
            in_the_url = python(*check, DATABASE_URL=escaped, DATABASE_PASSWORD="")
            apart = {"DATABASE_URL": url.format(""), "DATABASE_PASSWORD": PRINTABLE}
            in_a_variable = python(*check, **apart)
            file = bouncer.folder / "password"
            file.write_text(f"{PRINTABLE}\n")
            in_a_file = python(*check, **apart | {"DATABASE_PASSWORD_FILE": str(file)})
            wrong = python(*check, **apart | {"DATABASE_PASSWORD": PRINTABLE[1:]})
        finally:
            bouncer.remove()
    pooler.start(postgres).remove()  # the password of the other tests again

    for done in (in_the_url, in_a_variable, in_a_file):
        assert done.returncode == 0, done.stderr
    assert wrong.returncode != 0


EVIL = f"""
CREATE SCHEMA pgbouncer;
GRANT ALL ON SCHEMA pgbouncer TO PUBLIC;
CREATE FUNCTION pgbouncer.secret_of(role text) RETURNS TABLE (username text, secret text)
    LANGUAGE sql AS $$ SELECT role, current_user::text $$;
CREATE FUNCTION public.mine(name, name) RETURNS boolean LANGUAGE plpgsql AS
    $$ BEGIN EXECUTE 'ALTER ROLE {SERVICE} SUPERUSER'; RETURN false; END $$;
CREATE OPERATOR public.= (LEFTARG = name, RIGHTARG = name, FUNCTION = public.mine);
CREATE FUNCTION public.mine(name, text) RETURNS boolean LANGUAGE plpgsql AS
    $$ BEGIN EXECUTE 'ALTER ROLE {SERVICE} SUPERUSER'; RETURN false; END $$;
CREATE OPERATOR public.= (LEFTARG = name, RIGHTARG = text, FUNCTION = public.mine);
ALTER DATABASE {SERVICE} SET search_path = public, pg_catalog;
"""


def test_what_the_service_made_before_is_not_taken_over(
    bouncer: pooler.Pooler, postgres: Server, admin: str
) -> None:
    """The owner of a database may make a schema of any name in it, and say what is found first."""
    ask(admin, "DROP SCHEMA pgbouncer CASCADE")
    service = postgres.url(SERVICE, SERVICE)
    for statement in EVIL.strip().split(";\n"):
        ask(service, statement.rstrip(";"))
    try:
        pooler.create_roles(postgres, bouncer.folder / "roles.sql")

        superuser = "SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname::text = %s::text"
        assert ask(admin, superuser, SERVICE) == [(False,)]
        owners = "SELECT nspname::text, nspowner::regrole::text FROM pg_catalog.pg_namespace"
        found = {name: owner for name, owner in ask(admin, owners) if name.startswith("pgbouncer")}
        assert found.pop("pgbouncer") == "pgbouncer_owner"
        assert list(found.values()) == [SERVICE]  # what it had made, under another name
        with pytest.raises(errors.InsufficientPrivilege):
            ask(service, "DROP FUNCTION pgbouncer.secret_of(text)")
        with pytest.raises(errors.InsufficientPrivilege):
            ask(service, "CREATE FUNCTION pgbouncer.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'")
        assert ask(bouncer.url(), "SELECT 1") == [(1,)]
    finally:
        ask(admin, f"ALTER DATABASE {SERVICE} RESET search_path")
        ask(admin, f"ALTER ROLE {SERVICE} NOSUPERUSER")
