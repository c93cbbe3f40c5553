"""The database settings: Django's own connection pool, one for each process.

{% include "pooling/_head.py" %}

url = database({{ roads.direct | arguments }}{{ ', tls=tls.options' if tls }}{{ ', connect_timeout=%d' % times.connect if times.connect != 5 }})

DATABASES = {
    "default": {
        **url,
        "ENGINE": "pgconnections.pooled",
        # The pool keeps the connections; Django must not.
        "CONN_MAX_AGE": 0,
        # A request gets a connection that still lives.
        "CONN_HEALTH_CHECKS": True,
{% include "pooling/_tuning.py" %}
        "OPTIONS": {
            **url["OPTIONS"],
{% include "pooling/_pool_option.py" %}
        },
    },
}
