{% include "pooling/_pooler.py" %}
