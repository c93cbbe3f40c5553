{% include "pgconnections/budget.py" %}
