"""Requests from clients that keep their connections, by wrk; what it saw."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

MILLISECONDS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}
# Seconds after which a request without an answer is an error.
TIMEOUT = 10


@dataclass(frozen=True)
class Load:
    requests: int
    seconds: float
    # Milliseconds: half of the requests, and all but one of a hundred, took less.
    p50: float
    p99: float
    # Requests without an answer, and answers that are none of success.
    errors: int

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds


def load(wrk: Path, url: str, clients: int, seconds: float) -> Load:
    command = [wrk, "-t1", f"-c{clients}", "-d1h", f"--timeout={TIMEOUT}s", "--latency", url]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)  # it knows only whole seconds
    said, problem = process.communicate()
    if process.returncode != 0 or "requests in" not in said:
        raise RuntimeError(f"wrk failed: {problem or said}")
    return parse(said)


def parse(said: str) -> Load:
    requests, seconds = re.search(r"(\d+) requests in (\S+),", said).groups()
    return Load(
        requests=int(requests),
        seconds=milliseconds(seconds) / 1_000,
        p50=milliseconds(re.search(r"^ +50% +(\S+)", said, re.MULTILINE)[1]),
        p99=milliseconds(re.search(r"^ +99% +(\S+)", said, re.MULTILINE)[1]),
        errors=sum(map(int, re.findall(r"(?:connect|read|write|timeout|responses:) (\d+)", said))),
    )


def milliseconds(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)(\w+)", text).groups()
    return float(number) * MILLISECONDS[unit]
