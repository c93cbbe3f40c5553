"""The database settings: {% if plan.pooling == 'pgbouncer' %}PgBouncer{% else %}the pooler of the provider{% endif %} in front of the database, in {{ 'transaction' if plan.transaction_mode else 'session' }} mode.

{% include "pooling/_head.py" %}
{% if shared_pgbouncer %}
pgbouncer_ini.check(BUDGET)
{% endif %}

{% if cookiecutter.server == 'asgi' %}
pooled = database({{ roads.pooled | arguments }}{{ ', tls=tls.options' if tls }}{{ ', connect_timeout=%d' % times.connect if times.connect != 5 }}, pooler=True)

{% endif %}
DATABASES = {
{% if plan.transaction_mode %}
    # For the web processes. In transaction mode the next transaction may run on another connection
    # of the pooler.
{% else %}
    # For the web processes. In session mode each of their connections holds one of the pooler's
    # own, so the budget counts them as direct ones.
{% endif %}
    "default": {
{% if cookiecutter.server == 'asgi' %}
        **pooled,
{% else %}
        **database({{ roads.pooled | arguments }}{{ ', tls=tls.options' if tls }}{{ ', connect_timeout=%d' % times.connect if times.connect != 5 }}, pooler=True),
{% endif %}
        "ENGINE": "pgconnections.{{ 'pooled' if cookiecutter.server == 'asgi' else 'backend' }}",
{% if plan.transaction_mode %}
        # A server-side cursor would be gone with the transaction that opened it.
        "DISABLE_SERVER_SIDE_CURSORS": True,
{% endif %}
{% if cookiecutter.server == 'asgi' %}
        # The pool below keeps the connections to the pooler; Django must not.
        "CONN_MAX_AGE": 0,
        # A request gets a connection that still lives.
        "CONN_HEALTH_CHECKS": True,
{% include "pooling/_tuning.py" %}
        "OPTIONS": {
            **pooled["OPTIONS"],
{% include "pooling/_pool_option.py" %}
        },
{% else %}
        # Seconds that a thread keeps its connection to the pooler.
        "CONN_MAX_AGE": {{ times.conn_max_age }},
        # Before its first query a request makes sure that the connection still lives.
        "CONN_HEALTH_CHECKS": True,
{% include "pooling/_tuning.py" %}
{% endif %}
    },
    # Around the pooler, for what needs one session: migrations, LISTEN, advisory locks.
    # Part of BUDGET.other.
    "direct": {
        **database({{ roads.direct | arguments }}{{ ', tls=tls.options' if tls }}{{ ', connect_timeout=%d' % times.connect if times.connect != 5 }}),
        "CONN_MAX_AGE": 0,
        "TEST": {"MIRROR": "default"},
    },
}
{% if plan.transaction_mode and not keeps_prepared %}

# The pooler keeps no prepared statements apart: `manage.py check` refuses them.
PREPARED_STATEMENTS = False
{% endif %}
