"""The database settings: persistent connections, one for each thread.

`BUDGET` divides the limit of the database plan; the environment changes its numbers (README.md).
"""

from pgconnections.environment import budget, database

BUDGET = budget()

DATABASES = {
    "default": {
        **database({{ roads.direct | arguments }}),
        "ENGINE": "pgconnections",
        # Seconds that a thread keeps its connection. All threads of all processes together hold at
        # most BUDGET.peak connections.
        "CONN_MAX_AGE": {{ times.conn_max_age }},
        # Before its first query a request makes sure that the connection still lives.
        "CONN_HEALTH_CHECKS": True,
    },
}
