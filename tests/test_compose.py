"""What compose.yaml says, and what it does inside its containers: no Docker engine is needed."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import Bake

PASSWORD = """it's "odd" \\ $HOME `id` #1"""

# Start the server that a rendered project brings along, and run a shell command beside it.
BESIDE_POSTGRES = """
import os, shutil, subprocess, sys, tempfile
from pathlib import Path
from tests import postgres as dev_postgres

folder = Path(tempfile.mkdtemp())
server = dev_postgres.start(folder, "only-for-this-test", fsync="off")
os.environ |= {"PGHOST": "127.0.0.1", "PGPORT": str(server.port), "PGPASSWORD": server.password}
os.environ["PATH"] = f"{dev_postgres.programs()}:{os.environ['PATH']}"
try:
    sys.exit(subprocess.run(["sh", "-euc", sys.argv[1]]).returncode)
finally:
    server.stop()
    shutil.rmtree(folder)
"""

# Compose starts with an empty server; this one has the role already.
EMPTY = "psql -qU postgres -c 'DROP DATABASE my_service' -c 'DROP ROLE my_service'"
ASK = (
    'PGPASSWORD="$DATABASE_PASSWORD" psql -U my_service -Atc '
    "'SELECT rolname, rolsuper, rolcreatedb, rolcreaterole, rolconnlimit FROM pg_roles "
    "WHERE rolname = user'"
)


def test_the_role_is_an_ordinary_one_with_any_password(bake: Bake) -> None:
    environment = {"PATH": os.environ["PATH"], "DATABASE_PASSWORD": PASSWORD}
    # Twice, as after a change.
    script = f"{EMPTY}\n" + 2 * "psql -qU postgres < roles.sql\n"

    done = subprocess.run(
        [sys.executable, "-B", "-c", BESIDE_POSTGRES, f"{script}{ASK}"],
        cwd=bake(),
        env=environment,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "my_service|f|f|f|97"


@pytest.fixture
def services(bake: Bake) -> dict[str, Any]:
    project = bake(pooling="pgbouncer", web_instances=3, database_limit=50)
    return yaml.safe_load((project / "compose.yaml").read_text(encoding="utf-8"))["services"]


def test_only_the_web_service_is_published_and_only_here(services: dict[str, Any]) -> None:
    ports = {name: service.get("ports", []) for name, service in services.items()}

    assert {name for name in ports if ports[name]} == {"web"}
    assert all(port.startswith("127.0.0.1:") for port in ports["web"])


def test_pgbouncer_is_confined(bake: Bake, services: dict[str, Any]) -> None:
    pgbouncer = services["pgbouncer"]
    dockerfile = (bake(pooling="pgbouncer") / "pgbouncer" / "Dockerfile").read_text("utf-8")

    assert pgbouncer["read_only"] is True
    assert pgbouncer["cap_drop"] == ["ALL"]
    assert pgbouncer["security_opt"] == ["no-new-privileges:true"]
    # Docker cannot put configs or secrets into a read-only container.
    assert not {"configs", "secrets", "privileged", "user"} & pgbouncer.keys()
    assert pgbouncer["tmpfs"] == ["/run/pgbouncer:uid=10001,gid=10001,mode=0700"]
    assert "\nUSER 10001\n" in dockerfile
    assert "\nSTOPSIGNAL SIGINT\n" in dockerfile


@pytest.mark.parametrize(
    "answers", [{"pooling": "pgbouncer"}, {"pooling": "pgbouncer", "hosting_target": "fly"}]
)
@pytest.mark.parametrize(
    ("version", "fixed"),
    [("1.24.1-1", False), ("1.26.1~rc1-1", False), ("1.26.1-1.pgdg13+1", True)],
)
def test_an_old_pgbouncer_fails_the_build(
    bake: Bake, answers: dict[str, str], version: str, fixed: bool, tmp_path: Path
) -> None:
    assert shutil.which("dpkg"), "dpkg is missing: install it, for example with brew install dpkg"
    project = bake(**answers)
    own = project / "pgbouncer" / "Dockerfile"
    dockerfile = (own if own.exists() else project / "Dockerfile").read_text("utf-8")
    (check,) = re.findall(r"^    && (dpkg --compare-versions .*) \\$", dockerfile, re.MULTILINE)

    dpkg_query = tmp_path / "dpkg-query"
    dpkg_query.write_text(f"#!/bin/sh\necho {version}\n")
    dpkg_query.chmod(0o755)
    path = os.pathsep.join([str(tmp_path), os.environ["PATH"]])
    done = subprocess.run(["sh", "-c", check], env=os.environ | {"PATH": path})

    assert (done.returncode == 0) == fixed


def test_secrets_are_written_once_and_for_their_owner(bake: Bake, tmp_path: Path) -> None:
    deploy = (bake(pooling="pgbouncer") / "DEPLOY.md").read_text(encoding="utf-8")
    commands = deploy.split("\n\n")[1].partition("    docker ")[0]
    run = functools.partial(subprocess.run, ["sh", "-c", commands], cwd=tmp_path)

    first, file = run(), tmp_path / ".env"
    secrets = dict(line.split("=") for line in file.read_text().splitlines())
    again = run(capture_output=True)

    assert first.returncode == 0
    names = ["SECRET_KEY", "DATABASE_PASSWORD", "POSTGRES_PASSWORD", "PGBOUNCER_PASSWORD"]
    assert list(secrets) == names
    assert len(set(secrets.values())) == len(names)
    assert min(map(len, secrets.values())) >= 50
    assert file.stat().st_mode & 0o777 == 0o600
    assert again.returncode != 0
    assert dict(line.split("=") for line in file.read_text().splitlines()) == secrets


def test_the_order_of_the_start(services: dict[str, Any]) -> None:
    healthy, ended = (
        {"condition": "service_healthy"},
        {"condition": "service_completed_successfully"},
    )

    assert services["pgbouncer"]["depends_on"] == {"db": healthy}
    assert services["migrate"]["depends_on"] == {"db": healthy}
    assert services["web"]["depends_on"] == {"db": healthy, "pgbouncer": healthy, "migrate": ended}
    assert all("healthcheck" in services[name] for name in ("db", "pgbouncer"))


def test_passwords_are_in_no_url(services: dict[str, Any]) -> None:
    """There some characters would need escapes."""
    environment = services["web"]["environment"]

    assert environment["DATABASE_URL"] == "postgres://my_service@pgbouncer:6432/my_service"
    assert environment["DATABASE_DIRECT_URL"] == "postgres://my_service@db:5432/my_service"
    for service in services.values():
        for name, value in service.get("environment", {}).items():
            secret = name.endswith(("PASSWORD", "KEY"))
            assert not secret or value.startswith(f"${{{name}"), name
