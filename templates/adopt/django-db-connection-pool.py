        # The pool keeps the connections; Django must not.
        "CONN_MAX_AGE": 0,
        "OPTIONS": options,
        "POOL_OPTIONS": {
            # Connections per process; all processes together hold at most BUDGET.peak.
            "POOL_SIZE": BUDGET.per_process,
            "MAX_OVERFLOW": 0,
            # Seconds that a request waits for a connection: less than a request may take.
            "TIMEOUT": 10,
            # Seconds after which a connection is replaced.
            "RECYCLE": {{ times.recycle }},
            # A request gets a connection that still lives.
            "PRE_PING": True,
        },
