{% include "pooling/_budget/threads.py" %}
