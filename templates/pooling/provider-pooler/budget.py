{% set pooler = plan.answers.provider_pooler %}
{% set session = pooler.pool_mode == 'session' %}
{% set most = 'self.limit' if pooler.pool_percent == 100 else 'self.limit * %d // 100' % pooler.pool_percent %}
{% set count = pooler.poolers %}
{% set part = ' // %d' % count if count > 1 else '' %}
{% set times_count = '%d * ' % count if count > 1 else '' %}
{% include "pooling/_budget/head.py" %}
        # Connections of one process to the pooler: each {{ 'request' if cookiecutter.server == 'asgi' else 'thread' }} has one.
        self.per_process = self.threads
        # Those of all web processes, at most.
        self.peak = self.instances * self.processes * self.per_process
{% if pooler.sized_by == 'unknown' %}
        # Connections of the pooler to the database: no size is published, each client may have one.
        self.pool_size = self.peak
{% else %}
{% if pooler.pool_percent == 100 %}
        # Connections of {{ 'the pooler' if count == 1 else 'each of the provider\'s %d poolers' % count }} to the database.
{% else %}
        # Connections of {{ 'the pooler' if count == 1 else 'each of the provider\'s %d poolers' % count }} to the database: {{ pooler.pool_percent }} % of the limit at most.
{% endif %}
{% if pooler.sized_by == 'you' and pooler.pool_percent == 100 %}
        self.pool_size = self.for_web{{ part }}
{% elif pooler.sized_by == 'you' %}
        self.pool_size = min({{ most }}, self.for_web){{ part }}
{% else %}
        self.pool_size = {{ most }}{{ part }}
{% endif %}
{% endif %}
        # All of them, at most: a pooler opens no more than it has clients.
        self.server_connections = {{ times_count }}min(self.pool_size, self.peak)
        # Those that the role of the service opens, at most.
        self.of_the_role = self.server_connections + self.other
        # Clients that a pooler has to accept: all of them, and some more.
        self.max_client_conn = max(100, self.peak + self.other)

        needed = f"{self.peak} connections at peak ({shown} x {self.threads} WEB_THREADS)"
{% if count > 1 or pooler.pool_percent < 100 %}
        if self.pool_size < 1:
            raise ConfigurationError(
                f"the provider's pooler needs a connection in each of {{ count }}, but {left}."
            )
{% endif %}
{% if pooler.max_client_conn %}
        clients = {{ pooler.max_client_conn }}
        if self.peak > clients:
            raise ConfigurationError(
                f"the provider's pooler serves {clients} clients, and not {needed}."
            )
{% endif %}
{% if session %}
        if self.peak > {{ times_count }}self.pool_size:
            raise ConfigurationError(
                "the provider's pooler is in session mode, where each client holds one of its "
                f"{ {{- times_count }}self.pool_size} connections, and these are {needed}."
            )
{% endif %}
        if self.server_connections > self.for_web:
            raise ConfigurationError(
{% if session %}
                "the provider's pooler is in session mode, so each client counts as a connection, "
                f"and these are {needed}, but {left}."
{% elif pooler.sized_by == 'unknown' %}
                "the provider's pooler has no published size, so each client counts as a "
                f"connection, and these are {needed}, but {left}."
{% else %}
                f"the provider's pooler takes {self.server_connections} connections "
                f"for {needed}, but {left}."
{% endif %}
            )
