{% include "pgconnections/backend/__init__.py" %}
