"""What compose.yaml does inside its containers, done here: no Docker engine is needed for that."""

from __future__ import annotations

import os
import subprocess
import sys

import yaml
from conftest import Bake

PASSWORD = """it's "odd" \\ $HOME `id` #1"""

# Start the server that a rendered project brings along, and run a shell command beside it.
BESIDE_POSTGRES = """
import os, shutil, subprocess, sys, tempfile
from pathlib import Path
from pgconnections import embedded

folder = Path(tempfile.mkdtemp())
folder.chmod(0o755)  # PostgreSQL may have to run as another user
server = embedded.start(folder / "data")
os.environ |= {"PGHOST": "127.0.0.1", "PGPORT": str(server.port), "PGPASSWORD": embedded.PASSWORD}
os.environ["PATH"] = f"{embedded._programs()}:{os.environ['PATH']}"
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
    "'SELECT rolname, rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = user'"
)


def test_the_role_is_an_ordinary_one_with_any_password(bake: Bake) -> None:
    compose = yaml.safe_load((bake() / "compose.yaml").read_text(encoding="utf-8"))
    script = compose["configs"]["create-role"]["content"].replace("$$", "$")
    environment = {"PATH": os.environ["PATH"], "DATABASE_PASSWORD": PASSWORD}

    done = subprocess.run(
        [sys.executable, "-B", "-c", BESIDE_POSTGRES, f"{EMPTY}\n{script}\n{ASK}"],
        cwd=bake(),
        env=environment,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "my_service|f|f|f"
