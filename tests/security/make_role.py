"""Have an administrator make the role of the service, with the steps of DEPLOY.md, and look at it.

Runs on a server of a rendered project: an administrator as providers have it, or a superuser, makes
the role twice; then the migrations run as that role. It reads what to do as JSON from the standard
input, and prints what it saw.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ORDER = json.load(sys.stdin)
# The settings of the project are read when its packages are imported.
os.environ |= dict.fromkeys(ORDER["roads"], "postgres://nobody@127.0.0.1/nothing")

from tests import pooler  # noqa: E402
from tests import postgres as dev_postgres  # noqa: E402

PSQL = [dev_postgres.programs() / "psql", "-X", "-v", "ON_ERROR_STOP=1", "-At"]

# The PgBouncer that Railway adds: entrypoint.sh of github.com/railwayapp-templates/pgbouncer, with
# what railway.com/deploy/postgres-with-pgbouncer sets.
RAILWAYS = """
[databases]
* = host=127.0.0.1 port={server} auth_user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own}
unix_socket_dir =
auth_file = {folder}/userlist.txt
auth_type = scram-sha-256
auth_query = SELECT usename, passwd FROM pg_shadow WHERE usename=$1
pool_mode = transaction
"""


def run(url: str, *arguments: str, **options: str) -> str:
    # Without a terminal `\password` and `\prompt` read their answers from the standard input.
    done = subprocess.run(
        [*PSQL, url, *arguments], capture_output=True, text=True, start_new_session=True, **options
    )
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return done.stdout.strip()


def make(server: dev_postgres.Server) -> None:
    superuser = server.url("postgres", "postgres")
    run(superuser, "-c", "DROP DATABASE my_service", "-c", "DROP ROLE my_service")
    run(superuser, "-c", "CREATE EXTENSION pg_stat_statements")
    create = f"CREATE ROLE administrator LOGIN CREATEDB CREATEROLE PASSWORD '{server.password}'"
    run(superuser, "-c", create, "-c", "GRANT CREATE ON DATABASE postgres TO administrator")
    for _ in range(2):
        run(server.url(ORDER["as"], "postgres"), input=ORDER["steps"])


def behind_railways(server: dev_postgres.Server, url: str) -> str:
    """Who the service is behind that PgBouncer."""
    bouncer = pooler.Pooler(dev_postgres.free_port(), Path(tempfile.mkdtemp()))
    settings, users = bouncer.folder / "pgbouncer.ini", bouncer.folder / "userlist.txt"
    settings.write_text(
        RAILWAYS.format(server=server.port, own=bouncer.port, folder=bouncer.folder)
    )
    users.write_text(f'"postgres" "{server.password}"')
    dev_postgres.give(bouncer.folder, settings, users)
    bouncer.run()
    try:
        return run(url.replace(f":{server.port}/", f":{bouncer.port}/"), "-c", "SELECT USER")
    finally:
        bouncer.remove()


def look(server: dev_postgres.Server) -> dict[str, object]:
    superuser = server.url("postgres", "postgres")
    if ORDER["schema"]:
        owner = "SELECT nspowner::regrole FROM pg_namespace WHERE nspname = 'my_service'"
    else:
        owner = "SELECT datdba::regrole FROM pg_database WHERE datname = 'my_service'"
    role = "SELECT row_to_json(r) FROM pg_roles AS r WHERE rolname = 'my_service'"
    url = f"postgres://my_service:{ORDER['password']}@127.0.0.1:{server.port}/{ORDER['database']}"
    migrated = subprocess.run(
        [sys.executable, "manage.py", "migrate"],
        env=os.environ | ORDER["budget"] | dict.fromkeys(ORDER["roads"], url),
        capture_output=True,
        text=True,
    )
    tables = "SELECT count(*) FROM pg_tables WHERE tableowner = 'my_service'"
    members = "SELECT count(*) FROM pg_auth_members WHERE member = 'my_service'::regrole"
    return {
        "role": json.loads(run(superuser, "-c", role)),
        "owner": run(superuser, "-c", owner),
        "member of": int(run(superuser, "-c", members)),
        "tables": int(run(url, "-c", tables)),
        "errors": migrated.stderr,
        "behind Railway's": behind_railways(server, url) if ORDER["railway"] else None,
        "log": (server.folder / "server.log").read_text(),
        "statements": run(superuser, "-c", "SELECT query FROM pg_stat_statements"),
    }


def main() -> dict[str, object]:
    folder = Path(tempfile.mkdtemp())
    statements = {"shared_preload_libraries": "pg_stat_statements", "log_statement": ORDER["log"]}
    server = dev_postgres.start(folder, "only-for-this-test", fsync="off", **statements)
    try:
        make(server)
        return look(server)
    finally:
        server.stop()
        shutil.rmtree(folder)


if __name__ == "__main__":
    print(json.dumps(main()))
