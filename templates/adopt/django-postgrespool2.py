        # The pool keeps the connections; Django must not.
        "CONN_MAX_AGE": 0,
        "OPTIONS": {
            **options,
            # This backend leaves the time zone of the session to the server since Django 5.1, and
            # datetimes would be read back shifted by the zone of the server.
            "options": f"{options.get('options', '')} -c timezone=UTC".strip(),
        },
