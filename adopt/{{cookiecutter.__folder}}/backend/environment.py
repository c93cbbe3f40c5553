{% include "pgconnections/backend/environment.py" %}
