from django.apps import AppConfig


class PgconnectionsConfig(AppConfig):
    name = "pgconnections"

    def ready(self) -> None:
        from pgconnections import checks, running  # registers the checks
{% if plan.transaction_mode %}
        from pgconnections.backend import checks as of_the_pooler  # noqa: F401 (registers them)
{% endif %}

        running.warn(checks.sizes)
