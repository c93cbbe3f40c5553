{% include "pgconnections/backend/owners.py" %}
