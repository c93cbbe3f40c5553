        # The pool keeps the connections; Django must not.
        "CONN_MAX_AGE": 0,
        # A request gets a connection that still lives.
        "CONN_HEALTH_CHECKS": True,
{% include "pooling/_tuning.py" %}
        "OPTIONS": {
            **options,
{% include "pooling/_pool_option.py" %}
        },
