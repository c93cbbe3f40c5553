"""What the user reads at the end of a generation, in full, from the real command."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import TEMPLATE
from renderings import new_user, run

DEFAULT = """
The connection budget of my_service

  limit                      100  database_limit
  reserved by the server       3  not for ordinary roles
  other connections            3  workers, cron, shells, migrations
  for the web processes       94  limit - reserved - other
  per process                  4  at most
  peak                         8  1 instance x 2 processes x 4
  spare                       86  not planned for anything

  persistent: each thread keeps its connection: the fastest choice, \
with nothing between Django and the database; \
at peak its threads hold 8 of the 94 connections left for the web.

Next, in my_service/:
  run it:   python3 -m venv .venv && .venv/bin/pip install -qr requirements.txt \
-r requirements-dev.txt && .venv/bin/python dev.py
  test it:  python3 -m venv .venv && .venv/bin/pip install -qr requirements.txt \
-r requirements-dev.txt && .venv/bin/pytest
"""

TIGHT = """
The connection budget of my_service

  limit                       20  database_limit
  reserved by the server       3  not for ordinary roles
  other connections            3  workers, cron, shells, migrations
  for the web processes       14  limit - reserved - other
  per process                  7  at most
  peak                        14  1 instance x 2 processes x 7
  spare                        0  not planned for anything

  psycopg-pool: the threads of a process share the connections of Django's own pool; \
one per thread would not fit, at peak the pools hold 14 of the 14 connections left for the web.

Next, in my_service/:
  run it:   python3 -m venv .venv && .venv/bin/pip install -qr requirements.txt \
-r requirements-dev.txt && .venv/bin/python dev.py
  test it:  python3 -m venv .venv && .venv/bin/pip install -qr requirements.txt \
-r requirements-dev.txt && .venv/bin/pytest
"""

BEHIND_PGBOUNCER = """
The connection budget of my_service

  limit                       20  database_limit
  reserved by the server       0  none is published
  other connections            3  workers, cron, shells, migrations
  for the web processes       17  limit - reserved - other
  per process                  4  to the pooler
  peak                        16  2 instances x 2 processes x 4
  pooler to database          16  a PgBouncer beside each of 2 instances x pool_size 8
  spare                        1  not planned for anything

  pgbouncer: all processes share the server connections of PgBouncer.

Next, in my_service/:
  run it:   python3 -m venv .venv && .venv/bin/pip install -qr requirements.txt \
-r requirements-dev.txt && .venv/bin/python dev.py
  test it:  python3 -m venv .venv && .venv/bin/pip install -qr requirements.txt \
-r requirements-dev.txt && sh tests/get-pgbouncer.sh && .venv/bin/pytest
"""


@pytest.mark.parametrize(
    ("answers", "text"),
    [
        pytest.param("", DEFAULT, id="default"),
        pytest.param("database_limit=20 web_threads=16", TIGHT, id="tight"),
        pytest.param("hosting_target=heroku pooling=pgbouncer", BEHIND_PGBOUNCER, id="pgbouncer"),
    ],
)
def test_summary(answers: str, text: str, tmp_path: Path) -> None:
    env = new_user(tmp_path / "home") | {"PYTHONDONTWRITEBYTECODE": "1"}

    done = run("cookiecutter", TEMPLATE, "--no-input", *answers.split(), cwd=tmp_path, env=env)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == text
