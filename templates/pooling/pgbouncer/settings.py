{% include "pooling/_pooler/settings.py" %}
