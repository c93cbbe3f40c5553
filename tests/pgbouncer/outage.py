"""A server that stays away: requests wait for a while, then they say so at once."""

from __future__ import annotations

import time

from pgconnections.settings import DATABASES
from tests.lab import BACK, BOUND, Lab, constant_load, now
from tests.service import Service, running_service

from tests import pooler

pytest_plugins = ["tests.lab"]
WITH_A_POOL = "pool" in DATABASES["default"]["OPTIONS"]


def test_a_long_outage(lab: Lab, service: Service) -> None:
    """Requests wait for a while, then they fail at once; the service is back with the server."""
    outage = 15
    with constant_load(service) as seen:
        time.sleep(1)
        lab.bouncer.process.kill()
        lab.bouncer.process.wait()
        begun = now()
        time.sleep(outage - 2)
        alive = service.get("/health/live")
        time.sleep(2)
        lab.bouncer.run()
        back = now()
        time.sleep(3)

    failed = [each for each in seen if each.reply.status != 200]
    assert alive.status == 200 and alive.seconds < 2
    # What fails later than that fails, but for a pool, which waits for its timeout, at once.
    late = [each for each in failed if each.begun > begun + 11]
    limit = 16 if WITH_A_POOL else 2
    assert all(each.ended - each.begun < limit for each in late)
    assert not [each for each in failed if each.begun > back + 0.5]
    assert (
        min(each.ended for each in seen if each.ended > back and each not in failed) < back + BACK
    )


def test_a_wrong_password_is_told_at_once(lab: Lab) -> None:
    """Patience is for a server that was there before."""
    url = lab.bouncer.url().replace(pooler.PASSWORD, "wrong")
    with running_service(DATABASE_URL=url) as denied:
        reply = denied.get("/health/ready")

    assert reply.status == 503
    # A pool finds out in the background, and its clients wait for its timeout.
    assert reply.seconds < (BOUND if WITH_A_POOL else 5)
