"""What goes over the wire, as libpq itself sees it."""

from __future__ import annotations

from pathlib import Path

from django.core.signals import request_finished, request_started
from django.db import connection, connections, transaction
from tests.lab import query

pytest_plugins = ["tests.lab"]


def request() -> None:
    request_started.send(sender=None)
    query("SELECT 1")
    with transaction.atomic():
        query("SELECT 2")
    request_finished.send(sender=None)


def test_a_request_sends_its_statements_and_nothing_else(tmp_path: Path) -> None:
    wrapper = connections["default"]
    if "pool" in wrapper.settings_dict["OPTIONS"]:  # the same connection for each
        wrapper.settings_dict["OPTIONS"]["pool"] |= {"min_size": 1, "max_size": 1}
    request()
    request_started.send(sender=None)
    query("SELECT 1")
    raw = connection.connection.pgconn
    request_finished.send(sender=None)
    with (tmp_path / "trace").open("w+") as trace:
        raw.trace(trace.fileno())
        for _ in range(10):
            request()
        raw.untrace()
        trace.seek(0)
        sent = [line.split("\t") for line in trace if "\tF\t" in line]

    words = [line[-1].strip() for line in sent if line[3].strip() in ("Query", "Parse")]
    # Each turn waits for its answer: SELECT 1, BEGIN, SELECT 2, COMMIT.
    assert len(words) == 4 * 10, words
