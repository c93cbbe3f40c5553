"""The database settings: a SQLAlchemy pool in each process, by django-db-connection-pool.

{% include "pooling/_head.py" %}

DATABASES = {
    "default": {
        **database({{ roads.direct | arguments }}{{ ', tls=tls.options' if tls }}{{ ', connect_timeout=%d' % times.connect if times.connect != 5 }}),
        "ENGINE": "pgconnections.sqlalchemy_pool",
        # The pool keeps the connections; Django must not.
        "CONN_MAX_AGE": 0,
        "POOL_OPTIONS": {
            # Connections per process; all processes together hold at most BUDGET.peak.
            "POOL_SIZE": BUDGET.per_process,
            "MAX_OVERFLOW": 0,
            # Seconds that a request waits for a connection: less than a request may take.
            "TIMEOUT": {{ times.wait }},
            # Seconds after which a connection is replaced.
            "RECYCLE": {{ times.recycle }},
            # A request gets a connection that still lives.
            "PRE_PING": True,
        },
    },
}
