"""What PostgreSQL itself counted, for each of the databases."""

from __future__ import annotations

import subprocess
import threading
import time
from typing import Any

# Seconds between two looks.
PAUSE = 0.05
OPEN = "SELECT datname, count(*) FROM pg_stat_activity WHERE datname ~ '^bench_' GROUP BY 1"
OPENED = "SELECT datname, sessions FROM pg_stat_database WHERE datname ~ '^bench_'"


class Watch:
    """Looks all the time, in a session of its own; `peak` is what it saw at most."""

    def __init__(self, postgres: Any, url: str) -> None:
        self.psql = subprocess.Popen(
            [postgres.programs() / "psql", "-qAtX", "-F=", url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.lock = threading.Lock()
        self.ended = threading.Event()
        self.peak: dict[str, int] = {}
        self.thread = threading.Thread(target=self.look, daemon=True)
        self.thread.start()

    def ask(self, query: str) -> dict[str, int]:
        """A number for each database."""
        with self.lock:
            self.psql.stdin.write(f"{query};\n\\echo\n")
            self.psql.stdin.flush()
            lines = iter(self.psql.stdout.readline, "\n")
            return {name: int(count) for name, count in (line.split("=") for line in lines)}

    def look(self) -> None:
        while not self.ended.wait(PAUSE):
            for name, count in self.ask(OPEN).items():
                self.peak[name] = max(count, self.peak.get(name, 0))

    def opened(self) -> dict[str, int]:
        """Connections since the start."""
        time.sleep(1.5)  # servers report at most once in a second
        return self.ask(OPENED)

    def stop(self) -> None:
        self.ended.set()
        self.thread.join()
        self.psql.communicate("\\q\n")
