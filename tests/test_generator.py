"""The generator as code: small modules that import one way, and loaded anew for each template."""

from __future__ import annotations

import ast
import graphlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import TEMPLATE
from renderings import copy_of_the_template, new_user, run

SHIM = TEMPLATE / "pgconnections_extension.py"
PACKAGE = TEMPLATE / "pgconnections_generator"
MODULES = sorted(PACKAGE.glob("*.py"))


# --- small rooms -------------------------------------------------------------------------------


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def test_the_shim_is_small() -> None:
    assert lines(SHIM) <= 25


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_module_is_small(path: Path) -> None:
    assert lines(path) <= 250


def imported(path: Path) -> set[str]:
    """The modules of the package that this one imports, on whatever line."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            names |= {node.module} if node.module else {alias.name for alias in node.names}
    return names


def test_imports_run_one_way() -> None:
    """In the order in which the package itself lists its modules."""
    text = ast.get_docstring(ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8")))
    listed = [line.split()[0] for line in text.splitlines() if line.startswith("    ")]
    graph = {path.stem: imported(path) for path in MODULES}

    assert list(graphlib.TopologicalSorter(graph).static_order())  # else a CycleError
    assert set(listed) == graph.keys() - {"__init__"}
    for number, name in enumerate(listed):
        assert graph[name] <= set(listed[:number]), name


@pytest.mark.parametrize("path", [SHIM, *MODULES], ids=lambda path: path.stem)
def test_no_import_is_inside_a_function(path: Path) -> None:
    """It would find the modules of the template that was rendered last."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    inside = [
        node.lineno
        for function in functions
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]

    assert inside == []


def test_no_module_reads_the_project() -> None:
    """The arithmetic of a service is its own; tests compare it with that of the generator."""
    for path in MODULES:
        assert "pgconnections/" not in path.read_text(encoding="utf-8"), path


# --- several templates in one process ----------------------------------------------------------

RENDER = """
import json, sys
from cookiecutter.main import cookiecutter

for number, (template, answers) in enumerate(json.load(sys.stdin)):
    try:
        cookiecutter(
            template, no_input=True, extra_context=answers, output_dir=str(number),
            default_config=True,
        )
    except Exception as error:
        print(f"{type(error).__name__}: {error}".partition(";")[0], file=sys.stderr)
"""
HEROKU = {"hosting_target": "heroku"}


@pytest.fixture
def versions(tmp_path: Path) -> tuple[Path, Path]:
    """The template, and a version that has another limit for Heroku, sentence and module."""
    old, new = (copy_of_the_template(tmp_path / name) for name in ("old", "new"))
    change(new, 20, 17)
    names = new / "pgconnections_generator" / "names.py"
    text = names.read_text(encoding="utf-8")
    assert text.count("project_name is empty") == 1
    text = text.replace("project_name is empty", "project_name is blank")
    names.write_text(text.replace("from .advice", "from . import newer\nfrom .advice"), "utf-8")
    (names.parent / "newer.py").write_text("")
    return old, new


def change(template: Path, old: int, new: int) -> None:
    """Give Heroku's smallest plans another limit."""
    path = template / "hosting" / "heroku.json"
    target = json.loads(path.read_text(encoding="utf-8"))
    for plan in target["plans"]:
        if plan["connections"] == old:
            plan["connections"] = new
    path.write_text(json.dumps(target), encoding="utf-8")


def render(
    renders: list[tuple[Path, dict[str, str]]], here: Path, *, cwd: Path | None = None
) -> str:
    """Render all of these in one process, each into a folder `here` with its number; what was
    refused."""
    here.mkdir(exist_ok=True)
    env = new_user(here / "home")
    code = RENDER.replace("str(number)", f"f'{here}/{{number}}'")
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps([(str(template), answers) for template, answers in renders]),
        cwd=cwd or here,
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stderr


def limit(project: Path) -> str:
    """The row of the README with the limit of the plan."""
    readme = (project / "my_service" / "README.md").read_text(encoding="utf-8")
    [row] = [line for line in readme.splitlines() if line.startswith("| limit |")]
    return row.split("|")[2].strip()


def test_two_versions_in_one_process(versions: tuple[Path, Path], tmp_path: Path) -> None:
    old, new = versions
    order = [old, new, old, new, old]

    assert render([(each, HEROKU) for each in order], tmp_path / "here") == ""
    assert [limit(tmp_path / "here" / str(number)) for number in range(5)] == [
        "20", "17", "20", "17", "20",
    ]  # fmt: skip


def test_two_versions_refuse_in_their_own_words(
    versions: tuple[Path, Path], tmp_path: Path
) -> None:
    old, new = versions
    empty = {"project_name": " "}

    assert render([(each, empty) for each in (old, new, old)], tmp_path / "here").splitlines() == [
        "UsageError: project_name is empty",
        "UsageError: project_name is blank",
        "UsageError: project_name is empty",
    ]


@pytest.mark.parametrize("inside", [0, 1])
def test_inside_another_checkout(versions: tuple[Path, Path], tmp_path: Path, inside: int) -> None:
    """Python puts the folder in which it is called in front of sys.path."""
    here = versions[inside]
    order = [versions[1 - inside], versions[inside], versions[1 - inside]]

    assert render([(each, HEROKU) for each in order], tmp_path / "here", cwd=here) == ""
    own = ["20", "17"]
    assert [limit(tmp_path / "here" / str(number)) for number in range(3)] == [
        own[1 - inside], own[inside], own[1 - inside],
    ]  # fmt: skip


CHANGE = """
import json, os, pathlib, sys
from cookiecutter.main import cookiecutter

template, here = map(pathlib.Path, sys.argv[1:])

def render(number):
    cookiecutter(
        str(template), no_input=True, extra_context={"hosting_target": "heroku"},
        output_dir=f"{here}/{number}", default_config=True,
    )

render(0)
facts = template / "hosting" / "heroku.json"
facts.write_text(facts.read_text().replace('"connections": 20', '"connections": 17'))
render(1)
texts = template / "pgconnections_generator" / "texts.py"
texts.write_text(texts.read_text().replace('("limit", a', '("limit", 10 * a'))
render(2)
"""


def test_a_template_that_changes_while_a_process_lives(tmp_path: Path) -> None:
    template, here = copy_of_the_template(tmp_path / "template"), tmp_path / "here"
    here.mkdir()
    subprocess.run(
        [sys.executable, "-c", CHANGE, template, here],
        env=new_user(here / "home"),
        stdout=subprocess.DEVNULL,
        check=True,
    )

    assert [limit(here / str(number)) for number in range(3)] == ["20", "17", "170"]


def test_bytecode_is_neither_written_nor_believed(tmp_path: Path) -> None:
    """A checkout of another version may have the same size, in the same second."""
    template = copy_of_the_template(tmp_path / "template")
    package = template / "pgconnections_generator"
    names = package / "names.py"
    # What someone left who imported the old version.
    subprocess.run([sys.executable, "-m", "compileall", "-q", package], check=True)
    caches = {path: path.read_bytes() for path in (package / "__pycache__").iterdir()}
    assert len(caches) == len(MODULES)
    second, text = names.stat().st_mtime_ns, names.read_text(encoding="utf-8")
    names.write_text(text.replace("project_name is empty", "project_name is blank"))
    os.utime(names, ns=(second, second))

    said = render([(template, {"project_name": " "})], tmp_path / "here")

    assert said == "UsageError: project_name is blank\n"
    assert {path: path.read_bytes() for path in (package / "__pycache__").iterdir()} == caches


def test_a_generator_that_fails_is_loaded_again(tmp_path: Path) -> None:
    """Its half that is there must not be taken for the whole."""
    template = copy_of_the_template(tmp_path / "template")
    jinja = template / "pgconnections_generator" / "jinja.py"
    broken = tmp_path / "broken"
    shutil.copytree(template, broken)
    (broken / "pgconnections_generator" / jinja.name).write_text("1 / 0\n")

    order = [(each, HEROKU) for each in (broken, template, broken)]
    said = render(order, tmp_path / "here")

    assert said.splitlines() == 2 * ["ZeroDivisionError: division by zero"]
    assert limit(tmp_path / "here" / "1") == "20"


# --- programs that are too old -----------------------------------------------------------------

PRETEND = """
import sys
import cookiecutter
from {module} import {command}

cookiecutter.__version__ = sys.argv.pop(1)
if python := sys.argv.pop(1):
    sys.version_info = (*map(int, python.split(".")), "final", 0)
{command}()
"""
COOKIECUTTER = PRETEND.format(module="cookiecutter.cli", command="main")
CRUFT = PRETEND.format(module="cruft._cli", command="app")


@pytest.mark.parametrize(
    ("version", "python", "sentence"),
    [
        ("2.7.1", "3.10.13", "Python 3.11 or newer for cookiecutter, and this is Python 3.10.13"),
        ("2.7.1", "3.7.0", "Python 3.11 or newer for cookiecutter, and this is Python 3.7.0"),
        ("2.1.1", "", "cookiecutter 2.2 or newer, and this is cookiecutter 2.1.1"),
        ("1.7.3", "", "cookiecutter 2.2 or newer, and this is cookiecutter 1.7.3"),
        ("2.1.2.dev0", "", None),  # what cookiecutter 2.2.0 calls itself
        ("10.0", "", None),
    ],
)
def test_too_old(tmp_path: Path, version: str, python: str, sentence: str | None) -> None:
    here, env = tmp_path / "here", new_user(tmp_path / "home")
    here.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", COOKIECUTTER, version, python, TEMPLATE, "--no-input"],
        cwd=here,
        env=env | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )

    if sentence is None:
        assert (done.returncode, done.stderr) == (0, "")
        return
    assert (done.returncode, list(here.iterdir())) == (2, [])
    assert done.stderr.endswith(f"\n\nError: this template needs {sentence}\n")


def test_too_old_for_cruft(tmp_path: Path) -> None:
    template = copy_of_the_template(tmp_path / "template")
    done = subprocess.run(
        [sys.executable, "-c", CRUFT, "2.1.1", "", "create", template, "--no-input"],
        cwd=tmp_path,
        env=new_user(tmp_path / "home"),
        capture_output=True,
        text=True,
    )

    assert (done.returncode, done.stderr) == (
        2,
        "Error: this template needs cookiecutter 2.2 or newer, and this is cookiecutter 2.1.1\n",
    )


@pytest.mark.parametrize("path", [SHIM, PACKAGE / "__init__.py"], ids=lambda path: path.stem)
def test_an_old_python_can_read_what_tells_so(path: Path) -> None:
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 7))


def test_a_template_at_a_relative_path(tmp_path: Path) -> None:
    """Hooks run in the new project, where the path that was given leads nowhere."""
    template = copy_of_the_template(tmp_path / "template")
    env = new_user(tmp_path / "home") | {"PYTHONDONTWRITEBYTECODE": "1"}
    done = run("cookiecutter", template.name, "--no-input", "-o", "out", cwd=tmp_path, env=env)

    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "out" / "my_service" / "manage.py").exists()
