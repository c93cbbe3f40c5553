{% set own_road = plan.pooled and roads.pooled[0] != 'DATABASE_URL' %}
"""The connections of this project: its own DATABASES, with one of them kept inside the budget.

    from pgconnections.settings import within_budget

    DATABASES = within_budget(DATABASES)

are the last lines about DATABASES in its settings. Budget() divides the limit of the database plan;
the environment changes its numbers (README.md).
"""

from collections.abc import Mapping
{% if plan.pooling == 'django-postgrespool2' %}
from importlib.util import find_spec
{% endif %}
from typing import Any

{% if shared_pgbouncer or (tls and plan.pooled) %}
from pgconnections import {{ 'pgbouncer_ini, tls' if shared_pgbouncer and tls else 'tls' if tls else 'pgbouncer_ini' }}
{% endif %}
{% if plan.pooling == 'none' and cookiecutter.server != 'asgi' %}
from pgconnections.backend import owners  # noqa: F401 (those of threads and forks)
{% endif %}
from pgconnections.backend.address import LIBPQ{{ ', database' if plan.pooled }}
from pgconnections.backend.environment import ConfigurationError
from pgconnections.budget import Budget

{% if plan.pooling == 'django-postgrespool2' %}
if find_spec("psycopg"):
    raise ConfigurationError(
        "psycopg 3 is installed, which Django takes before psycopg2, and django-postgrespool2 "
        "works with psycopg2 only: pip uninstall psycopg."
    )
{% endif %}
BUDGET = Budget()
{% if shared_pgbouncer %}
pgbouncer_ini.check(BUDGET)
{% endif %}

# Engines that can be replaced, and by what.
ENGINES = {
{% if plan.pooling == 'none' and cookiecutter.server == 'asgi' %}
    # At most BUDGET.per_process connections of each process; ASGI itself knows no bound.
    "django.db.backends.postgresql": "pgconnections.bounded",
{% elif plan.pooling == 'none' %}
    "django.db.backends.postgresql": "django.db.backends.postgresql",
    "django.contrib.gis.db.backends.postgis": "django.contrib.gis.db.backends.postgis",
{% elif plan.pooling == 'django-db-connection-pool' %}
    "django.db.backends.postgresql": "pgconnections.sqlalchemy_pool",
{% elif plan.pooling == 'django-postgrespool2' %}
    "django.db.backends.postgresql": "pgconnections.postgrespool2",
{% else %}
    "django.db.backends.postgresql": "pgconnections.{{ 'pooled' if plan.process_pool else 'backend' }}",
    "django.contrib.gis.db.backends.postgis": "pgconnections.postgis",
{% endif %}
}
# The aliases that are counted, and the engine that the one inside the budget has to have.
COUNTED: set[str] = set()
MANAGED: dict[str, str] = {}
{% if plan.transaction_mode and not keeps_prepared %}
# The pooler keeps no prepared statements apart: `manage.py check` refuses them.
PREPARED_STATEMENTS = False
{% endif %}
{% if plan.pooling == 'django-postgrespool2' %}

# The backend takes these from a setting of its own.
DATABASE_POOL_ARGS = {
    # Connections per process; all processes together hold at most BUDGET.peak.
    "pool_size": BUDGET.per_process,
    "max_overflow": 0,
    # Seconds that a request waits for a connection: less than a request may take.
    "timeout": 10,
    # Seconds after which a connection is replaced.
    "recycle": {{ times.recycle }},
    # A request gets a connection that still lives.
    "pre_ping": True,
}
{% endif %}

Databases = dict[str, dict[str, Any]]


def within_budget(
    databases: Mapping[str, Mapping[str, Any]],
    alias: str = "default",
    *,
    engine: str | None = None,
    not_web: tuple[str, ...] = (),
) -> Databases:
    """These DATABASES, where the engine, the reuse and the options of one alias are those of the
    budget. Its address stays, and so do the other aliases.

    `engine` is one of your own, made as README.md says. `not_web` are aliases on the same server
    that no web process uses: they are part of OTHER_CONNECTIONS.
    """
    if alias not in databases:
        raise ConfigurationError(f"DATABASES has no {alias!r}, only {', '.join(databases)}.")
    theirs = databases[alias]
    found = theirs.get("ENGINE", "")
    engine = engine or ENGINES.get(found, found if found in ENGINES.values() else None)
    if engine is None:
        raise ConfigurationError(
            f"the ENGINE of {alias!r} is {found!r}, and only {' or '.join(ENGINES)} can be "
            "replaced: README.md says how to make an engine of both, for engine=."
        )
    COUNTED.update({alias, *not_web, *count(databases, alias, not_web)})
    MANAGED[alias] = engine
    options = {**LIBPQ, **theirs.get("OPTIONS", {})}
    options.pop("pool", None)
    entry = {
        **theirs,
        "ENGINE": engine,
{% if own_road %}
        # Those of the pooler, in place of those of the database itself.
        **address(database({{ roads.pooled | arguments }}{{ ', tls=tls.options' if tls }})),
{% endif %}
{% include "adopt/" ~ plan.pooling ~ ".py" %}
    }
{% if plan.pooled %}
    # Around the pooler, for what needs one session: migrations, LISTEN, advisory locks.
    # Part of BUDGET.other.
{% if own_road %}
    direct = {**theirs, "CONN_MAX_AGE": 0, "TEST": {"MIRROR": alias}}
{% else %}
    around = address(database({{ roads.direct | arguments }}{{ ', tls=tls.options' if tls }}))
    direct = {**theirs, **around, "CONN_MAX_AGE": 0, "TEST": {"MIRROR": alias}}
{% endif %}
    COUNTED.add("direct")
    return {"direct": direct, **map_of(databases), alias: entry}
{% else %}
    return {**map_of(databases), alias: entry}
{% endif %}


def map_of(databases: Mapping[str, Mapping[str, Any]]) -> Databases:
    return {alias: dict(entry) for alias, entry in databases.items()}
{% if plan.pooled %}


def address(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {name: entry[name] for name in ("HOST", "PORT", "USER", "PASSWORD", "NAME")}
{% endif %}


def count(
    databases: Mapping[str, Mapping[str, Any]], alias: str, not_web: tuple[str, ...]
) -> list[str]:
    """The other aliases on the same server: each thread may hold a connection of each of them.
    Raises ConfigurationError, with the sum, where they do not fit."""
    others = [other for other in on_one_server(databases, alias) if other not in not_web]
    web = BUDGET.{{ 'server_connections' if plan.pooled else 'peak' }}
    each = BUDGET.instances * BUDGET.processes * BUDGET.threads
    needed = web + len(others) * each
    if others and needed > BUDGET.for_web:
        raise ConfigurationError(
            f"{alias!r} needs {web} connections, and each of {', '.join(map(repr, others))} on the "
            f"same server {each} more, one for each thread: {needed}, but only {BUDGET.for_web} "
            "are left. Those that no web process uses are named in not_web=."
        )
    return others


def on_one_server(databases: Mapping[str, Mapping[str, Any]], alias: str) -> list[str]:
    """The other aliases whose connections come out of the same limit."""
    return [
        other
        for other, entry in databases.items()
        if other != alias and server(entry) == server(databases[alias])
    ]


def server(entry: Mapping[str, Any]) -> tuple[str, ...]:
    if entry.get("ENGINE", "").endswith(("sqlite3", "spatialite", "mysql", "oracle")):
        return (str(id(entry)),)
    host = str(entry.get("HOST") or "localhost")
    return "localhost" if host in ("127.0.0.1", "::1") else host, str(entry.get("PORT") or 5432)
