{% set pooler = plan.answers.provider_pooler %}
{% if pooler.plans %}
        # The provider's pooler comes with some of the plans.
        least, most = {{ pooler.plans | min }}, {{ pooler.plans | max }}
        if not least <= self.limit <= most or self.limit in {{ pooler.plans_without | list }}:
            raise ConfigurationError(
                f"the provider's pooler comes with plans of {least} to {most} connections, "
                f"and not with one of DATABASE_LIMIT={self.limit}."
            )

{% endif %}
