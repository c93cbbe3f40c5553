{% if plan.transaction_mode %}
        # A server-side cursor would be gone with the transaction that opened it.
        "DISABLE_SERVER_SIDE_CURSORS": True,
{% endif %}
{% if cookiecutter.server == 'asgi' %}
{% include "adopt/psycopg-pool.py" %}
{% else %}
        # Seconds that a thread keeps its connection to the pooler.
        "CONN_MAX_AGE": {{ times.conn_max_age }},
        # Before its first query a request makes sure that the connection still lives.
        "CONN_HEALTH_CHECKS": True,
{% include "pooling/_tuning.py" %}
        "OPTIONS": options,
{% endif %}
