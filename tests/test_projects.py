"""Do what the README of a rendered project says, as a new user: one command each."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from combinations import Row, pairwise, plan_of
from conftest import Bake
from projects import environment, install, readme_commands, shell


def with_the_readme(rows: list[Row]) -> set[Row]:
    """One row for each command that a README has, with each generation of Django: the others are
    tested without a new installation of the same packages."""
    kinds = {(plan_of(row.combination.answers()).pooled, row.django): row for row in rows}
    return set(kinds.values())


@pytest.mark.parametrize("row", [pytest.param(row, id=row.id) for row in pairwise()])
def test_the_test_command_passes(row: Row, bake: Bake, tmp_path: Path) -> None:
    project = tmp_path / "my_service"
    shutil.copytree(bake(**row.combination.answers()), project)
    _, test = readme_commands(project)
    if row not in with_the_readme(pairwise()):
        install(project, row.django)
        test = test.rpartition(" && ")[2]

    done = shell(test, project, row.django)

    print(done.stdout)
    assert done.returncode == 0, done.stdout
    assert re.search(r"^=+ \d+ passed in ", done.stdout, re.MULTILINE)
    version = shell(".venv/bin/python -m django --version", project, row.django).stdout
    assert version.startswith(f"{row.django}.")


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_the_run_command_serves_and_ends(sent: signal.Signals, bake: Bake, tmp_path: Path) -> None:
    project = tmp_path / "my_service"
    shutil.copytree(bake(), project)
    run, _ = readme_commands(project)
    if sent == signal.SIGTERM:  # how the command installs, the other one has shown
        install(project, "5.2")
        run = run.rpartition(" && ")[2]
    port = free_port()
    process = subprocess.Popen(
        run,
        shell=True,
        cwd=project,
        env=environment(project, "5.2") | {"PORT": str(port)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        until = time.monotonic() + 120
        while (status := get(port, "/health/ready")) != 200:
            assert process.poll() is None and time.monotonic() < until, status
            time.sleep(0.2)
        variables = (project / ".postgres" / "environment").read_text()
        shown = shell(".venv/bin/python manage.py connections", project, "5.2").stdout
    finally:
        os.killpg(process.pid, sent)  # as Ctrl-C in a terminal does, or a supervisor
        output, _ = process.communicate(timeout=60)
        print(output)

    assert re.search(r"^\d connections are open, and the limit leaves 97 to all$", shown, re.M), (
        shown
    )
    url = re.search(r"^DATABASE_URL=postgres://\S+@127.0.0.1:(\d+)/", variables, re.MULTILINE)
    with pytest.raises(OSError):  # the embedded PostgreSQL has ended too
        socket.create_connection(("127.0.0.1", int(url[1])), 1)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def get(port: int, path: str) -> int:
    """The status of a request, or 0 where nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()
