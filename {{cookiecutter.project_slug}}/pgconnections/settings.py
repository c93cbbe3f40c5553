{% include "pooling/" ~ plan.pooling ~ ".py" %}
