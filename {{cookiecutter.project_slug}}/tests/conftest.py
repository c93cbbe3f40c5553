"""The tests run on a real PostgreSQL, which allows as many connections as the database plan."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import django
import pytest

from pgconnections.backend.environment import ConfigurationError
from pgconnections.budget import Budget
from tests.postgres import Server, start
from tests.requirements import not_locked
from tests.service import PASSWORD, PROJECT, Watch

postgres_key = pytest.StashKey[Server]()
report_key = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Start PostgreSQL before the settings are read, which need its URL."""
    if sentence := not_locked():
        pytest.exit(sentence, returncode=1)
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    # An ordinary role reaches all but superuser_reserved_connections (3).
    budget = Budget()
    usable = budget.limit - budget.reserved
    postgres = start(
        folder,
        PASSWORD,
        max_connections=usable + 3,
        timezone="America/New_York",
        fsync="off",
    )
    config.stash[postgres_key] = postgres
    config.stash[report_key] = []
    config.add_cleanup(lambda: _remove(postgres))
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "SECRET_KEY": "only-for-tests-" * 4,
        "ALLOWED_HOSTS": "localhost",
        "DEBUG": "0",
        "HTTPS_ONLY": "0",
    }
    for variable in [{{ roads.all | arguments }}]:
        os.environ[variable] = postgres.url()
    try:
        django.setup()
    except ConfigurationError as error:
        pytest.exit(f"{error}", returncode=1)


def _remove(postgres: Server) -> None:
    postgres.stop()
    shutil.rmtree(postgres.folder)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if lines := terminalreporter.config.stash[report_key]:
        terminalreporter.section("connections, as PostgreSQL saw them")
        for line in lines:
            terminalreporter.line(line)


@pytest.fixture
def report(pytestconfig: pytest.Config) -> list[str]:
    """Lines that are printed after the tests."""
    return pytestconfig.stash[report_key]


@pytest.fixture(scope="session")
def postgres(pytestconfig: pytest.Config) -> Server:
    """The server, with the migrated database of the service."""
    migrate = [sys.executable, "manage.py", "migrate", "--verbosity=0"]
    subprocess.run(migrate, cwd=PROJECT, check=True)
    return pytestconfig.stash[postgres_key]


@pytest.fixture
def watch(postgres: Server) -> Iterator[Watch]:
    watch = Watch(postgres)
    yield watch
    watch.connection.close()
