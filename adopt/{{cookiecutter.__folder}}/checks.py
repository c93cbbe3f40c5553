"""System checks for what undoes the budget later, in the settings or in the web server:
`python manage.py check --tag pgconnections` runs them alone."""

import ast
import os
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as Caution

from pgconnections import running
from pgconnections.settings import BUDGET, COUNTED, MANAGED, on_one_server

TAG = "pgconnections"
# Keys of an entry of DATABASES that do nothing anywhere else.
KEYS = ("CONN_MAX_AGE", "CONN_HEALTH_CHECKS", "DISABLE_SERVER_SIDE_CURSORS", "ATOMIC_REQUESTS")


def postgresql() -> Iterator[tuple[str, dict[str, Any]]]:
    """The entries of DATABASES that lead to PostgreSQL."""
    for alias, entry in settings.DATABASES.items():
        if not entry["ENGINE"].endswith(("sqlite3", "spatialite", "mysql", "oracle", "dummy")):
            yield alias, entry


def check(function: Callable[[], list[CheckMessage]]) -> Callable[[], list[CheckMessage]]:
    register(lambda **_: function(), TAG)
    return function


@check
def engine() -> list[CheckMessage]:
    """E101, E102: the settings do not use the budget, or undo it later."""
    if not MANAGED:
        return [
            Error(
                f"within_budget() is not called: {file_of_databases()} has DATABASES without it, "
                f"and the engine {settings.DATABASES['default']['ENGINE']!r}.",
                hint="Its last lines about DATABASES are those of pgconnections/README.md.",
                id="pgconnections.E101",
            )
        ]
    return [
        Error(
            f"The engine of {alias!r} is {found!r}, and not {wanted!r}: {file_of_databases()} has "
            "DATABASES.",
            hint="What follows within_budget() has undone it: make it the last line about them.",
            id="pgconnections.E102",
        )
        for alias, wanted in MANAGED.items()
        if (found := settings.DATABASES.get(alias, {}).get("ENGINE")) != wanted
    ]


@check
def other_aliases() -> list[CheckMessage]:
    """E103: another alias on the same server came later."""
    return [
        Error(
            f"{other!r} is on the same server as {alias!r}, and its connections are not counted.",
            hint="Put it into DATABASES before within_budget(), which counts it.",
            id="pgconnections.E103",
        )
        for alias in MANAGED
        if alias in settings.DATABASES
        for other in on_one_server(settings.DATABASES, alias)
        if other not in COUNTED
    ]


@check
def sizes() -> list[CheckMessage]:
    """E104: the web server has more threads than the budget."""
    found = running.gunicorn() or running.configured()
    planned = BUDGET.processes * BUDGET.threads
    if found is None or found[0] * found[1] <= planned:
        return []
    workers, threads = found
    return [
        Error(
            f"gunicorn has {workers} workers x {threads} threads = {workers * threads}, and the "
            f"budget has {BUDGET.processes} WEB_CONCURRENCY x {BUDGET.threads} WEB_THREADS = "
            f"{planned}.",
            hint="Set its workers and threads to these, or tell the budget by these variables.",
            id="pgconnections.E104",
        )
    ]


@check
def wrong_level() -> list[CheckMessage]:
    """E105: keys of DATABASES where Django does not look for them."""
    found = [
        (key, f"OPTIONS of {alias!r}")
        for alias, entry in postgresql()
        for key in KEYS
        if key in entry.get("OPTIONS", {})
    ]
    found += [(key, "settings") for key in KEYS if hasattr(settings, key)]
    return [
        Error(
            f"{key} is in the {place}, where Django does not look for it.",
            hint="It belongs into the entry of DATABASES, beside ENGINE.",
            id="pgconnections.E105",
        )
        for key, place in found
    ]


@check
def pool_and_age() -> list[CheckMessage]:
    """E106: Django's pool together with persistent connections."""
    return [
        Error(
            f"{alias!r} has a pool, and CONN_MAX_AGE {entry['CONN_MAX_AGE']}: its first query will "
            "raise ImproperlyConfigured.",
            hint="Set CONN_MAX_AGE to 0: the pool keeps the connections.",
            id="pgconnections.E106",
        )
        for alias, entry in postgresql()
        if entry.get("OPTIONS", {}).get("pool") and entry.get("CONN_MAX_AGE", 0) != 0
    ]


@check
def persistent_under_asgi() -> list[CheckMessage]:
    """E107: each request runs in a thread of its own there, whose connection stays open."""
    asgi = running.is_asgi() or any(apps.is_installed(each) for each in ("daphne", "channels"))
    return [
        Error(
            f"{alias!r} has CONN_MAX_AGE {entry['CONN_MAX_AGE']} under ASGI, where a connection is "
            "never reused and stays open.",
            hint="Adopt with server=asgi, or set CONN_MAX_AGE to 0.",
            id="pgconnections.E107",
        )
        for alias, entry in postgresql()
        if asgi and entry.get("CONN_MAX_AGE", 0) != 0
    ]


# Packages that decide by the name in ENGINE, the setting that tells them, and what they do without.
BY_ENGINE = {
    "dbbackup": (
        "DBBACKUP_CONNECTOR_MAPPING",
        "DBBACKUP_CONNECTOR_MAPPING = "
        "{'%(engine)s': 'dbbackup.db.postgresql.PgDumpBinaryConnector'}",
        "makes a JSON dump in place of pg_dump",
    ),
    "django_extensions": (
        "DJANGO_EXTENSIONS_RESET_DB_POSTGRESQL_ENGINES",
        "DJANGO_EXTENSIONS_RESET_DB_POSTGRESQL_ENGINES = ['%(engine)s']",
        "refuses reset_db, reset_schema and sqldsn",
    ),
}


@check
def packages() -> list[CheckMessage]:
    """W101: a package that does not know this engine by its name."""
    return [
        Caution(
            f"{app} does not know the engine {engine!r}: it {without}.",
            hint="In the settings: " + line % {"engine": engine},
            id="pgconnections.W101",
        )
        for app, (setting, line, without) in BY_ENGINE.items()
        for engine in MANAGED.values()
        if apps.is_installed(app) and not hasattr(settings, setting)
    ]


def file_of_databases() -> str:
    """The file of the settings that assigns DATABASES last: the module itself, or one that it
    imports."""
    module = os.environ["DJANGO_SETTINGS_MODULE"]
    package = module.partition(".")[0]
    names = [module, *(name for name in sys.modules if name.partition(".")[0] == package)]
    files = [spec.origin for name in names if (spec := find_spec(name)) and spec.origin]
    return next((file for file in files if assigns(Path(file))), files[0])


def assigns(file: Path) -> bool:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        for target in node.targets if isinstance(node, ast.Assign) else ():
            while isinstance(target, ast.Subscript):
                target = target.value
            if isinstance(target, ast.Name) and target.id == "DATABASES":
                return True
    return False
