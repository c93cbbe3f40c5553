            "pool": {
{% if plan.pooled %}
                # Connections per process, to the pooler; all processes together hold at most
                # BUDGET.peak.
{% else %}
                # Connections per process; all processes together hold at most BUDGET.peak.
{% endif %}
                "min_size": {{ times.min_size }},
                "max_size": BUDGET.per_process,
                # Seconds that a request waits for a connection: less than a request may take.
                "timeout": {{ times.wait }},
                # Seconds after which an idle connection, and any connection, is replaced or closed.
                "max_idle": {{ times.max_idle }},
                "max_lifetime": {{ times.max_lifetime }},
            },
