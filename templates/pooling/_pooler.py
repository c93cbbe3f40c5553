"""The database settings: {% if plan.pooling == 'pgbouncer' %}PgBouncer{% else %}the pooler of the provider{% endif %} in front of the database, in {{ 'transaction' if plan.transaction_mode else 'session' }} mode.

`BUDGET` divides the limit of the database plan; the environment changes its numbers (README.md).
"""

{% if shared_pgbouncer %}
from pgconnections import pgbouncer_ini
{% endif %}
from pgconnections.environment import budget, database

BUDGET = budget()
{% if shared_pgbouncer %}
pgbouncer_ini.check(BUDGET)
{% endif %}

{% if cookiecutter.server == 'asgi' %}
pooled = database({{ roads.pooled | arguments }})

{% endif %}
DATABASES = {
{% if plan.transaction_mode %}
    # For the web processes. In transaction mode the next transaction may run on another connection
    # of the pooler.
{% else %}
    # For the web processes. In session mode each of their connections holds one of the pooler's
    # own, so the budget counts them as direct ones.
{% endif %}
    "default": {
{% if cookiecutter.server == 'asgi' %}
        **pooled,
{% else %}
        **database({{ roads.pooled | arguments }}),
{% endif %}
        "ENGINE": "pgconnections",
{% if plan.transaction_mode %}
        # A server-side cursor would be gone with the transaction that opened it.
        "DISABLE_SERVER_SIDE_CURSORS": True,
{% endif %}
{% if cookiecutter.server == 'asgi' %}
        # The pool below keeps the connections to the pooler; Django must not.
        "CONN_MAX_AGE": 0,
        # A request gets a connection that still lives.
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            **pooled["OPTIONS"],
            "pool": {
                # Per process, to the pooler; all processes together hold at most BUDGET.peak.
                "min_size": {{ times.min_size }},
                "max_size": BUDGET.per_process,
                # Seconds that a request waits for a connection: less than gunicorn's timeout.
                "timeout": 15,
                # Seconds after which an idle connection, and any connection, is replaced or closed.
                "max_idle": {{ times.max_idle }},
                "max_lifetime": {{ times.max_lifetime }},
            },
        },
{% else %}
        # Seconds that a thread keeps its connection to the pooler.
        "CONN_MAX_AGE": {{ times.conn_max_age }},
        # Before its first query a request makes sure that the connection still lives.
        "CONN_HEALTH_CHECKS": True,
{% endif %}
    },
    # Around the pooler, for what needs one session: migrations, LISTEN, advisory locks.
    # Part of BUDGET.answers.other_connections.
    "direct": {
        **database({{ roads.direct | arguments }}),
        "CONN_MAX_AGE": 0,
        "TEST": {"MIRROR": "default"},
    },
}
