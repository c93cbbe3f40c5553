{% include "pgconnections/management/commands/connections.py" %}
