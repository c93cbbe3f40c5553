#!/usr/bin/env python
"""Run the service on this machine: an embedded PostgreSQL, the migrations, and the web server."""

import os
import signal
import subprocess
import sys
from pathlib import Path

os.environ.setdefault("DEBUG", "1")

from pgconnections import embedded  # noqa: E402 (DEBUG is read at import)
from pgconnections.environment import budget  # noqa: E402

PROJECT = Path(__file__).resolve().parent


def main() -> int:
    if os.environ.get("DATABASE_URL"):
        return serve()
    # Room for all processes, also where a pooler would share its connections among them.
    plan = budget()
    room = plan.peak + plan.answers.other_connections + plan.answers.kept_back
    server = embedded.start(max_connections=room + 10)
    print(f"PostgreSQL runs at {server.url()}", flush=True)
    try:
        return serve()
    finally:
        server.stop()


def serve() -> int:
    """Migrate, then run the web server until it ends."""
    migrate = [sys.executable, "manage.py", "migrate", "--verbosity=0"]
    if failed := subprocess.run(migrate, cwd=PROJECT).returncode:
        return failed
    port = os.environ.get("PORT", "8000")
    print(f"The service runs at http://127.0.0.1:{port}/health/ready (Ctrl-C ends it)", flush=True)
    gunicorn = ["gunicorn", "--reload", f"--bind=127.0.0.1:{port}", "config.{{ cookiecutter.server }}"]
    web = subprocess.Popen([sys.executable, "-m", *gunicorn], cwd=PROJECT)
    # gunicorn ends first, then this. A terminal sends Ctrl-C to it as well, which does no harm.
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, lambda *_: web.terminate())
    return web.wait()


if __name__ == "__main__":
    sys.exit(main())
