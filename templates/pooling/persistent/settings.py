"""The database settings: persistent connections, one for each thread.

{% include "pooling/_head.py" %}

DATABASES = {
    "default": {
        **database({{ roads.direct | arguments }}{{ ', tls=tls.options' if tls }}{{ ', connect_timeout=%d' % times.connect if times.connect != 5 }}),
        "ENGINE": "pgconnections.backend",
        # Seconds that a thread keeps its connection. All threads of all processes together hold at
        # most BUDGET.peak connections.
        "CONN_MAX_AGE": {{ times.conn_max_age }},
        # Before its first query a request makes sure that the connection still lives.
        "CONN_HEALTH_CHECKS": True,
{% include "pooling/_tuning.py" %}
    },
}
