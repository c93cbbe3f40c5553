#!/usr/bin/env python
"""Run the service on this machine: an embedded PostgreSQL, the migrations, and the web server."""

import os
import subprocess
import sys
from pathlib import Path

os.environ.setdefault("DEBUG", "1")

from pgconnections import embedded  # noqa: E402 (DEBUG is read at import)
from pgconnections.environment import budget  # noqa: E402


def main() -> int:
    os.chdir(Path(__file__).resolve().parent)
    server = None
    if not os.environ.get("DATABASE_URL"):
        # Room for all processes, also where a pooler would share its connections among them.
        plan = budget()
        room = plan.peak + plan.answers.other_connections + plan.answers.reserved
        server = embedded.start(max_connections=room + 10)
        print(f"PostgreSQL runs at {server.url()}", flush=True)
    try:
        subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity=0"], check=True)
        port = os.environ.get("PORT", "8000")
        print(f"The service runs at http://127.0.0.1:{port}/admin/ (Ctrl-C ends it)", flush=True)
        command = ["gunicorn", "--reload", "config.{{ cookiecutter.server }}"]
        return subprocess.run([sys.executable, "-m", *command]).returncode
    except subprocess.CalledProcessError as error:
        return error.returncode
    except KeyboardInterrupt:
        return 0
    finally:
        if server:
            server.stop()


if __name__ == "__main__":
    sys.exit(main())
