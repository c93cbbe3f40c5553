"""The database settings: a new connection for every request.

{% include "pooling/_head.py" %}

DATABASES = {
    "default": {
        **database({{ roads.direct | arguments }}{{ ', tls=tls.options' if tls }}{{ ', connect_timeout=%d' % times.connect if times.connect != 5 }}),
{% if cookiecutter.server == 'asgi' %}
        # At most BUDGET.per_process connections of each process; ASGI itself knows no bound.
        "ENGINE": "pgconnections.bounded",
{% endif %}
        # Seconds that a connection outlives its request.
        "CONN_MAX_AGE": 0,
    },
}
