{% set cap = plan.answers.connections_per_instance %}
{% include "pooling/_budget/head.py" %}
        # Connections of one process: each {{ 'request' if cookiecutter.server == 'asgi' else 'thread' }} has one.
        self.per_process = self.threads
        # Those of all web processes, at most.
        self.peak = self.instances * self.processes * self.per_process
        # Those that the role of the service opens, at most.
        self.of_the_role = self.peak + self.other

{% if cap %}
        if self.processes * self.threads > {{ cap }}:
            raise ConfigurationError(
                f"{{ plan.pooling }} needs {self.processes * self.threads} connections per instance "
                f"({self.processes} WEB_CONCURRENCY x {self.threads}), "
                "but the host allows {{ cap }} to each."
            )
{% endif %}
        if self.peak > self.for_web:
            raise ConfigurationError(
                f"{{ plan.pooling }} needs {self.peak} connections at peak ({shown} "
                f"x {self.threads} WEB_THREADS), but only {self.for_web} are left: {left}."
            )
