"""gunicorn reads this file by itself. Its sizes are those of the budget: pgconnections/serve.py."""

import os
import random
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from pgconnections.backend.environment import ConfigurationError
from pgconnections.serve import count

# Seconds after which a worker that no longer answers is replaced. One slow request is no reason.
timeout = 30
# Seconds that requests have to end in, once the server is told to stop: more than one may take, and
# less than the host grants (README.md).
graceful_timeout = 28
# Seconds that a connection may idle: longer than load balancers keep theirs (AWS 60, Azure 240,
# Google 600), or a request is lost to one that closes as it arrives.
keepalive = 620

# Nobody's word for the scheme but that of the header in config/settings.py.
forwarded_allow_ips = ""
# Bytes of each field of a request's header, and their number.
limit_request_field_size = 8190
limit_request_fields = 100

# When, from whom, for whom, what, the status, and the milliseconds that it took.
accesslog = "-"
access_log_format = '%(t)s %(h)s %({x-forwarded-for}i)s "%(m)s %(U)s" %(s)s %(M)s ms'

# Nothing talks to it, and it would need a home folder to write to.
control_socket_disable = True

# Bytes that the container may have, or the word "max".
LIMIT = Path("/sys/fs/cgroup/memory.max")


def on_starting(server: Any) -> None:
    """The command line and GUNICORN_CMD_ARGS override the sizes of the budget: what they say is
    counted, or refused."""
    cfg = server.cfg
    try:
        count(cfg.workers, cfg.threads, cfg.worker_class_str, server.app.app_uri or "")
    except ConfigurationError as error:
        sys.exit(f"{error}")


def on_reload(server: Any) -> None:
    """On SIGHUP the old workers end before others start: together they would hold more connections
    than planned. Meanwhile clients wait, and none is refused."""
    server.kill_workers(signal.SIGTERM)
    until = time.monotonic() + server.cfg.graceful_timeout
    while server.WORKERS:
        if time.monotonic() > until:
            server.kill_workers(signal.SIGKILL)
        time.sleep(0.1)
        server.reap_workers()


def post_worker_init(worker: Any) -> None:
    threading.Thread(target=end_when_grown, args=[worker.cfg.workers], daemon=True).start()


def end_when_grown(workers: int) -> None:
    """End this worker, after its requests, before the kernel would; gunicorn starts another."""
    try:
        limit = int(LIMIT.read_text())
    except (OSError, ValueError):
        return
    # Not all of them at once, and none that is just large.
    most = max(random.uniform(0.6, 0.8) * limit / workers, 2 * resident())
    while resident() < most:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)


def resident() -> int:
    """Bytes of memory that this process has."""
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
