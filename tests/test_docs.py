"""The documents say what the code does."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from combinations import LEGAL, Combination, resolved
from conftest import QUESTIONS, TEMPLATE, Bake
from pages import TABLES
from test_process import FLIPS, RUNS

from pgconnections_generator.jinja import variables
from pgconnections_generator.template import PROJECT, VERSION

README = (TEMPLATE / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (TEMPLATE / "CONTRIBUTING.md").read_text(encoding="utf-8")
# The layout that the README shows: a pool, because a connection per thread would not fit.
SHOWN = {"database_limit": 20, "web_threads": 16}


def table(text: str, heading: str) -> list[list[str]]:
    """The cells of the first table below a heading, without its head."""
    below = text[text.index(heading) :]
    lines = re.search(r"(?:^\|.*\n)+", below, re.MULTILINE)[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_every_question_is_in_the_readme() -> None:
    names = [row[0].strip("`") for row in table(README, "## The questions")]

    assert names == [name for name in QUESTIONS if not name.startswith("_")]


def test_every_choice_is_in_the_readme() -> None:
    rows = {row[0].strip("`"): " ".join(row[1:]) for row in table(README, "## The questions")}

    for question in ("hosting_target", "pooling", "server"):
        documented = set(re.findall("`([a-z0-9-]+)`", rows[question]))
        assert documented == set(QUESTIONS[question]), f"{question} in the table of README.md"


def test_the_block_in_the_readme_is_rendered(bake: Bake) -> None:
    block = re.search(r"```python\n(.*?)```", README, re.DOTALL)[1]

    assert block in (bake(**SHOWN) / "pgconnections" / "settings.py").read_text(encoding="utf-8")


def test_the_refusal_in_the_readme_is_said(tmp_path: Path) -> None:
    answers = [f"{name}={answer}" for name, answer in SHOWN.items()]
    command = [sys.executable, "-m", "cookiecutter", str(TEMPLATE), "--no-input", *answers]
    done = subprocess.run(
        [*command, "pooling=persistent"], cwd=tmp_path, capture_output=True, text=True
    )
    shown = re.search(r"    Error: (.*?) cookiecutter …", README, re.DOTALL)[1]

    assert " ".join(shown.split()) in done.stderr


def test_every_key_of_a_hosting_target_is_explained() -> None:
    data = (TEMPLATE / "docs" / "hosting-data.md").read_text(encoding="utf-8")
    rows = table(data, "A fact is an object")
    explained = {name for row in rows for name in re.findall("`([a-z_]+)`", row[0])}
    used = set()
    for path in (TEMPLATE / "hosting").glob("*.json"):
        used |= json.loads(path.read_text(encoding="utf-8")).keys()

    assert explained == used


def test_the_page_of_hosting_targets_is_current(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(TEMPLATE / "docs")
    made = importlib.import_module("hosting").document()

    assert (TEMPLATE / "docs" / "hosting.md").read_text(encoding="utf-8") == made, (
        "make it again: .venv/bin/python docs/hosting.py"
    )


def test_every_variable_of_the_templates_is_explained(bake: Bake) -> None:
    rows = table(CONTRIBUTING, "As soon as all are there, templates see")
    explained = {name for row in rows for name in re.findall("`([a-z_]+)`", row[0])}

    assert explained == variables(resolved({})).keys()


@pytest.mark.parametrize("combination", LEGAL, ids=lambda combination: combination.id)
def test_every_environment_variable_is_in_the_readme_of_the_project(
    combination: Combination, bake: Bake
) -> None:
    project = bake(**combination.answers())
    readme = (project / "README.md").read_text(encoding="utf-8")
    explained = set()
    for heading in ("| variable | default |", "## Environment"):
        for row in table(readme, heading):
            explained |= set(re.findall("`([A-Z_]+)`", row[0]))
    read = r'(?:environ(?:\.get\(|\[)|number\(|boolean\(|required\(|words\()"([A-Z_]+)"'
    used = set()
    for path in (*project.glob("config/*.py"), *project.glob("pgconnections/**/*.py")):
        text = path.read_text(encoding="utf-8")
        used |= set(re.findall(read, text))
        for names in re.findall(r"database\(([^)]*)\)", text):
            used |= set(re.findall('"([A-Z_]+)"', names))
        used |= set(re.findall(r'^CERTIFICATE = "([A-Z_]+)"$', text, re.MULTILINE))
    used -= {"PATH", "DJANGO_SETTINGS_MODULE"}  # of the system, and of Django
    used -= {"PGHOST", "PGHOSTADDR", "PGSERVICE"}  # of libpq

    assert used == explained


def test_ci_runs_the_test_command_of_the_readme() -> None:
    command = re.search("^    (python3 .*pytest)$", README, re.MULTILINE)[1]
    script = (TEMPLATE / ".ci" / "run").read_text(encoding="utf-8").replace("exec sh -c", "echo")

    said = subprocess.run(
        ["sh", "-c", script.replace('"$(dirname "$0")/.."', str(TEMPLATE))],
        capture_output=True,
        text=True,
    )

    assert said.stdout.strip() == command


@pytest.mark.parametrize("command", [["check"], ["format", "--check"]], ids=" ".join)
def test_the_code_of_the_template_is_clean(command: list[str]) -> None:
    code = ["pgconnections_extension.py", "pgconnections_generator", "bench", "docs", "tests"]
    done = subprocess.run(
        [sys.executable, "-m", "ruff", *command, *code],
        cwd=TEMPLATE,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stdout


PGBOUNCER = (TEMPLATE / "docs" / "pgbouncer.md").read_text(encoding="utf-8")


def test_every_check_is_explained() -> None:
    [source] = (PROJECT / "pgconnections" / "backend").glob("*checks.py*")
    explained = [row[0].strip("`") for row in table(PGBOUNCER, "| id | error |")]

    assert [id.removeprefix("pgconnections.") for id in explained] == sorted(
        set(re.findall(r"\bE\d{3}\b", source.read_text(encoding="utf-8")))
    )


def test_state_of_a_session_is_explained() -> None:
    """With the results that tests/pgbouncer/features.py wants."""
    tested = (TEMPLATE / "tests" / "pgbouncer" / "features.py").read_text(encoding="utf-8")
    names = re.findall(r'^    "([^"]+)": \(', tested, re.MULTILINE)
    rows = [row for row in table(PGBOUNCER, "| state of a session |") if row[1] == "lost, leaks"]

    assert [row[0] for row in rows] == names
    assert "assert (kept, leaks, direct) == (False, True, True)" in tested


def test_faults_are_explained() -> None:
    tested = (TEMPLATE / "tests" / "pgbouncer" / "faults.py").read_text(encoding="utf-8")
    names = re.findall(r'^    "([^"]+)": [a-z_]+,$', tested, re.MULTILINE)
    rows = TABLES["faults"].rows()

    assert {row[2] for row in rows} == set(names)
    assert len({row[0] for row in rows}) == 3
    assert {row[1] for row in rows} == {"wsgi", "asgi", "wsgi, beside it"}
    assert len(rows) == 3 * 3 * len(names)
    assert all(row[5] == "0" and float(row[6]) < 30 and float(row[7]) < 1 for row in rows)


def test_clients_are_explained() -> None:
    rows = TABLES["clients"].rows()

    assert [row[1:4] for row in rows] == 3 * [["2000", "20", "20"]]


def test_every_promise_of_a_process_is_tested() -> None:
    """With a flip of its mend, or by its own opposite."""
    rows = table((TEMPLATE / "docs" / "process.md").read_text(encoding="utf-8"), "| what | stock")
    named = {row[-1].strip("`").removesuffix(".py") for row in rows}
    files = {path.stem for path in (TEMPLATE / "tests" / "process").glob("*.py")}
    run = {module for _, modules, _ in RUNS for module in modules}

    assert named == run == files - {"lab", "views"}
    assert {flip[1] for flip in FLIPS} >= named - {"commands", "state"}
    assert all(len(row) == 5 and all(row) for row in rows)


def test_every_check_of_an_adopted_project_is_explained() -> None:
    """With its words: between the parts that differ they are those of the code."""
    [source] = (TEMPLATE / "adopt").glob("*/checks.py")
    code = re.sub(r'"\s*\n\s*f?"|\{[^}]*\}', "", source.read_text(encoding="utf-8"))
    page = (TEMPLATE / "docs" / "checks.md").read_text(encoding="utf-8")
    rows = table(page, "| id | what it says |")

    assert [row[0].strip("`") for row in rows] == sorted(
        set(re.findall(r"pgconnections\.([EW]\d{3})\"", source.read_text(encoding="utf-8")))
    )
    for id, *cells in rows:
        for words in (part for cell in cells for part in re.split(r"\*[^*]+\*|\b\d+\b", cell)):
            assert words.strip(" .") in code, f"{id}: {words}"


def test_the_version_is_in_the_changelog() -> None:
    newest = re.search(r"^## ([\d.]+)", (TEMPLATE / "CHANGELOG.md").read_text(), re.MULTILINE)[1]

    assert newest == VERSION


def test_the_urls_while_both_run_are_those_of_the_hosts() -> None:
    rows = table((TEMPLATE / "docs" / "switching.md").read_text(encoding="utf-8"), "## The URLs")
    expected = []
    for target in QUESTIONS["hosting_target"]:
        data = json.loads((TEMPLATE / "hosting" / f"{target}.json").read_text(encoding="utf-8"))
        variables = data["url_variables"]
        if pooler := variables.get("provider_pooler"):
            own = "no" if pooler["pooled"][0] in variables["direct"] else "yes"
            names = [target, pooler["pooled"][0], pooler["direct"][0]]
            expected.append([*(f"`{name}`" for name in names), own])

    assert rows == expected
