"""Packets that are really dropped, and names that really move, in network namespaces of its own.

The tests run as root in namespaces that the command of tests/test_changes.py makes.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from pgconnections import SERVICE
from pgconnections.backend.address import LIBPQ
from tests.postgres import SUPERUSER, Server, programs, start
from tests.service import PASSWORD, PROJECT

HERE, THERE = "10.9.0.1", "10.9.0.2"
# Seconds of silence after which both ends have given up: 30 + 3 x 5, and some.
NOTICED = 60
now = time.monotonic

CLIENT = """
import json, sys, time, psycopg
url, options = sys.argv[1], json.loads(sys.argv[2])
with psycopg.connect(url, **options) as connection:
    print("connected", flush=True)
    begun = time.monotonic()
    try:
        connection.execute("SELECT pg_sleep(3), repeat('x', 1000)")
    except psycopg.OperationalError:
        pass
print(time.monotonic() - begun, flush=True)
"""


def ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True)
    if done.returncode:
        pytest.fail(f"ip {' '.join(arguments)}: {done.stderr.strip()}: needs root and namespaces")


@pytest.fixture(scope="module", autouse=True)
def alone() -> None:
    if [name for _, name in socket.if_nameindex()] not in (["lo"], ["lo", "here"]):
        pytest.fail("these tests change the network: unshare --mount --net pytest ..., as root")
    ip("link", "set", "lo", "up")


@pytest.fixture(scope="module")
def there() -> Iterator[list[str]]:
    """What stands before a command that runs on the other machine."""
    ip("link", "add", "here", "type", "veth", "peer", "name", "there")
    holder = subprocess.Popen(["unshare", "--net", "sleep", "1000"])
    time.sleep(0.5)
    ip("link", "set", "there", "netns", str(holder.pid))
    ip("addr", "add", f"{HERE}/24", "dev", "here")
    ip("link", "set", "here", "up")
    enter = ["nsenter", "--target", str(holder.pid), "--net"]
    for command in (f"addr add {THERE}/24 dev there", "link set there up", "link set lo up"):
        subprocess.run([*enter, "ip", *command.split()], check=True)
    yield enter
    holder.kill()
    holder.wait()


@pytest.fixture(scope="module")
def server(alone: None) -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="network-"))
    server = start(folder, PASSWORD, listen_addresses="*", fsync="off")
    with (folder / "data" / "pg_hba.conf").open("a") as file:
        file.write(
            f"host all all {THERE}/32 scram-sha-256\nhost all all 127.0.0.0/8 scram-sha-256\n"
        )
    with psycopg.connect(server.url(SUPERUSER, "postgres"), autocommit=True) as connection:
        connection.execute("SELECT pg_reload_conf()")
        settings = (PROJECT / "roles.sql").read_text()
        for line in settings.splitlines():
            if line.startswith(f"ALTER ROLE {SERVICE} SET "):
                connection.execute(line)
    yield server
    server.stop()
    shutil.rmtree(folder)


def test_replies_that_are_dropped(there: list[str], server: Server, report: list[str]) -> None:
    """In the middle of a query, one way: the client hears nothing more, and the server does."""
    url = server.url().replace("127.0.0.1", HERE)
    command = [*there, sys.executable, "-c", CLIENT, url, json.dumps(LIBPQ)]
    client = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert client.stdout.readline() == "connected\n"
    time.sleep(1)
    # A wrong address on the wire: what is sent there is dropped.
    ip("neigh", "replace", THERE, "lladdr", "02:00:00:00:00:99", "dev", "here", "nud", "permanent")
    begun = now()
    gone = None
    with psycopg.connect(server.url(SUPERUSER, "postgres"), autocommit=True) as connection:
        held = f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{SERVICE}'"
        while gone is None or client.poll() is None:
            if gone is None and connection.execute(held).fetchone() == (0,):
                gone = now() - begun
            assert now() - begun < NOTICED, "a dead peer is not noticed"
            time.sleep(0.2)
    noticed = float(client.stdout.read())
    report.append(
        f"| replies dropped in a query | noticed by the client after {noticed:.0f} s, "
        f"by the server after {gone:.0f} s |"
    )
    ip("neigh", "del", THERE, "dev", "here")


class Names(threading.Thread):
    """A DNS server that knows one name, at this address, for so many seconds."""

    def __init__(self, address: str, ttl: int) -> None:
        super().__init__(daemon=True)
        self.address: str | None = address
        self.ttl = ttl
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.9", 53))
        self.start()

    def run(self) -> None:
        while True:
            asked, client = self.socket.recvfrom(4096)
            end = asked.index(b"\0", 12) + 5
            known = self.address is not None and asked[end - 4 : end - 2] == b"\0\1"
            status = 0x8180 if self.address else 0x8183
            reply = asked[:2] + struct.pack(">5H", status, 1, known, 0, 0) + asked[12:end]
            if known:
                reply += b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, self.ttl, 4)
                reply += socket.inet_aton(self.address)
            self.socket.sendto(reply, client)


def test_a_name_that_moves(server: Server, report: list[str]) -> None:
    """As in Docker: a new container of the database has another address, and the name says so."""
    from tests import pooler

    names = Names("127.0.0.1", ttl=600)
    resolver = server.folder / "resolv.conf"
    resolver.write_text("nameserver 127.0.0.9\noptions timeout:1 attempts:1\n")
    subprocess.run(["mount", "--bind", resolver, "/etc/resolv.conf"], check=True)
    os.environ["PATH"] += f"{os.pathsep}{programs()}"  # pg_isready, which the image has too
    bouncer = pooler.start(server)
    file = bouncer.folder / "pgbouncer.ini"
    file.write_text(file.read_text().replace("host=127.0.0.1", "host=db.test"))
    bouncer.restart()

    def ask() -> bool:
        try:
            with psycopg.connect(bouncer.url(), connect_timeout=1, autocommit=True) as connection:
                return connection.execute("SELECT 1").fetchone() == (1,)
        except psycopg.OperationalError:
            return False

    try:
        assert ask()
        server.settings["listen_addresses"] = "127.0.0.2"
        server.restart()
        names.address = "127.0.0.2"
        moved = now()
        while not ask():
            if bouncer.process.poll() is not None:  # as Docker does
                bouncer.run()
            assert now() - moved < 15
            time.sleep(0.05)
        report.append(f"| the name moves, TTL 600 s | back after {now() - moved:.1f} s | |")
        names.address = None
        server.stop()
        time.sleep(3)
        assert not ask()
        server.start()
        names.address = "127.0.0.2"
        back = now()
        while not ask():
            if bouncer.process.poll() is not None:
                bouncer.run()
            assert now() - back < 15
            time.sleep(0.05)
        report.append(f"| the name vanishes for 3 s | back after {now() - back:.1f} s | |")
    finally:
        bouncer.remove()
        os.system("umount /etc/resolv.conf")
