"""Commands of Django that touch the database end at once, and without a warning."""

from __future__ import annotations

import pytest
from tests.postgres import Server
from tests.service import python

pytest_plugins = ["tests.lab"]
QUERY = "from django.db import connection; connection.cursor().execute('SELECT 1')"
COMMANDS = [
    ["shell", "-v0", "-c", QUERY],
    ["inspectdb"],
    ["createcachetable"],
    ["showmigrations"],
    ["migrate", "--verbosity=0"],
    ["flush", "--no-input", "--verbosity=0"],
    ["connections"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda each: each[0])
def test_a_command_ends_without_a_word(command: list[str], postgres: Server) -> None:
    """A pool that Python has to end waits for its threads, and says so after 5 seconds of each."""
    done = python("manage.py", *command, PYTHONWARNINGS="error::ResourceWarning")

    assert done.returncode == 0
    # What django-postgrespool2 itself says when it is imported is another thing.
    said = [line for line in done.stderr.splitlines() if "pool" in line and "manage" not in line]
    assert said == []
