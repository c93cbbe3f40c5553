{% include "pgconnections/__init__.py" %}
