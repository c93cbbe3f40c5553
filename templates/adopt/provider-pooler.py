{% include "adopt/_pooler.py" %}
