"""Proof, through the web server and the settings of this project and on a real PostgreSQL, that its
connections stay inside the limit{% if plan.pooling != 'none' %}, are reused, and that losing them fails no request{% endif %}.

No runner collects this file by itself. `python -m pgconnections.smoke` runs it, and so do
`pytest pgconnections/smoke/proof.py` and `manage.py test pgconnections.smoke.proof`.
"""

import json
import os
import secrets
import shutil
import tempfile
import unittest
from pathlib import Path

from pgconnections import SERVICE
from pgconnections.settings import BUDGET
from pgconnections.smoke.postgres import Server, start
from pgconnections.smoke.service import Service, Watch, python

# What manage.py says, unless the environment says another.
SETTINGS = os.environ.setdefault("DJANGO_SETTINGS_MODULE", "{{ cookiecutter.settings_module }}")
# The command of the web server, where it is not the usual one.
COMMAND: list[str] = []
REQUESTS, CLIENTS = 200, 60
# The connections that one instance may hold, in total.
ALLOWED = BUDGET.processes * BUDGET.per_process

postgres: Server
service: Service


def setUpModule() -> None:
    global postgres, service
    postgres = start(
        Path(tempfile.mkdtemp(prefix="postgres-")), secrets.token_hex(16), max_connections=103
    )
    address = {"HOST": "127.0.0.1", "PORT": postgres.port, "NAME": SERVICE, "USER": SERVICE}
    os.environ |= {
        "SMOKE_SETTINGS": SETTINGS,
        "SMOKE_ADDRESS": json.dumps(address | {"PASSWORD": postgres.password}),
    }
{% if plan.pooled %}
    # No pooler is between here: what is counted are the connections of the web to it.
    os.environ |= dict.fromkeys([{{ roads.all | arguments }}], postgres.url())
{% endif %}
    unittest.addModuleCleanup(remove)
    service = Service(COMMAND)


def remove() -> None:
    postgres.stop()
    shutil.rmtree(postgres.folder)


class Connections(unittest.TestCase):
    def setUp(self) -> None:
        self.watch = Watch(postgres)
        self.addCleanup(self.watch.connection.close)

    def test_the_settings_use_the_budget(self) -> None:
        done = python("-m", "django", "check", "--tag=pgconnections", f"--settings={SETTINGS}")

        self.assertEqual(done.returncode, 0, done.stderr)

    def test_load(self) -> None:
        before = self.watch.opened()
        with service.running(), self.watch.peak_during():
            replies = service.load(REQUESTS, CLIENTS)
            left = self.watch.open()
        opened = self.watch.opened() - before
        statuses = {status for status, _ in replies}
        backends = len({backend for _, backend in replies})
        print(
            f"\nload: {REQUESTS} requests of {CLIENTS} clients were served by {backends} backends;"
            f"\n      peak {self.watch.peak}, left {left}, opened {opened}; allowed {ALLOWED}"
        )

        self.assertEqual(statuses, {200})
{% if plan.pooling == 'none' %}
        # Some are still closing when those of the next requests open.
        self.assertLessEqual(self.watch.peak, ALLOWED + 2)
        # The price of this choice: each request pays for a connection of its own.
        self.assertEqual(backends, REQUESTS)
{% else %}
        self.assertLessEqual(self.watch.peak, ALLOWED)
        self.assertLessEqual(opened, ALLOWED)
        self.assertLessEqual(left, ALLOWED)
{% endif %}

    def test_lost_connections(self) -> None:
        with service.running():
            service.load(REQUESTS, CLIENTS)
            self.watch.terminate_all()
            replies = service.load(REQUESTS, CLIENTS)
        failed = sum(status != 200 for status, _ in replies)
        print(f"\nlost: all connections terminated, then {failed} errors in {REQUESTS} requests")

        self.assertEqual(failed, 0)
