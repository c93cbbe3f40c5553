{% include "pooling/_budget/head.py" %}
        # Connections of one process to PgBouncer: each {{ 'request' if cookiecutter.server == 'asgi' else 'thread' }} has one.
        self.per_process = self.threads
        # Those of all web processes, at most.
        self.peak = self.instances * self.processes * self.per_process
{% if plan.answers.pgbouncer_per_instance %}
        # Those of one instance, to the PgBouncer beside them.
        self.clients = self.processes * self.per_process
        # Connections of one PgBouncer to the database.
        self.pool_size = self.for_web // self.instances
        # Those of all, at most: none opens more than it has clients.
        self.server_connections = self.instances * min(self.pool_size, self.clients)
        # Those that the role of the service opens, at most.
        self.of_the_role = self.server_connections + self.other
        # Clients that one PgBouncer accepts: all of them, and some more.
        self.max_client_conn = max(100, self.clients + self.other)

        if self.pool_size < 1:
            shown = shown.partition(" x ")[0]
            raise ConfigurationError(
                f"PgBouncer needs a connection for each of {shown}, but {left}."
            )
        if self.clients > 10_000:  # each takes a file descriptor
            raise ConfigurationError(
                f"one PgBouncer serves 10000 clients, and these would be {self.clients} per "
                f"instance ({self.processes} WEB_CONCURRENCY x {self.threads} WEB_THREADS)."
            )
{% else %}
        # Connections of PgBouncer to the database; one more looks passwords up.
        self.pool_size = self.for_web - 1
        # All of them, at most: it opens no more than it has clients.
        self.server_connections = min(self.pool_size, self.peak) + 1
        # Those that the role of the service opens, at most.
        self.of_the_role = min(self.pool_size, self.peak) + self.other
        # Clients that PgBouncer accepts: all of them, and some more.
        self.max_client_conn = max(100, self.peak + self.other)

        if self.pool_size < 1:
            raise ConfigurationError(
                f"PgBouncer needs 2 connections, one of them to look passwords up, but {left}."
            )
        if self.peak > 10_000:  # each takes a file descriptor
            raise ConfigurationError(
                f"one PgBouncer serves 10000 clients, and these would be {self.peak} connections "
                f"at peak ({shown} x {self.threads} WEB_THREADS)."
            )
{% endif %}
