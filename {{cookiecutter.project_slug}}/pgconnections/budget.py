{% include "pooling/" ~ plan.pooling ~ "/budget.py" %}
