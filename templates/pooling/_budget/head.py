"""The connection budget of this service: the numbers, and the sum that has to fit.

The numbers are the answers that the project was rendered with. Environment variables override them,
so that a service is scaled without a new render; when they do not fit, it does not start.
"""

from pgconnections.backend.environment import ConfigurationError, number


class Budget:
    """Connections, in total where it does not say otherwise."""

    def __init__(self) -> None:
        """Raises ConfigurationError, with the sum, when the numbers do not fit."""
        # What the database plan allows.
        self.limit = number("DATABASE_LIMIT", {{ plan.answers.database_limit }}, most=262_143)
{% if cookiecutter.server == 'asgi' %}
        # The most web instances that ever run, the processes of each, and the requests of each
        # process that use the database at once.
{% else %}
        # The most web instances that ever run, the processes of each, the threads of each process.
{% endif %}
        web_instances = number("WEB_INSTANCES", {{ plan.answers.web_instances }}, most=1_000)
        self.processes = number("WEB_CONCURRENCY", {{ plan.answers.web_processes }}, most=1_000)
        self.threads = number("WEB_THREADS", {{ plan.answers.web_threads }}, most=1_000)
        # For workers, cron jobs, shells and migrations.
        self.other = number("OTHER_CONNECTIONS", {{ plan.answers.other_connections }}, most=262_143)

{% if plan.pooling == 'provider-pooler' %}
{% include "pooling/provider-pooler/_plans.py" %}
{% endif %}
{% if plan.answers.reserved_percent and plan.answers.reserved %}
        # What the server keeps from ordinary roles, or {{ plan.answers.reserved_percent }} % of the limit for services of the provider.
        self.reserved = max({{ plan.answers.reserved }}, -(-self.limit * {{ plan.answers.reserved_percent }} // 100))
{% elif plan.answers.reserved_percent %}
        # What services of the provider need: {{ plan.answers.reserved_percent }} % of the limit, rounded up.
        self.reserved = -(-self.limit * {{ plan.answers.reserved_percent }} // 100)
{% elif plan.answers.reserved %}
        # What the server keeps from ordinary roles.
        self.reserved = {{ plan.answers.reserved }}
{% else %}
        # What the server keeps from ordinary roles: the provider publishes no number.
        self.reserved = 0
{% endif %}
        # What is left for the web processes.
        self.for_web = self.limit - self.reserved - self.other
        left = (
            f"DATABASE_LIMIT {self.limit} - {self.reserved} reserved by the server "
            f"- {self.other} OTHER_CONNECTIONS = {self.for_web}"
        )
        if self.for_web < 1:
            raise ConfigurationError(f"no connection is left for the web processes: {left}.")

{% if plan.answers.overlap_percent > 100 %}
        # Alive at once: a deploy runs {{ plan.answers.overlap_percent }} % of the instances for a while, rounded up.
        self.instances = -(-web_instances * {{ plan.answers.overlap_percent }} // 100)
        shown = (
            f"{self.instances} instances while a deploy overlaps ({web_instances} WEB_INSTANCES)"
            f" x {self.processes} WEB_CONCURRENCY"
        )
{% else %}
        # Alive at once: a deploy ends the old instances before it starts the new.
        self.instances = web_instances
        shown = f"{web_instances} WEB_INSTANCES x {self.processes} WEB_CONCURRENCY"
{% endif %}
