"""The database settings: Django's own connection pool, one for each process.

`BUDGET` divides the limit of the database plan; the environment changes its numbers (README.md).
"""

from pgconnections.environment import budget, database

BUDGET = budget()

url = database({{ roads.direct | arguments }})

DATABASES = {
    "default": {
        **url,
        "ENGINE": "pgconnections",
        # The pool keeps the connections; Django must not.
        "CONN_MAX_AGE": 0,
        # A request gets a connection that still lives.
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            **url["OPTIONS"],
            "pool": {
                # Connections per process; all processes together hold at most BUDGET.peak.
                "min_size": {{ times.min_size }},
                "max_size": BUDGET.per_process,
                # Seconds that a request waits for a connection: less than gunicorn's timeout.
                "timeout": 15,
                # Seconds after which an idle connection, and any connection, is replaced or closed.
                "max_idle": {{ times.max_idle }},
                "max_lifetime": {{ times.max_lifetime }},
            },
        },
    },
}
