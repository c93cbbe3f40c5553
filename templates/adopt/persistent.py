        # Seconds that a thread keeps its connection. All threads of all processes together hold at
        # most BUDGET.peak connections.
        "CONN_MAX_AGE": {{ times.conn_max_age }},
        # Before its first query a request makes sure that the connection still lives.
        "CONN_HEALTH_CHECKS": True,
{% include "pooling/_tuning.py" %}
        "OPTIONS": options,
