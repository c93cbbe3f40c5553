"""Threads and forks of one's own."""

from __future__ import annotations

import gc
import logging
import multiprocessing
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.signals import request_finished, request_started
from django.db import connection, connections, transaction
from pgconnections.backend import owners
from tests.lab import MOST, POOL, query, until
from tests.service import Watch

pytest_plugins = ["tests.lab"]
FORK = multiprocessing.get_context("fork")


def in_a_transaction() -> None:
    connection.set_autocommit(False)
    query()


def after_an_error() -> None:
    with pytest.raises(Exception):  # noqa: B017, PT011 (whatever the engine makes of it)
        query("SELECT 1 / 0")


@pytest.mark.parametrize("work", [query, in_a_transaction, after_an_error])
def test_what_a_thread_holds_goes_back_when_it_ends(work: Callable[[], None], watch: Watch) -> None:
    before = watch.open()
    gc.disable()
    try:
        for _ in range(3 * MOST):
            thread = threading.Thread(target=work)
            thread.start()
            thread.join(20)
            assert not thread.is_alive()
        # A pool keeps some.
        assert until(lambda: watch.open() - before <= (MOST if POOL else 0))
        # The next one has a connection as any other.
        assert query("SELECT 1") == 1
    finally:
        gc.enable()


def test_a_thread_that_another_looks_at_gives_back_too(watch: Watch) -> None:
    """Who tells of idle threads has the record of one for a moment."""
    records: list[Any] = []

    def work() -> None:
        query()
        records.append(owners.here.owner)

    before = watch.open()
    for _ in range(MOST):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    records.clear()

    assert until(lambda: watch.open() - before <= (MOST if POOL else 0))
    assert query("SELECT 1") == 1


def test_executor_threads_that_live_on_are_told_of(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owners, "IDLES_AFTER", 0)
    with ThreadPoolExecutor(1, "scheduler") as executor:
        executor.submit(query).result()
        query()
        # Once, not with each connection.
        connections.close_all()
        query()
        lines = [each for each in caplog.records if each.name == "pgconnections"]

    assert [each.levelno for each in lines] == [logging.WARNING]
    assert "scheduler_0" in lines[0].message
    assert "connections.close_all()" in lines[0].message


def test_threads_of_the_web_server_are_not_told_of(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owners, "IDLES_AFTER", 0)

    def serve() -> None:
        request_started.send(sender=None)
        query()
        request_finished.send(sender=None)

    with ThreadPoolExecutor(1) as executor:
        executor.submit(serve).result()
        query()

    assert [each for each in caplog.records if each.name == "pgconnections"] == []


def report(queue: Any) -> None:
    queue.put(query())


def child_uses(work: Callable[[Any], None] = report) -> Any:
    queue = FORK.Queue()
    child = FORK.Process(target=work, args=[queue])
    child.start()
    try:
        seen = queue.get(timeout=20)
        child.join(20)
        assert child.exitcode == 0, "the child hangs at its end"
    finally:
        child.kill()
    return seen


def test_a_forked_child_has_a_connection_of_its_own() -> None:
    mine = query()

    children = {child_uses() for _ in range(3)}

    assert len(children) == 3
    assert mine not in children
    assert query() == mine or POOL


def test_a_child_inside_of_a_transaction() -> None:
    with transaction.atomic():
        mine = query()
        assert child_uses() != mine
        assert query() == mine


def closes_all(queue: Any) -> None:
    connections.close_all()
    queue.put(query())


def test_a_child_that_closes_what_it_thinks_it_has() -> None:
    mine = query()

    assert child_uses(closes_all) != mine
    assert query("SELECT 1") == 1


def test_a_child_while_other_threads_hold_connections() -> None:
    ready, done = threading.Event(), threading.Event()
    seen: list[int] = []

    def hold() -> None:
        seen.append(query())
        ready.set()
        done.wait(60)
        seen.append(query())

    other = threading.Thread(target=hold)
    other.start()
    ready.wait(20)
    try:
        mine, child = query(), child_uses()
    finally:
        done.set()
        other.join(20)

    assert child not in (mine, *seen)
    # The child did nothing to it.
    assert len(seen) == 2 and (seen[0] == seen[1] or POOL)


def keeps_what_it_had(queue: Any) -> None:
    wrapper = connections["default"]
    queue.put(wrapper.connection is None)


def test_a_child_begins_without_any() -> None:
    query()

    assert child_uses(keeps_what_it_had)


def forks_again(queue: Any) -> None:
    mine = query()
    queue.put((mine, child_uses()))


def test_a_child_of_a_child() -> None:
    mine = query()
    child, grandchild = child_uses(forks_again)

    assert len({mine, child, grandchild}) == 3
    assert query("SELECT 1") == 1


def test_what_a_thread_lends_is_not_closed() -> None:
    lent: list[Any] = []

    def lend() -> None:
        query()
        connections["default"].inc_thread_sharing()
        lent.append(connections["default"])

    thread = threading.Thread(target=lend)
    thread.start()
    thread.join()

    assert lent[0].connection.info.transaction_status == 0
    lent[0].close()
