"""What gunicorn does around its workers: it reads this file by itself. Its settings are in
pgconnections/serve.py."""

import os
import random
import signal
import threading
import time
from pathlib import Path
from typing import Any

# Bytes that the container may have, or the word "max".
LIMIT = Path("/sys/fs/cgroup/memory.max")


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
