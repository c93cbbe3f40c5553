"""gunicorn reads this file by itself. Its sizes come from the connection budget."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured

try:
    from config import settings  # noqa: F401 (a mistake in it ends the start here, in one sentence)
    from pgconnections.settings import BUDGET
except ImproperlyConfigured as error:
    sys.exit(f"{error}")

bind = f"0.0.0.0:{os.environ.get('PORT', '8000')}"

# Processes of this instance.
workers = BUDGET.answers.web_processes
{% if cookiecutter.server == 'asgi' %}
worker_class = "uvicorn_worker.UvicornWorker"
{% else %}
worker_class = "gthread"
# Per process. A thread uses one connection at a time.
threads = BUDGET.answers.web_threads
{% endif %}

# Seconds after which a worker that no longer answers is replaced. One slow request is no reason.
timeout = 30
graceful_timeout = 30

# Nothing talks to it, and it would need a home folder to write to.
control_socket_disable = True

# Each worker loads the application itself: a query before the fork would leave processes with one
# connection in common.
preload_app = False
