"""What the command line of gunicorn and its variable override."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from pgconnections.settings import BUDGET
from tests.lab import ENGINE, OWN
from tests.service import PROJECT

pytest_plugins = ["tests.lab"]
GUNICORN = [sys.executable, "-m", "gunicorn", "--bind=127.0.0.1:0"]
SERVE = [sys.executable, "-m", "pgconnections.serve"]
# More than the limit has room for.
MANY = str(BUDGET.for_web + 1)
BOUNDED = OWN and ENGINE != "pgconnections.backend"


def refused(*command: str, **environment: str) -> str:
    """What it says where it does not start."""
    env = os.environ | {"PORT": "0", "HOST": "127.0.0.1"} | environment
    process = subprocess.Popen(
        command, cwd=PROJECT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        said, _ = process.communicate(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        said = process.communicate()[0]
        pytest.fail(f"it starts: {said}")
    assert process.returncode == 1
    assert "Traceback" not in said
    return said.splitlines()[-1]


@pytest.mark.parametrize(
    ("command", "arguments", "variable"),
    [
        (GUNICORN, f"-w {MANY} config.wsgi", ""),
        (GUNICORN, "config.wsgi", f"--workers {MANY}"),
        (SERVE, f"--workers={MANY}", ""),
    ],
)
def test_more_workers_than_the_limit_has_room_for(
    command: list[str], arguments: str, variable: str
) -> None:
    said = refused(*command, *arguments.split(), GUNICORN_CMD_ARGS=variable)

    assert f"{MANY} WEB_CONCURRENCY" in said
    assert f"DATABASE_LIMIT {BUDGET.limit} - " in said


if not BOUNDED:

    def test_more_threads_than_the_limit_has_room_for() -> None:
        said = refused(*GUNICORN, "--threads", MANY, "config.wsgi")

        assert f"x {MANY} WEB_THREADS" in said

    def test_a_worker_class_that_nothing_bounds() -> None:
        said = refused(*GUNICORN, "-k", "asgi", "config.asgi:application")

        assert said.startswith("Worker class asgi with config.asgi:application: ")
