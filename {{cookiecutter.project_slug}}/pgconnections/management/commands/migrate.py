{% include "pooling/_migrate/" ~ ("pooled" if plan.pooled else "direct") ~ ".py" %}
