"""The report on a project that exists: what it finds, and how it ends."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import TEMPLATE
from renderings import snapshot
from test_docs import table

BASE = """
DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", "NAME": "x"}}
"""
URL = "import dj_database_url\nDATABASES = {'default': dj_database_url.config(%s)}\n"
ENVIRON = 'DATABASES = {"default": env.db()}\nDATABASES["default"]["CONN_MAX_AGE"] = %s\n'
GUNICORN = "web: gunicorn shop.wsgi --workers 5 --threads 3\n"


def report(project: Path, *options: str) -> tuple[int, list[str], str]:
    before = snapshot(project)
    done = subprocess.run(
        [sys.executable, "-I", TEMPLATE / "report.py", project, *options],
        capture_output=True,
        text=True,
    )
    assert snapshot(project) == before
    return done.returncode, sorted(re.findall(r"pgconnections\.(\w+)", done.stderr)), done.stderr


def project(folder: Path, settings: str, **files: str) -> Path:
    """One with split settings, the manage.py of which names those of production."""
    package = folder / "shop" / "settings"
    package.mkdir(parents=True)
    (folder / "manage.py").write_text("DJANGO_SETTINGS_MODULE', 'shop.settings.production'")
    (package / "base.py").write_text(settings)
    (package / "production.py").write_text("from .base import *\n")
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize(
    ("settings", "files", "options", "status", "ids"),
    [
        (BASE, {}, [], 0, ["I201", "W202"]),
        (BASE, {}, ["--fail-level=WARNING"], 1, ["I201", "W202"]),
        (BASE, {"Procfile": GUNICORN}, ["--limit=21"], 0, ["I201", "W202"]),
        (BASE, {"Procfile": GUNICORN}, ["--limit=21", "--instances=2"], 1,
         ["E201", "I201", "W202"]),
        (URL % "conn_max_age=600", {}, [], 0, ["I201", "W201"]),
        (URL % "conn_max_age=600, conn_health_checks=True", {}, [], 0, ["I201"]),
        (ENVIRON % "env.int('AGE', default=60)", {"Procfile": "web: daphne shop.asgi:a"}, [], 1,
         ["E107", "I201", "W201"]),
        (ENVIRON % "60" + 'DATABASES["default"]["OPTIONS"] = {"pool": True}\n', {}, [], 1,
         ["E106", "I201", "W201"]),
        (ENVIRON % "env.int('AGE', '0')", {}, [], 0, ["I201", "W202"]),
        (BASE + "CONN_MAX_AGE = 60\n", {}, [], 1, ["E105", "I201", "W202"]),
        (BASE.replace('"NAME"', '"OPTIONS": {"CONN_MAX_AGE": 5}, "NAME"'), {}, [], 1,
         ["E105", "I201", "W202"]),
        (BASE, {"compose.yaml": "image: pgbouncer\n"}, [], 0, ["I201", "W202", "W203"]),
        ("DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3'}}", {}, [], 0,
         ["I201", "I202"]),
        (BASE + "from pgconnections.settings import within_budget\n", {}, [], 0, ["I201", "I202"]),
    ],
)  # fmt: skip
def test_report(
    settings: str,
    files: dict[str, str],
    options: list[str],
    status: int,
    ids: list[str],
    tmp_path: Path,
) -> None:
    done, found, text = report(project(tmp_path, settings, **files), *options)

    assert (done, found) == (status, ids), text


def test_no_project(tmp_path: Path) -> None:
    assert report(tmp_path)[:2] == (1, ["E202"])


def test_every_finding_is_explained() -> None:
    source = (TEMPLATE / "report.py").read_text(encoding="utf-8")
    page = (TEMPLATE / "docs" / "checks.md").read_text(encoding="utf-8")
    own = [row[0].strip("`") for row in table(page, "| id | what the report says |")]
    shared = [row[0].strip("`") for row in table(page, "| id | what it says |")]
    found = set(re.findall(r'"([EWI]\d{3})"', source))

    assert sorted(found - set(shared)) == sorted(own)
