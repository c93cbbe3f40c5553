"""The answers given when this project was rendered. The environment overrides them."""

from pgconnections.budget import Answers{% if plan.pooling == 'provider-pooler' %}, ProviderPooler{% endif %}


SERVICE = "{{ cookiecutter.project_slug }}"

ANSWERS = Answers(
    database_limit={{ plan.answers.database_limit }},
    reserved={{ plan.answers.reserved }},
    other_connections={{ plan.answers.other_connections }},
    pooling="{{ plan.pooling }}",
    server="{{ plan.answers.server }}",
    web_instances={{ plan.answers.web_instances }},
    web_processes={{ plan.answers.web_processes }},
    web_threads={{ plan.answers.web_threads }},
{% if plan.answers.reserved_percent %}
    reserved_percent={{ plan.answers.reserved_percent }},
{% endif %}
    overlap_percent={{ plan.answers.overlap_percent }},
{% if plan.answers.connections_per_instance %}
    connections_per_instance={{ plan.answers.connections_per_instance }},
{% endif %}
{% if plan.pooling == 'pgbouncer' %}
    pgbouncer_per_instance={{ plan.answers.pgbouncer_per_instance }},
{% elif plan.pooling == 'provider-pooler' %}
    provider_pooler=ProviderPooler(
        pool_mode="{{ plan.answers.provider_pooler.pool_mode }}",
        sized_by="{{ plan.answers.provider_pooler.sized_by }}",
        pool_percent={{ plan.answers.provider_pooler.pool_percent }},
        poolers={{ plan.answers.provider_pooler.poolers }},
        max_client_conn={{ plan.answers.provider_pooler.max_client_conn }},
        plans={{ plan.answers.provider_pooler.plans }},
        plans_without={{ plan.answers.provider_pooler.plans_without }},
    ),
{% endif %}
)

# Answers that may change without a new render, and the environment variables that change them.
VARIABLES = {
    "database_limit": "DATABASE_LIMIT",
    "other_connections": "OTHER_CONNECTIONS",
    "web_instances": "WEB_INSTANCES",
    "web_processes": "WEB_CONCURRENCY",
    "web_threads": "WEB_THREADS",
}
