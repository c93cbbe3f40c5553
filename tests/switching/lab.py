"""Switch a live service to other answers, under load: runs inside the venv of the two projects, in
the folder of the old one. Prints how many requests got no success, for each order."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, os.getcwd())
from tests import postgres  # noqa: E402

OLD, NEW = Path.cwd(), Path(sys.argv[1])
CLIENTS = 16
ENVIRONMENT = {
    "DJANGO_SETTINGS_MODULE": "tests.settings",
    "SECRET_KEY": "only-for-tests-" * 4,
    "ALLOWED_HOSTS": "localhost",
    "HTTPS_ONLY": "0",
    "HOST": "127.0.0.1",
}


def start(project: Path, port: int, **sizes: str) -> subprocess.Popen[bytes]:
    """Returns when the web server answers."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pgconnections.serve"],
        cwd=project,
        env=os.environ | ENVIRONMENT | {"PORT": str(port)} | sizes,
    )
    while get(port, "/health/live") != 200:
        assert process.poll() is None
        time.sleep(0.05)
    return process


def get(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path, headers={"Host": "localhost"})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


class Load:
    """Clients that ask all the time, at the port that the proxy leads to."""

    def __init__(self, port: int) -> None:
        self.port, self.done, self.statuses = port, False, list[int]()
        self.threads = [threading.Thread(target=self.ask) for _ in range(CLIENTS)]
        for thread in self.threads:
            thread.start()
        time.sleep(1)

    def ask(self) -> None:
        while not self.done:
            status = get(self.port, "/backend")
            self.statuses.append(status)
            time.sleep(0 if status else 0.02)

    def failed(self) -> int:
        time.sleep(1)
        self.done = True
        for thread in self.threads:
            thread.join()
        assert len(self.statuses) > 50
        return sum(status != 200 for status in self.statuses)


def beside(**sizes: str) -> int:
    """The new one starts beside the old, the proxy leads to it, and the old one ends."""
    old_port, new_port = postgres.free_port(), postgres.free_port()
    old = start(OLD, old_port, **sizes)
    load = Load(old_port)
    new = start(NEW, new_port, **sizes)
    load.port = new_port
    time.sleep(1)
    return ended(old, load, new)


def after() -> int:
    """The old one ends, then the new one starts at its port."""
    port = postgres.free_port()
    old = start(OLD, port)
    load = Load(port)
    old.terminate()
    old.wait()
    return ended(old, load, start(NEW, port))


def ended(old: subprocess.Popen[bytes], load: Load, new: subprocess.Popen[bytes]) -> int:
    old.terminate()
    old.wait()
    failed = load.failed()
    new.terminate()
    new.wait()
    return failed


def main() -> dict[str, int]:
    orders: dict[str, Callable[[], int]] = {
        "beside, room for both": lambda: beside(WEB_THREADS="3"),
        "beside, no room for both": lambda: beside(),
        "stop, then start": after,
    }
    server = postgres.start(
        Path(tempfile.mkdtemp(prefix="switching-")), secrets.token_hex(16), max_connections=20
    )
    os.environ["DATABASE_URL"] = server.url()
    try:
        migrate = [sys.executable, "manage.py", "migrate", "--verbosity=0"]
        subprocess.run(migrate, env=os.environ | ENVIRONMENT, check=True)
        return {name: order() for name, order in orders.items()}
    finally:
        server.stop()
        shutil.rmtree(server.folder)


if __name__ == "__main__":
    print(json.dumps(main()))
