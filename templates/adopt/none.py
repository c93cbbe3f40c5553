        # Seconds that a connection outlives its request.
        "CONN_MAX_AGE": 0,
        "OPTIONS": options,
