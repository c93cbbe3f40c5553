{% include "pooling/" ~ plan.pooling ~ "/settings.py" %}
