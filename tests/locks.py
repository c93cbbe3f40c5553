"""Lock what the projects require: `.venv/bin/python tests/locks.py`, with `--upgrade` for newer
versions. It runs the commands that pyproject.toml tells the owner of a project.
templates/locks/ has one for each set of requirements; that of development is the same in all."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from combinations import LEGAL, plan_of, resolved
from conftest import TEMPLATE
from cookiecutter.utils import create_env_with_context
from jinja2 import FileSystemLoader
from uv import find_uv_bin

from pgconnections_generator.facts import hosting, lock
from pgconnections_generator.template import PROJECT

LOCKS = TEMPLATE / "templates" / "locks"
DEV = PROJECT / "requirements-dev.txt"


def requirements() -> dict[str, str]:
    """The lock of each set of requirements, and a pyproject.toml that asks for them."""
    sets = {}
    for combination in LEGAL:
        answers = resolved(combination.answers())
        target = hosting(answers["hosting_target"])
        name = lock(plan_of(answers), target)
        environment = create_env_with_context({"cookiecutter": answers})
        environment.loader = FileSystemLoader(PROJECT)
        sets[name] = environment.get_template("pyproject.toml").render(cookiecutter=answers)
    return sets


def commands(pyproject: str) -> list[list[str]]:
    return [line.split() for line in re.findall(r"^# +uv (.+)$", pyproject, re.MULTILINE)]


def main(*options: str) -> None:
    uv = find_uv_bin()
    with tempfile.TemporaryDirectory() as folder:
        for name, pyproject in requirements().items():
            own = LOCKS / f"{name}.txt"
            here = {own: Path(folder, "requirements.txt"), DEV: Path(folder, DEV.name)}
            Path(folder, "pyproject.toml").write_text(pyproject, encoding="utf-8")
            for kept, copy in here.items():  # uv keeps the versions that still fit
                kept.touch()
                shutil.copy(kept, copy)
            for command in commands(pyproject):
                subprocess.run([uv, *command, "--quiet", *options], cwd=folder, check=True)
            for kept, copy in here.items():
                shutil.copy(copy, kept)


if __name__ == "__main__":
    main(*sys.argv[1:])
