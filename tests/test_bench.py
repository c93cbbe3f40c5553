"""The bench of web servers: what it reads from wrk, and a quick run of one server."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from conftest import TEMPLATE

BENCH = TEMPLATE / "bench"
# The deviations in the last column look like percentiles, and are none.
SAID = """Running 60m test @ http://127.0.0.1:39923/sync
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency    24.82ms   16.99ms  52.66ms   54.99%
    Req/Sec     2.52k   135.44     2.61k    79.50%
  Latency Distribution
     50%  712.00us
     75%   42.14ms
     90%   44.30ms
     99%    1.20s
  1502 requests in 600.00ms, 404.84KB read
  Socket errors: connect 1, read 2, write 0, timeout 3
  Non-2xx or 3xx responses: 10
Requests/sec:   2503.20
Transfer/sec:    674.69KB
"""


def test_what_wrk_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(BENCH)
    from load import parse

    seen = parse(SAID)

    assert (seen.requests, seen.rate, seen.p50, seen.p99) == (1502, 1502 / 0.6, 0.712, 1200)
    assert seen.errors == 16


def test_a_quick_run_of_one_server() -> None:
    command = [sys.executable, BENCH / "servers.py", "--quick", "--only", "waitress"]

    done = subprocess.run(command, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    cells = json.loads((BENCH / "results" / "servers-part.json").read_text("utf-8"))["cells"]
    assert [cell["row"][1:] for cell in cells] == 2 * [["persistent", "sync"]]
    for cell in cells:
        # How clients spread over processes is chance: one may need three of its four threads.
        assert cell["errors"] == 0, cell
        assert 0 < cell["opened"] == cell["peak"] <= 8, cell
        assert cell["requests"] > 0
