"""What `django-admin startproject` gives works here too, in production and in development, and a
mistake is one sentence while the errors of others keep their traceback."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import Bake
from projects import DJANGO, environment, install

MINUTE = 60  # the most that anything here is waited for, in seconds

# The image is built with these; a database variable is not among them.
BUILD = {"SECRET_KEY": "only-for-the-build"}
PRODUCTION = {
    "SECRET_KEY": "only-for-this-test-" * 3,
    "ALLOWED_HOSTS": "example.com, localhost",
    "DATABASE_URL": "postgres://nobody:nothing@127.0.0.1:1/none",
    "HTTPS_ONLY": "off",
}


@pytest.fixture(scope="module")
def rendered(bake: Bake, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("startproject")
    folder.chmod(0o755)
    project = folder / "my_service"
    shutil.copytree(bake(), project)
    install(project, "6")
    return project


@pytest.fixture
def project(rendered: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(rendered, tmp_path / "my_service", symlinks=True))


def run(
    project: Path, *command: str, django: str = "6", **variables: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [".venv/bin/python", *command],
        cwd=project,
        env=environment(project, django) | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


@contextmanager
def serving(project: Path, *options: str, **variables: str) -> Iterator[tuple[int, int]]:
    """The web server, by the command that starts it everywhere: its port and its process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [".venv/bin/python", "-m", "pgconnections.serve", *options],
        cwd=project,
        env=environment(project, "6") | {"HOST": "127.0.0.1", "PORT": str(port)} | variables,
    )
    try:
        until = time.monotonic() + MINUTE
        while not get(port, "/health/live")[0]:
            assert process.poll() is None and time.monotonic() < until, "it does not serve"
            time.sleep(0.05)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(MINUTE)


def get(port: int, path: str) -> tuple[int, dict[str, str], str]:
    """Status, headers and text; 0 where nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=MINUTE)
    try:
        connection.request("GET", path, headers={"Host": "localhost"})
        reply = connection.getresponse()
        headers = {name.lower(): value for name, value in reply.getheaders()}
        return reply.status, headers, reply.read().decode("utf-8", "replace")
    except OSError:
        return 0, {}, ""
    finally:
        connection.close()


# --- the admin and its styles ------------------------------------------------------------------


def test_the_admin_has_its_styles_in_production(project: Path) -> None:
    """Red without WhiteNoise, or where collectstatic needs a database variable."""
    dockerfile = (project / "Dockerfile").read_text()
    [said] = re.findall(r"^RUN (.+) python (manage.py collectstatic .+)$", dockerfile, re.MULTILINE)
    assert said[0] == " ".join(f"{name}={value}" for name, value in BUILD.items())
    built = run(project, *said[1].split(), **BUILD)
    assert built.returncode == 0, built.stderr

    with serving(project, **PRODUCTION) as (port, _):
        status, _, login = get(port, "/admin/login/")
        styles = re.findall(r'href="(/static/[^"]+\.css)"', login)
        replies = [get(port, style) for style in styles]

    assert status == 200
    assert len(styles) >= 3
    assert all(re.search(r"\.[0-9a-f]{12}\.css$", style) for style in styles)
    assert {reply[0] for reply in replies} == {200}
    # Their names change with their contents.
    assert {"immutable" in reply[1]["cache-control"] for reply in replies} == {True}


def test_the_admin_has_its_styles_in_development(project: Path) -> None:
    with serving(project, DEBUG="yes", **PRODUCTION) as (port, _):
        status, _, login = get(port, "/admin/login/")
        styles = re.findall(r'href="(/static/[^"]+\.css)"', login)
        replies = [get(port, style) for style in styles]
        first = get(port, "/")

    assert status == 200 and len(styles) >= 3
    assert {reply[0] for reply in replies} == {200}
    assert first[0] == 200
    assert "The install worked successfully" in first[2]  # and what to do next


def test_an_image_is_built_without_a_certificate(bake: Bake, tmp_path: Path) -> None:
    """Red where the address of no database has to be reached by TLS."""
    project = tmp_path / "my_service"
    shutil.copytree(bake(hosting_target="digitalocean"), project)
    install(project, "6")
    built = run(project, "manage.py", "collectstatic", "--noinput", **BUILD)

    assert built.returncode == 0, built.stderr


def test_settings_of_startproject_are_there(project: Path, tmp_path: Path) -> None:
    """Each setting that it writes has a value here, and each of its apps is installed."""
    made = tmp_path / "made"
    made.mkdir()
    startproject = ["-m", "django", "startproject", "made", str(made)]
    assert run(project, *startproject).returncode == 0
    text = (made / "made" / "settings.py").read_text()
    names = set(re.findall(r"^([A-Z_]+) =", text, re.MULTILINE))
    names -= {"MAILERS"}  # of Django 6.1: who sends mail has a server for it
    lists = re.findall(r"^    ['\"](django\.[\w.]+)['\"],$", text, re.MULTILINE)
    lists += re.findall(r"['\"]NAME['\"]: ['\"](django\.[\w.]+)['\"]", text)
    own = (project / "config" / "settings.py").read_text()

    assert len(names) >= 15 and len(lists) >= 15
    assert [name for name in names if not re.search(rf"\b{name}\b", own)] == []
    assert [name for name in lists if name not in own] == []


# --- variables ---------------------------------------------------------------------------------

SHOW = (
    "import json, sys; from django.conf import settings; "
    "print(json.dumps({name: getattr(settings, name) for name in sys.argv[1:]}))"
)


def settings(project: Path, *names: str, **variables: str) -> str:
    environ = PRODUCTION | {"DJANGO_SETTINGS_MODULE": "config.settings"} | variables
    done = run(project, "-c", SHOW, *names, **environ)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_lists_take_spaces(project: Path) -> None:
    shown = settings(project, "ALLOWED_HOSTS", ALLOWED_HOSTS=" a.example ,b.example, ")

    assert shown == '{"ALLOWED_HOSTS": ["a.example", "b.example"]}'


@pytest.mark.parametrize(
    ("text", "value"),
    [(text, "true") for text in ("1", "true", "TRUE", "Yes", "on")]
    + [(text, "false") for text in ("0", "false", "No", "OFF")]
    + [("", "true")],  # as if it were not set
)
def test_booleans(project: Path, text: str, value: str) -> None:
    shown = settings(project, "SECURE_SSL_REDIRECT", HTTPS_ONLY=text)

    assert shown == f'{{"SECURE_SSL_REDIRECT": {value}}}'


def test_hsts_of_others_has_to_be_asked_for(project: Path) -> None:
    names = ("SECURE_HSTS_INCLUDE_SUBDOMAINS", "SECURE_HSTS_PRELOAD")

    assert settings(project, *names, HTTPS_ONLY="1").count("false") == 2


def test_who_serves_needs_hosts(project: Path) -> None:
    """A migration, which serves nobody, does not."""
    hosts = PRODUCTION | {"ALLOWED_HOSTS": " , "}
    served = run(project, "-m", "pgconnections.serve", **hosts)
    checked = run(project, "manage.py", "check", **hosts)

    assert (served.returncode, checked.returncode) == (1, 0)
    assert served.stderr.startswith("ALLOWED_HOSTS is not set: ")


def test_debug_brings_no_key(project: Path) -> None:
    """Only dev.py does, which listens on the loopback interface."""
    done = run(
        project, "-m", "pgconnections.serve", **PRODUCTION | {"DEBUG": "1", "SECRET_KEY": ""}
    )

    assert done.returncode == 1
    assert done.stderr.startswith("SECRET_KEY is not set: ")


# --- errors ------------------------------------------------------------------------------------


@pytest.mark.parametrize("django", DJANGO)
def test_the_same_sentence_on_every_road(bake: Bake, tmp_path: Path, django: str) -> None:
    """Django 5.2 itself would end makemigrations with "Models aren't loaded yet"."""
    project = tmp_path / "my_service"
    shutil.copytree(bake(), project)
    install(project, django)
    roads = [
        ["manage.py", "makemigrations"],
        ["manage.py", "check"],
        ["manage.py", "migrate"],
        ["-m", "pgconnections.serve"],
    ]
    wrong = PRODUCTION | {"WEB_THREADS": "many"}
    said = {
        (done.returncode, done.stderr)
        for road in roads
        for done in [run(project, *road, django=django, **wrong)]
    }
    sentence = "WEB_THREADS must be a whole number from 1 to 1000, not 'many'.\n"
    assert said == {(1, sentence)}

    dev = run(project, "dev.py", django=django, **wrong | {"PORT": "8765"})
    assert (dev.returncode, dev.stderr) == (1, sentence)


@pytest.mark.parametrize("command", [["manage.py", "check"], ["-m", "pgconnections.serve"]])
def test_errors_of_others_keep_their_traceback(project: Path, command: list[str]) -> None:
    settings = project / "config" / "settings.py"
    text = settings.read_text()
    if command[0] == "manage.py":
        settings.write_text(text + 'INSTALLED_APPS += ["django.contrib.auth"]\n')
        problem = "ImproperlyConfigured: Application labels aren't unique, duplicates: auth"
    else:
        settings.write_text(text + "from django.core.exceptions import ImproperlyConfigured\n")
        with settings.open("a") as file:
            file.write('raise ImproperlyConfigured("mine")\n')
        problem = "ImproperlyConfigured: mine"

    done = run(project, *command, **PRODUCTION)

    assert done.returncode == 1
    assert "Traceback (most recent call last)" in done.stderr
    assert problem in done.stderr


# --- edited settings ---------------------------------------------------------------------------


def served_by(port: int) -> str:
    return get(port, "/admin/login/")[1].get("x-frame-options", "")


def wait_for(port: int, value: str) -> None:
    until = time.monotonic() + MINUTE
    while served_by(port) != value:
        assert time.monotonic() < until, f"still {served_by(port)!r}"
        time.sleep(0.1)


@pytest.mark.parametrize("how", ["--reload", "HUP"])
def test_edited_settings_take_effect(project: Path, how: str) -> None:
    """Red where the arbiter has imported the settings: it would fork the old ones for ever."""
    options = ["--reload"] if how == "--reload" else []
    with serving(project, *options, **PRODUCTION) as (port, pid):
        assert served_by(port) == "DENY"
        with (project / "config" / "settings.py").open("a") as file:
            file.write('X_FRAME_OPTIONS = "SAMEORIGIN"\n')
        if how == "HUP":
            os.kill(pid, signal.SIGHUP)
        wait_for(port, "SAMEORIGIN")


# --- another engine ----------------------------------------------------------------------------


def test_another_engine_takes_the_mixin(project: Path) -> None:
    """In two lines, as that of PostGIS or an instrumented one would."""
    (project / "engine").mkdir()
    (project / "engine" / "__init__.py").write_text("")
    (project / "engine" / "base.py").write_text(
        "from django.db.backends.postgresql import base\n"
        "from pgconnections.backend.base import ReuseMixin\n"
        "class Instrumented(base.DatabaseWrapper): instrumented = True\n"
        "class DatabaseWrapper(ReuseMixin, Instrumented): pass\n"
    )
    settings = project / "pgconnections" / "settings.py"
    text = settings.read_text()
    assert text.count('"ENGINE": "pgconnections.backend"') == 1
    settings.write_text(text.replace('"pgconnections.backend"', '"engine"'))
    tests = [".venv/bin/python", "-m", "pytest", "-q", "-m", "connections"]

    done = subprocess.run(
        tests, cwd=project, env=environment(project, "6"), capture_output=True, text=True
    )

    assert done.returncode == 0, done.stdout


ASKED = """
import pytest
from django.db import connection


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("seconds", "asked"), [(30, 0), (0, 3)])
def test_asked(monkeypatch, seconds, asked):
    monkeypatch.setitem(connection.settings_dict, "CONN_TRUSTED_FOR", seconds)
    calls, ask = [], connection.is_usable
    monkeypatch.setattr(connection, "is_usable", lambda: calls.append(1) or ask())
    connection.ensure_connection()
    for _ in range(3):
        connection.close_if_unusable_or_obsolete()  # as each request does when it begins
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    assert len(calls) == asked
"""


def test_trust_can_be_turned_off(project: Path) -> None:
    """With 0 the server is asked before each request, as Django itself does."""
    (project / "tests" / "test_asked.py").write_text(ASKED)
    done = run(project, "-m", "pytest", "-q", "tests/test_asked.py")

    assert done.returncode == 0, done.stdout
