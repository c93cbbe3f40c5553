#!/usr/bin/env python
"""Run the service on this machine: a PostgreSQL of its own, the migrations, and the web server.

While it runs, `.postgres/environment` has its variables: manage.py finds them there.
"""

import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from dev_process import Group, is_free
from tests import postgres

PROJECT = Path(__file__).resolve().parent
STATE = PROJECT / ".postgres"
# Variables with the URL of a database.
URLS = [{{ roads.all | arguments }}]
# Connections that the PostgreSQL allows: more than one instance here can ever open.
MAX_CONNECTIONS = 500
ENDINGS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)


def main() -> int:
    for number in ENDINGS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # else nohup asked for that
            signal.signal(number, end)
    port = port_of(os.environ.get("PORT") or "8000")
    postgres.own_folder(STATE)
    with (STATE / "lock").open("a+") as lock:
        if not is_free(lock):
            lock.seek(0)
            sys.exit(f"It runs already, at {lock.read()}: Ctrl-C there ends it.")
        lock.truncate(0)
        lock.write(f"http://127.0.0.1:{port}/")
        lock.flush()
        group = Group(STATE / "group.lock")
        try:
            refuse_taken(port)
            return serve(port, group)
        finally:
            (STATE / "environment").unlink(missing_ok=True)
            group.end()


def end(*_: object) -> None:
    """Leave main(), once: what it does at its end is not to be interrupted."""
    for number in ENDINGS:
        signal.signal(number, signal.SIG_IGN)
    sys.exit()


def serve(port: int, group: Group) -> int:
    """Migrate, then run the web server until it ends. PostgreSQL ends after it."""
    if any(os.environ.get(name) for name in URLS):
        return serve_on({}, port, group)
    folder = postgres.place(PROJECT)
    postgres.own_folder(folder)
    password = secret(folder / "password")
    server = postgres.start(folder, password, group.start, max_connections=MAX_CONNECTIONS)
    try:
        return serve_on(dict.fromkeys(URLS, server.url()), port, group)
    finally:
        server.stop()


def serve_on(urls: dict[str, str], port: int, group: Group) -> int:
    env = os.environ | environment(urls) | {"HOST": "127.0.0.1", "PORT": str(port)}
    migrate = [sys.executable, "manage.py", "migrate", "--verbosity=0", "--no-input"]
    if failed := run(group.start(migrate, cwd=PROJECT, env=env)):
        return failed
    command = [sys.executable, "-m", "pgconnections.serve", "--reload"]
    web = group.start(command, cwd=PROJECT, env=env)
    while web.poll() is None and not postgres.answers(port):
        time.sleep(0.05)
    if web.returncode is None:
        here = f"http://127.0.0.1:{port}/"
        print(
            f"The service runs at {here}, its admin at {here}admin/"
            f"\nA user for the admin: {os.path.relpath(sys.executable)} manage.py createsuperuser"
            "\nThe URL of the database is in .postgres/environment. Ctrl-C ends all of it.",
            flush=True,
        )
    return run(web)


def run(process: subprocess.Popen) -> int:
    """The status of the process, which ends with this one."""
    try:
        return process.wait()
    finally:
        process.terminate()
        process.wait()


def environment(urls: dict[str, str]) -> dict[str, str]:
    """The variables of development; those that are given win."""
    usual = {
        "DEBUG": "1",
        "SECRET_KEY": secret(STATE / "secret_key"),
        "HTTPS_ONLY": "0",
        "ALLOWED_HOSTS": "localhost,127.0.0.1,[::1]",
        **urls,
    }
    given = {name: os.environ[name] for name in (*URLS, *usual) if os.environ.get(name)}
    variables = usual | given
    write(STATE / "environment", "".join(f"{key}={variables[key]}\n" for key in variables))
    return variables


def port_of(text: str) -> int:
    if text.isascii() and text.isdecimal() and 0 < int(text) < 65536:
        return int(text)
    sys.exit(f"PORT must be a whole number from 1 to 65535, not {text!r}.")


def refuse_taken(port: int) -> None:
    if problem := taken(port):
        other = next(number for number in range(8001, 65536) if not taken(number))
        command = f"PORT={other} {os.path.relpath(sys.executable)} dev.py"
        sys.exit(f"Port {port} cannot be used ({problem}); accepted: {command}")


def taken(port: int) -> str:
    """Why nothing can listen there, or nothing."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the web server does
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return error.strerror
    return ""


def secret(file: Path) -> str:
    """A random text that is made once, and that only its owner reads."""
    if not file.exists():
        write(file, secrets.token_hex(32))
    return file.read_text()


def write(file: Path, text: str) -> None:
    """Write it all at once, for its owner only."""
    handle, name = tempfile.mkstemp(dir=file.parent)
    with open(handle, "w") as stream:
        stream.write(text)
    os.replace(name, file)


if __name__ == "__main__":
    sys.exit(main())
