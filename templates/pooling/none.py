"""The database settings: a new connection for every request.

`BUDGET` divides the limit of the database plan; the environment changes its numbers (README.md).
"""

from pgconnections.environment import budget, database

BUDGET = budget()

DATABASES = {
    "default": {
        **database({{ roads.direct | arguments }}),
        # Seconds that a connection outlives its request.
        "CONN_MAX_AGE": 0,
    },
}
