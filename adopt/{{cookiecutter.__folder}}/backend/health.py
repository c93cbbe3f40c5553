{% include "pgconnections/backend/health.py" %}
