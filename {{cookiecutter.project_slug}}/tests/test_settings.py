"""The settings as production reads them."""

import json
import re
from datetime import UTC, datetime

import pytest
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import connection

from tests.service import Watch, python

URLS = [{{ roads.all | arguments }}]


def test_check_deploy_is_clean() -> None:
    done = python("manage.py", "check", "--deploy", "--fail-level=WARNING", HTTPS_ONLY="True")

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", [["manage.py", "check"], ["-m", "pgconnections.serve"]])
@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY is not set: "),
        (dict.fromkeys(URLS, ""), f"{URLS[0]} is not set: "),
        (dict.fromkeys(URLS, "postgres://me:p#ss@db/name"), f"{URLS[0]} contains '#', "),
        (dict.fromkeys(URLS, "postgres://db/name\n"), f"{URLS[0]} contains '\\n', "),
        (dict.fromkeys(URLS, "'postgres://db/name'"), f"{URLS[0]} must be a URL that begins with "),
        (dict.fromkeys(URLS, "postgres://db"), f"{URLS[0]} names no database: "),
        ({"OTHER_CONNECTIONS": "262143"}, "no connection is left for the web processes: "),
        (dict.fromkeys(URLS, "postgis://me@db/name"), f"{URLS[0]} must be a URL that begins with "),
        (dict.fromkeys(URLS, "postgres://db/name?sslmode=on"), f"sslmode in {URLS[0]} must be "),
        ({"WEB_THREADS": "many"}, "WEB_THREADS must be a whole number from 1 to 1000, not 'many'."),
        ({"WEB_THREADS": "٣"}, "WEB_THREADS must be a whole number from 1 to 1000, not '٣'."),
        ({"HTTPS_ONLY": "maybe"}, "HTTPS_ONLY must be one of 1, true, yes, on, 0, "),
    ],
)
def test_a_mistake_is_one_sentence(
    command: list[str], environment: dict[str, str], sentence: str
) -> None:
    done = python(*command, **environment)

    assert done.returncode == 1
    assert done.stderr.startswith(sentence)
    assert done.stderr.count("\n") == 1


def test_errors_reach_the_log_of_the_host() -> None:
    log = "import logging; logging.getLogger('django.request').error('a traceback')"
    done = python("manage.py", "shell", "-v0", "-c", log)

    assert re.fullmatch(r"\[[\d ,:-]+\] \[ERROR\] django.request: a traceback\n", done.stderr)


def test_options_of_the_url_survive() -> None:
    url = "postgres://user:p%23ss@db.example.com/name?sslmode=verify-full&sslrootcert=/etc/ca.pem"
    show = "from django.conf import settings; import json; print(json.dumps(settings.DATABASES))"
    done = python("manage.py", "shell", "-v0", "-c", show, **dict.fromkeys(URLS, url))

    for entry in json.loads(done.stdout).values():
        assert entry["PASSWORD"] == "p#ss"
        assert entry["OPTIONS"]["sslmode"] == "verify-full"
        assert entry["OPTIONS"]["sslrootcert"] == "/etc/ca.pem"


def test_connections_of_other_roles_are_shown(watch: Watch) -> None:
    """That of `watch` is a superuser's, of which an ordinary role sees little."""
    done = python("manage.py", "connections")

    assert "     1  postgres  " in done.stdout, done.stdout + done.stderr


@pytest.mark.django_db
def test_time_zone_of_the_server_shifts_no_datetime() -> None:
    """The server of the tests is in New York."""
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    Session.objects.create(session_key="k", session_data="", expire_date=moment)

    assert Session.objects.get(session_key="k").expire_date == moment
    with connection.cursor() as cursor:
        cursor.execute("SELECT expire_date = '2026-01-02 03:04:05+00' FROM django_session")
        assert cursor.fetchone() == (True,)


@pytest.mark.django_db
def test_migrations_are_complete() -> None:
    call_command("makemigrations", "--check", "--dry-run")
