"""gunicorn reads this file by itself. Its sizes are those of the budget: pgconnections/serve.py."""

# Seconds after which a worker that no longer answers is replaced. One slow request is no reason.
timeout = 30
graceful_timeout = 30

# Nothing talks to it, and it would need a home folder to write to.
control_socket_disable = True

# Each worker loads the application itself: a query before the fork would leave processes with one
# connection in common.
preload_app = False
