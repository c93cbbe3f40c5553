"""Faults of PgBouncer and of PostgreSQL, under constant load: what fails, hangs, and comes back.

A request that is in PgBouncer or PostgreSQL when the fault hits is lost with its transaction:
nobody may run that again. Every other one has to succeed, also one that begins while the server is
away.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import pytest
from tests.lab import BACK, BOUND, Lab
from tests.load import CLIENTS, constant_load, now, recovery
from tests.service import Service, Watch

pytest_plugins = ["tests.lab"]

# When the fault had hit all that it can hit, and when the server was there again.
Times = tuple[float, float]


def sessions_terminated(lab: Lab) -> Times:
    watch = Watch(lab.postgres)
    watch.terminate_all()
    watch.connection.close()
    return now(), now()


def pgbouncer_restarted(lab: Lab) -> Times:
    lab.bouncer.stop()
    hit = now()
    lab.bouncer.run()
    return hit, now()


def pgbouncer_killed(lab: Lab) -> Times:
    lab.bouncer.process.kill()
    lab.bouncer.process.wait()
    hit = now()
    time.sleep(1)
    lab.bouncer.run()
    return hit, now()


def postgresql_restarted(lab: Lab) -> Times:
    lab.postgres.stop()
    hit = now()
    lab.postgres.start()
    return hit, now()


def postgresql_crashed(lab: Lab) -> Times:
    lab.pg_ctl("-m", "immediate", "stop")
    hit = now()
    time.sleep(2)
    lab.postgres.start()
    return hit, now()


def network_black_hole(lab: Lab) -> Times:
    hit = now()
    lab.proxy.open.clear()
    time.sleep(10)
    lab.proxy.open.set()
    return hit, now()


FAULTS: dict[str, Callable[[Lab], Times]] = {
    "all server sessions terminated": sessions_terminated,
    "PgBouncer restarted": pgbouncer_restarted,
    "PgBouncer killed, 1 s away": pgbouncer_killed,
    "PostgreSQL restarted": postgresql_restarted,
    "PostgreSQL crashed, 2 s away": postgresql_crashed,
    "network to PostgreSQL dead for 10 s": network_black_hole,
}

# For how long nobody can be served.
SECONDS = {
    "PgBouncer killed, 1 s away": 1,
    "PostgreSQL crashed, 2 s away": 2,
    "network to PostgreSQL dead for 10 s": 9.9,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_fault(fault: str, lab: Lab, service: Service, report: list[str]) -> None:
    if FAULTS[fault] is network_black_hole:
        move(lab, lab.proxy.port)
    with constant_load(service) as seen:
        time.sleep(1)
        hit, back = FAULTS[fault](lab)
        time.sleep(3)

    failed = [each for each in seen if each.reply.status != 200]
    lost = [each for each in failed if each.begun <= hit]
    served = [each.ended for each in seen if each.reply.status == 200 and each.ended > back]
    longest = max(each.ended - each.begun for each in seen)
    report.append(
        f"| {fault} | {len(seen)} | {len(lost)} | {len(failed) - len(lost)} "
        f"| {longest:.2f} | {max(0, min(served) - back):.2f} |"
    )
    # Else the fault was not on the way of anybody.
    assert longest > SECONDS.get(fault, 0)
    assert len(failed) == len(lost)
    assert len(lost) <= CLIENTS
    assert longest < BOUND
    assert recovery(seen, hit, back) < BACK


def move(lab: Lab, port: int) -> None:
    """Let PgBouncer reach PostgreSQL through this port, which its file says, or the environment."""
    before = str(lab.postgres.port)
    file = lab.bouncer.folder / "pgbouncer.ini"
    file.write_text(file.read_text().replace(before, str(port)))
    urls = {name: url for name, url in os.environ.items() if url.startswith("postgres://")}
    os.environ |= {name: url.replace(before, str(port)) for name, url in urls.items()}
    lab.bouncer.restart()
