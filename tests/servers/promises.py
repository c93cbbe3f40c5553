"""What a web server has to keep, each tried with real processes."""

from __future__ import annotations

import http.client
import re
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.lab import ALL, LOOP, SERVER, SOON, Running, drip, request, told

pytest_plugins = ["tests.lab"]

# --- what waits, and for whom ------------------------------------------------------------------

HEADERS = b"GET /query HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
BODY = b"POST /query HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n"


@pytest.mark.parametrize("beginnings", [[HEADERS], [BODY], [HEADERS, BODY]], ids=["h", "b", "both"])
def test_slow_clients(server: Running, beginnings: list[bytes], report: list[str]) -> None:
    with drip(server.port, *beginnings):
        time.sleep(1)  # all of them have been taken
        with ThreadPoolExecutor() as both:
            paths = {"/query": 40, "/health/live": 10}
            asked, alive = both.map(server.answered, paths, paths.values())
    report.append(f"| slow clients | {asked} of 40, {alive} of 10 probes |")

    assert (asked, alive) == (40, 10) if LOOP else asked + alive < 50


def test_liveness_while_all_threads_are_in_queries(server: Running, report: list[str]) -> None:
    asked = [threading.Thread(target=server.send, args=[request("/query?seconds=3"), 60])
             for _ in range(2 * ALL)]  # fmt: skip
    for thread in asked:
        thread.start()
    time.sleep(1)
    alive = server.answered("/health/live", 10)
    for thread in asked:
        thread.join()
    report.append(f"| liveness while all threads are in queries | {alive} of 10 |")

    assert alive == 10 or not LOOP


def test_clients_that_leave_a_stream_keep_no_thread(server: Running) -> None:
    for _ in range(3 * ALL):
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            client.sendall(request("/stream/endless"))
            client.settimeout(SOON)
            assert client.recv(65536)

    assert server.answered("/query", 3 * ALL) == 3 * ALL


# --- what the application is told, and what it says --------------------------------------------


def test_only_the_proxy_says_https(server: Running) -> None:
    """Its header, in the one spelling; the scheme, the host and the address of others count not."""
    assert told(server, "/request", "X-Forwarded-Proto: https")["secure"]
    for lie in (
        "X_Forwarded_Proto: https",
        "X-Forwarded-Ssl: on",
        "X-Forwarded-Protocol: ssl",
        "Forwarded: proto=https",
    ):
        assert not told(server, "/request", lie, "X-Forwarded-Proto: http")["secure"], lie
        assert not told(server, "/request", lie)["secure"], lie
    seen = told(server, "/request", "X-Forwarded-For: 1.2.3.4", "X-Forwarded-Host: evil.example")
    assert seen["REMOTE_ADDR"].removeprefix("::ffff:") == "127.0.0.1"
    assert seen["host"] == "localhost"


def test_a_request_arrives_as_it_was_sent(server: Running) -> None:
    cookies = ["Cookie: a=1; b=2"] + (["Cookie: c=3"] if SERVER == "wsgi" else [])
    seen = told(server, "/request/%2Fa%20b%C3%A9", *cookies)
    assert seen["path"] == "/request//a bé"
    assert list(seen["cookies"].values()) == ["1", "2", "3"][: len(cookies) + 1]
    body = b"one\ntwo\n"
    seen = told(server, "/request", f"Content-Length: {len(body)}", method="POST", body=body)
    assert seen["lines"] == ["one\n", "two\n"]
    chunks = b"4\r\none\n\r\n4\r\ntwo\n\r\n0\r\n\r\n"
    seen = told(server, "/request", "Transfer-Encoding: chunked", method="POST", body=chunks)
    if SERVER == "wsgi":  # WSGI has no length for it, and ASGI no need of one
        assert seen["CONTENT_LENGTH"] == str(len(body))
    assert seen["lines"] == (["one\n", "two\n"] if LOOP else [])


def test_answers_arrive_as_they_were_meant(server: Running) -> None:
    short = server.send(request("/stream/short"))
    assert short.endswith(b"\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n")
    # A client can tell that something is missing.
    broken = server.send(request("/stream/broken"))
    assert broken.endswith(b"\r\n\r\n1\r\na\r\n")
    for path in ("/request", "/stream/short", "/health/live"):
        head = server.send(request(path, method="HEAD"))
        assert head.startswith(b"HTTP/1.1 200") and head.endswith(b"\r\n\r\n"), path
        assert head.count(b"\r\n\r\n") == 1
    if LOOP:  # gunicorn complains of Django
        assert "dropping per RFC 9110" not in server.log.read_text()


def chunked(size: int) -> bytes:
    """A request with a body of so many bytes, which it does not say before."""
    head = request("/request", "Transfer-Encoding: chunked", method="POST")
    return head + b"%x\r\n%b\r\n0\r\n\r\n" % (size, bytes(size))


def test_limits(server: Running) -> None:
    many = [f"X-{number}: a" for number in range(300)]
    assert server.status("/request", *many) in (400, 431)
    assert server.status("/request", f"X-Long: {'a' * 300_000}") in (0, 400, 431)
    assert server.status("/request", *(f"X-{number}: {'a' * 500}" for number in range(9))) == 200
    large = ["Content-Length: 200000000", "Expect: 100-continue"]
    answer = server.send(request("/request", *large, method="POST"))
    # gunicorn's threads ask for a body before they hand on its request.
    assert answer.removeprefix(b"" if LOOP else b"HTTP/1.1 100 Continue\r\n\r\n")[9:12] == b"413"
    assert b"HTTP/1.1 413" in server.send(chunked(101 * 2**20)) or not LOOP  # Django reads none
    assert server.send(chunked(2**20))[9:12] == b"200"
    fits = ["Content-Length: 3", "Expect: 100-continue"]
    with socket.create_connection(("127.0.0.1", server.port), SOON) as client:
        client.sendall(request("/request", *fits, method="POST"))
        assert client.recv(100).startswith(b"HTTP/1.1 100 Continue")
        client.sendall(b"abc")
        assert client.recv(100).startswith(b"HTTP/1.1 200")


def test_both_address_families(server: Running) -> None:
    families = ["127.0.0.1", "::1"] if Path("/proc/net/if_inet6").exists() else ["127.0.0.1"]

    assert all(server.send(request("/query"), host=host)[9:12] == b"200" for host in families)


def test_the_access_log_is_one_line(server: Running) -> None:
    server.status("/query", "X-Forwarded-For: 1.2.3.4")
    line = r'\[[^]]+\] \S+ 1\.2\.3\.4 "GET /query" 200 \d+ ms'
    server.until(lambda: re.search(f"^{line}$", server.log.read_text(), re.M), "the line")


def test_connections_are_kept_longer_than_load_balancers_keep_them(server: Running) -> None:
    [seconds] = re.findall(r"^keepalive = (\d+)$", Path("gunicorn.conf.py").read_text(), re.M)
    client = http.client.HTTPConnection("127.0.0.1", server.port, 10)
    client.connect()
    client.auto_open = 0  # no second connection
    for pause in (3, 0):  # longer than gunicorn keeps them where nobody says so
        client.request("GET", "/query", headers={"Host": "localhost"})
        assert client.getresponse().read()
        time.sleep(pause)
    client.close()

    assert int(seconds) > 600
