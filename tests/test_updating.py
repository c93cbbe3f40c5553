"""Updates and switches by cruft, with what an owner has edited: nothing conflicts, nothing of the
old answers is left in the template's folder, and all of it is said."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from combinations import LEGAL, plan_of, resolved
from conftest import TEMPLATE, Bake
from renderings import commit, copy_of_the_template, new_user, run, snapshot

# More of them in one run: SWITCHES=300 .venv/bin/pytest tests/test_updating.py
SWITCHES = range(int(os.environ.get("SWITCHES", "3")))
UPDATE = ["cruft", "update", "--skip-apply-ask", "--variables-to-update"]
OWN = "# of the owner\n"


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_of_the_template(tmp_path_factory.mktemp("template") / "clone")


@pytest.fixture
def user(tmp_path: Path) -> dict[str, str]:
    return new_user(tmp_path / "home") | {"PYTHONDONTWRITEBYTECODE": "1"}


def made(clone: Path, folder: Path, user: dict[str, str], answers: dict[str, str | int]) -> Path:
    extra = ["--extra-context", json.dumps(answers)]
    done = run("cruft", "create", clone, "--no-input", *extra, cwd=folder, env=user)
    assert done.returncode == 0, done.stderr
    commit(folder / "my_service")
    return folder / "my_service"


def switch(project: Path, user: dict[str, str], **answers: str | int) -> str:
    done = run(*UPDATE, json.dumps(answers), cwd=project, env=user)
    assert done.returncode == 0, done.stderr
    assert "with conflicts" not in done.stderr and "Retrying" not in done.stderr, done.stderr
    return done.stdout


def refused(project: Path, user: dict[str, str], **answers: str | int) -> str:
    done = run(*UPDATE, json.dumps(answers), cwd=project, env=user)
    assert done.returncode == 2, done.stdout
    return done.stderr


def answers_of(project: Path) -> dict[str, str]:
    return json.loads((project / "pgconnections" / "answers.json").read_text("utf-8"))[
        "cookiecutter"
    ]


def add(file: Path, text: str = OWN) -> None:
    with file.open("a", encoding="utf-8") as end:
        end.write(text)


def test_what_an_update_says(clone: Path, tmp_path: Path, user: dict[str, str]) -> None:
    project = made(clone, tmp_path, user, {})
    settings, threads = "pgconnections/settings.py", "pgconnections/backend/wsgi_threads.py"
    for name in ("config/settings.py", threads, "README.md", "compose.yaml"):
        add(project / name)
    text = (project / settings).read_text()
    (project / settings).write_text(text.replace('_AGE": 60', '_AGE": 61'))
    packages = (project / "pyproject.toml").read_text()
    (project / "pyproject.toml").write_text(
        packages.replace('    "gunicorn', '    "x",\n    "gunicorn')
    )
    commit(project)

    said = switch(
        project, user, pooling="django-postgrespool2", hosting_target="heroku", database_limit=20,
        server="asgi",
    )  # fmt: skip

    assert "  limit                       20  database_limit\n" in said
    assert (
        "What changes\n\n  hosting_target: docker-compose -> heroku\n  database_limit: 100 -> 20\n"
        "  pooling: persistent -> django-postgrespool2, because the threads of a process share a "
        "SQLAlchemy pool, through psycopg2\n  server: wsgi -> asgi\n" in said
    )
    steps = re.findall(r"^  \d\. (.+)$", said, re.MULTILINE)
    assert [step.split()[0] for step in steps] == ["Install", "Look", "On", "Move"]
    look = said[said.index("Files that need a look") :].splitlines()[2:]
    assert look[: look.index("")] == [
        "  README.md has your edits and what is new, both",
        "  compose.yaml is of the old answers, and you have edited it: it stays",
        f"  {threads} is removed with your edits: the new answers have none",
        f"  {settings} is new, without your edits: the template changes these lines",
        "  pyproject.toml has your packages and all others: remove those of the old answers",
    ]
    assert (project / "config" / "settings.py").read_text().endswith(OWN)
    assert (project / "README.md").read_text().endswith(OWN)
    wanted = tomllib.loads((project / "pyproject.toml").read_text())["project"]["dependencies"]
    assert {"x", "SQLAlchemy<2"} <= set(wanted)
    assert answers_of(project)["pooling"] == "django-postgrespool2"


def test_what_is_refused(clone: Path, tmp_path: Path, user: dict[str, str]) -> None:
    project = made(clone, tmp_path, user, {})
    before = snapshot(project)

    assert "there is no question 'web_thread', only " in refused(project, user, web_thread=8)
    kept = refused(project, user, hosting_target="heroku")
    assert "database_limit 100 is that of Docker Compose" in kept
    assert """'{"hosting_target": "heroku", "database_limit": 20}'\n""" in kept
    assert snapshot(project) == before


def test_a_relative_file_of_answers(clone: Path, tmp_path: Path, user: dict[str, str]) -> None:
    (tmp_path / "mine.json").write_text('{"web_threads": "7"}')
    done = run("cruft", "create", clone, "-y", "-E", "mine.json", cwd=tmp_path, env=user)

    assert done.returncode == 0, done.stderr
    assert answers_of(tmp_path / "my_service")["web_threads"] == "7"


def test_the_commands_of_the_readme(clone: Path, tmp_path: Path, user: dict[str, str]) -> None:
    """They run as pasted, and change nothing as long as no answer is changed."""
    project = made(clone, tmp_path, user, {"pooling": "recommended", "web_threads": "9"})
    readme = (project / "README.md").read_text()
    update = re.search("^    (cruft update .+)$", readme, re.MULTILINE)[1]
    again = re.search("^    (cookiecutter .+ --replay-file .+)$", readme, re.MULTILINE)[1]
    again = again.replace("gh:<owner>/cookiecutter-django-connections", str(clone))
    scripts = {
        "PATH": f"{Path(run.__globals__['sysconfig'].get_path('scripts'))}:{os.environ['PATH']}"
    }
    before = snapshot(project / "pgconnections")

    for command, folder in ((update, project), (again, tmp_path)):
        done = subprocess.run(command, shell=True, cwd=folder, env=user | scripts, text=True)
        assert done.returncode == 0
        assert snapshot(project / "pgconnections") == before

    recorded = project / "pgconnections" / "answers.json"
    recorded.write_text(recorded.read_text().replace('"persistent"', '"psycopg-pool"'))
    subprocess.run(again, shell=True, cwd=tmp_path, env=user | scripts, check=True)
    assert '"pgconnections.pooled"' in (project / "pgconnections" / "settings.py").read_text()


@pytest.mark.parametrize("number", SWITCHES)
def test_switches(
    number: int, clone: Path, bake: Bake, tmp_path: Path, user: dict[str, str]
) -> None:
    """From any choice to any other, with any edits: the template's folder is that of the new."""
    random_ = random.Random(number)
    old, new = random_.sample([each for each in LEGAL if each.pooling != "recommended"], 2)
    wanted = {
        name: str(answer) for name, answer in resolved(new.answers()).items() if name[0] != "_"
    }
    project = made(clone, tmp_path, user, old.answers())
    files = sorted(
        path for path in project.rglob("*") if path.is_file() and ".git" not in path.parts
    )
    files = [
        path for path in files if path.suffix not in (".json", ".lock") and path.stat().st_size
    ]
    for file in random_.sample(files, 8):
        lines = file.read_text(encoding="utf-8").splitlines(True)
        lines.insert(random_.randrange(len(lines) + 1), OWN)
        file.write_text("".join(lines), encoding="utf-8")
    (project / "pyproject.toml").write_text(
        bake(**old.answers()).joinpath("pyproject.toml").read_text()
    )
    commit(project)

    switch(project, user, **wanted)

    assert [*project.rglob("*.rej"), *project.rglob("*.orig")] == []
    marked = [
        path for path in project.rglob("*") if path.is_file() and b"<<<<<<<" in path.read_bytes()
    ]
    assert marked == []
    fresh, mine = bake(**wanted) / "pgconnections", project / "pgconnections"
    assert {path.relative_to(mine) for path in mine.rglob("*") if path.is_file()} == {
        path.relative_to(fresh) for path in fresh.rglob("*") if path.is_file()
    }
    for path in fresh.rglob("*"):
        if path.is_file():
            there = (mine / path.relative_to(fresh)).read_text("utf-8").replace(OWN, "")
            assert there == path.read_text("utf-8"), path
    assert answers_of(project)["pooling"] == plan_of(wanted).pooling


# --- rendering again, without cruft ------------------------------------------------------------


def package(project: Path) -> dict[str, tuple[int, bytes]]:
    return snapshot(project / "pgconnections")


@pytest.mark.parametrize("adopt", [False, True], ids=["project", "adopt"])
def test_rendering_again(adopt: bool, tmp_path: Path, user: dict[str, str]) -> None:
    """The whole of the template's folder follows the new answers, or nothing is written."""
    if adopt:
        (tmp_path / "manage.py").write_text("DJANGO_SETTINGS_MODULE = shop.settings")
    project = tmp_path if adopt else tmp_path / "my_service"
    other = ["pooling=pgbouncer", "hosting_target=railway", "server=asgi"]
    command = ["cookiecutter", TEMPLATE, "--no-input", *(["--directory", "adopt"] if adopt else [])]

    def render(*words: str) -> subprocess.CompletedProcess[str]:
        return run(*command, *words, cwd=tmp_path, env=user)

    assert render(*other).returncode == 0
    wanted = package(project)
    assert render("-f").returncode == 0
    before = package(project)
    assert before.keys() != wanted.keys()

    mixed = render("-f", "-s", *other)
    assert mixed.returncode == 2
    assert "has been rendered with other answers (hosting_target, pooling, server" in mixed.stderr
    assert package(project) == before
    assert render("-f", "-s").returncode == 0
    assert package(project) == before
    assert render("-f", *other).returncode == 0
    assert package(project) == wanted
