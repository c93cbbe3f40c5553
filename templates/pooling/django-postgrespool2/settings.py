"""The database settings: a SQLAlchemy pool in each process, by django-postgrespool2.

Budget() divides the limit of the database plan; the environment changes its numbers (README.md).
"""

from importlib.util import find_spec

{% if tls %}
from pgconnections import tls
{% endif %}
from pgconnections.backend.address import database
from pgconnections.backend.environment import ConfigurationError
from pgconnections.budget import Budget

if find_spec("psycopg"):
    raise ConfigurationError(
        "psycopg 3 is installed, which Django takes before psycopg2, and django-postgrespool2 "
        "works with psycopg2 only: pip uninstall psycopg."
    )
BUDGET = Budget()

url = database({{ roads.direct | arguments }}{{ ', tls=tls.options' if tls }}{{ ', connect_timeout=%d' % times.connect if times.connect != 5 }})

DATABASES = {
    "default": {
        **url,
        "ENGINE": "pgconnections.postgrespool2",
        # The pool keeps the connections; Django must not.
        "CONN_MAX_AGE": 0,
        "OPTIONS": {
            **url["OPTIONS"],
            # This backend leaves the time zone of the session to the server since Django 5.1, and
            # datetimes would be read back shifted by the zone of the server.
            "options": f"{url['OPTIONS'].get('options', '')} -c timezone=UTC".strip(),
        },
    },
}

# The backend takes these from a setting of its own.
DATABASE_POOL_ARGS = {
    # Connections per process; all processes together hold at most BUDGET.peak.
    "pool_size": BUDGET.per_process,
    "max_overflow": 0,
    # Seconds that a request waits for a connection: less than a request may take.
    "timeout": {{ times.wait }},
    # Seconds after which a connection is replaced.
    "recycle": {{ times.recycle }},
    # A request gets a connection that still lives.
    "pre_ping": True,
}
