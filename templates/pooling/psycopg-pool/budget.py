{% include "pooling/_budget/pool.py" %}
