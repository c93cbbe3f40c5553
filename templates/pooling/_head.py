Budget() divides the limit of the database plan; the environment changes its numbers (README.md).
"""

{% if shared_pgbouncer or tls %}
from pgconnections import {{ 'pgbouncer_ini, tls' if shared_pgbouncer and tls else 'tls' if tls else 'pgbouncer_ini' }}
{% endif %}
{% if plan.pooling == 'none' and cookiecutter.server != 'asgi' %}
from pgconnections.backend import owners  # noqa: F401 (those of threads and forks)
{% endif %}
from pgconnections.backend.address import database
from pgconnections.budget import Budget

BUDGET = Budget()
