{% set cap = plan.answers.connections_per_instance %}
{% include "pooling/_budget/head.py" %}
        # Connections of one process, for its pool: more than it has threads would idle.
        processes = self.instances * self.processes
{% if cap %}
        self.per_process = min(self.threads, self.for_web // processes, {{ cap }} // self.processes)
{% else %}
        self.per_process = min(self.threads, self.for_web // processes)
{% endif %}
        # Those of all web processes, at most.
        self.peak = processes * self.per_process
        # Those that the role of the service opens, at most.
        self.of_the_role = self.peak + self.other

{% if cap %}
        if self.processes > {{ cap }}:
            raise ConfigurationError(
                f"{{ plan.pooling }} needs {self.processes} connections per instance "
                f"({self.processes} WEB_CONCURRENCY x 1), but the host allows {{ cap }} to each."
            )
{% endif %}
        if self.per_process < 1:
            raise ConfigurationError(
                f"{{ plan.pooling }} needs {processes} connections, one for each process "
                f"({shown}), but only {self.for_web} are left: {left}."
            )
