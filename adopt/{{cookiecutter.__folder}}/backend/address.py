{% include "pgconnections/backend/address.py" %}
