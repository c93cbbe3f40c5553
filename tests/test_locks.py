"""Every set of requirements has a lock, which holds all of it, for every system and Python."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from conftest import Bake
from locks import LOCKS, commands, requirements
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from renderings import EVERY_RENDERING, commit, copy_of_the_template, new_user, run

Answers = dict[str, str | int]
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
SYSTEMS = ("linux", "darwin", "win32")


def pins(lock: Path) -> list[Requirement]:
    """The versions, without their hashes."""
    lines = lock.read_text(encoding="utf-8").splitlines()
    return [Requirement(line.rstrip("\\")) for line in lines if not line.startswith("    ")]


def version(locked: list[Requirement], name: str, python: str, system: str) -> str | None:
    """What is installed there of this package."""
    place = {"python_full_version": f"{python}.0", "python_version": python, "sys_platform": system}
    found = [
        str(pin.specifier).removeprefix("==")
        for pin in locked
        if pin.name == canonicalize_name(name) and (not pin.marker or pin.marker.evaluate(place))
    ]
    assert len(found) <= 1, f"{name} twice"
    return found[0] if found else None


def project_of(rendered: Path) -> dict:
    return tomllib.loads((rendered / "pyproject.toml").read_text(encoding="utf-8"))


@EVERY_RENDERING
def test_the_lock_holds_what_is_required(bake: Bake, answers: Answers) -> None:
    project = bake(**answers)
    required = project_of(project)
    sets = {
        "requirements.txt": required["project"]["dependencies"],
        "requirements-dev.txt": required["dependency-groups"]["dev"],
    }
    for name, asked in sets.items():
        locked = pins(project / name)
        for requirement in map(Requirement, asked):
            for python in PYTHONS:
                for system in SYSTEMS:
                    found = version(locked, requirement.name, python, system)
                    assert found and found in requirement.specifier, f"{requirement} on {python}"
            extras = [
                pin.extras for pin in locked if pin.name == canonicalize_name(requirement.name)
            ]
            assert all(requirement.extras <= each for each in extras)


@EVERY_RENDERING
def test_requirements_have_upper_bounds(bake: Bake, answers: Answers) -> None:
    project = project_of(bake(**answers))
    every = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    bounds = {Requirement(each).name: str(Requirement(each).specifier) for each in every}

    assert [name for name, bound in bounds.items() if "<" not in bound] in ([], ["certifi"])


def test_both_generations_of_django_are_locked() -> None:
    for lock in LOCKS.iterdir():
        locked = pins(lock)
        versions = [version(locked, "Django", python, "linux") for python in PYTHONS]
        assert [each.split(".")[0] for each in versions] == ["5", "6", "6", "6"], lock.name


@EVERY_RENDERING
def test_the_tests_install_what_the_image_does(bake: Bake, answers: Answers) -> None:
    """One package in both files has one version."""
    project = bake(**answers)
    image, development = pins(project / "requirements.txt"), pins(project / "requirements-dev.txt")
    both = {pin.name for pin in image} & {pin.name for pin in development}

    assert [
        name for name in both if str(pinned(image, name)) != str(pinned(development, name))
    ] == []


def pinned(locked: list[Requirement], name: str) -> set[str]:
    return {str(pin.specifier) for pin in locked if pin.name == name}


def test_locks_name_no_place(bake: Bake) -> None:
    """Where the packages are from is up to who installs them."""
    for lock in [*LOCKS.iterdir(), bake() / "requirements-dev.txt"]:
        assert pins(lock)
        assert not re.search("//|index", lock.read_text(encoding="utf-8")), lock.name


def test_each_lock_is_that_of_a_project() -> None:
    assert {path.stem for path in LOCKS.iterdir()} == set(requirements())


@pytest.mark.parametrize(
    ("before", "added", "lock"),
    [
        ('"certifi"', "celery>=5.5,<6", "requirements.txt"),
        ('"pytest-django', "pytest-cov", "requirements-dev.txt"),
        ('"psycopg[binary,pool]', "psycopg[c]", "requirements.txt"),
        ('"Django', "Django>=6,<7", "requirements.txt"),
    ],
)
def test_a_requirement_that_is_not_locked_is_told(
    bake: Bake, before: str, added: str, lock: str, tmp_path: Path
) -> None:
    """Before the tests of the project, with the command that locks it."""
    project = tmp_path / "my_service"
    shutil.copytree(bake(hosting_target="neon"), project)
    file = project / "pyproject.toml"
    text = file.read_text(encoding="utf-8")

    assert not_locked(project) == "None\n"
    assert text.count(before) == 1
    file.write_text(text.replace(before, f'"{added}", {before}'), encoding="utf-8")

    [command] = [each for each in commands(text) if each[-1] == lock]
    sentence = f"{lock} does not have {added}. Make it again: uv {' '.join(command)}\n"
    assert not_locked(project) == sentence


def test_a_package_of_the_owner_survives_a_switch(tmp_path: Path) -> None:
    """Its line stays, and so does the owner's lock, which then has to be made again."""
    env = new_user(tmp_path / "home") | {"PYTHONDONTWRITEBYTECODE": "1"}
    template = copy_of_the_template(tmp_path / "template")
    run("cruft", "create", template, "--no-input", cwd=tmp_path, env=env)
    project = tmp_path / "my_service"
    commit(project)
    # Next to what the switch changes, in the lock.
    mine = [
        ("pyproject.toml", "]\n\n[dependency", '    "pillow",\n'),
        ("requirements.txt", "psycopg[binary", "pillow==12.0.0 \\\n    --hash=sha256:0\n"),
    ]
    for name, following, line in mine:
        before, found, after = (project / name).read_text("utf-8").partition(following)
        (project / name).write_text(f"{before}{line}{found}{after}", encoding="utf-8")
    lock = (project / "requirements.txt").read_text(encoding="utf-8")
    commit(project)

    switch = ["cruft", "update", "--skip-apply-ask", "--variables-to-update"]
    done = run(*switch, '{"pooling": "django-db-connection-pool"}', cwd=project, env=env)

    assert done.returncode == 0, done.stderr
    pool, asked = (
        "django-db-connection-pool>=1.2.6,<2",
        project_of(project)["project"]["dependencies"],
    )
    assert {"pillow", "psycopg[binary]>=3.2,<4", pool} <= set(asked)
    assert (project / "requirements.txt").read_text(encoding="utf-8") == lock
    assert not_locked(project).startswith(f"requirements.txt does not have {pool}. ")


def not_locked(project: Path) -> str:
    """What the project says about its locks."""
    ask = [sys.executable, "-B", "-c", "from tests.requirements import *; print(not_locked())"]
    done = subprocess.run(ask, cwd=project, check=True, capture_output=True, text=True)
    return done.stdout
