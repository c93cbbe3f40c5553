"""A project that exists adopts: one folder is added, lines are pasted, and it is proved."""

from __future__ import annotations

import ast
import json
import re
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from combinations import LEGAL, Combination
from conftest import QUESTIONS, TEMPLATE
from cookiecutter.main import cookiecutter
from projects import DJANGO, VENV, environment, shared
from renderings import new_user, run, snapshot
from test_render import PARSERS, files

from pgconnections_generator.template import PROJECT

ADOPT = ["--directory", "adopt", "--no-input"]
# What an owner has: a manage.py in a folder of any name.
MANAGE = 'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings.production")\n'

# Every pooling with every server, and every target with some of them.
_KINDS = [each for each in LEGAL if each.server != "wsgi-gunicorn"]
_FEW = {(each.pooling, each.server): each for each in reversed(_KINDS)}
_TARGETS = {each.hosting_target: each for each in _KINDS if each.pooling == "pgbouncer"}
_POOLERS = {each.hosting_target: each for each in _KINDS if each.pooling == "provider-pooler"}
EVERY = pytest.mark.parametrize(
    "combination",
    dict.fromkeys([*_FEW.values(), *_TARGETS.values(), *_POOLERS.values()]),
    ids=lambda each: each.id,
    scope="module",
)


def owned(folder: Path) -> Path:
    project = folder / "a shop"
    project.mkdir()
    (project / "manage.py").write_text(MANAGE)
    return project


@pytest.fixture(scope="module")
def adopted(combination: Combination, tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = owned(tmp_path_factory.mktemp("adopted"))
    cookiecutter(
        str(TEMPLATE),
        directory="adopt",
        no_input=True,
        extra_context=combination.answers(),
        output_dir=str(project),
        default_config=True,
    )
    return project


@EVERY
def test_one_folder_is_added(adopted: Path) -> None:
    assert {path.name for path in adopted.iterdir()} == {"manage.py", "pgconnections"}
    assert (adopted / "manage.py").read_text() == MANAGE
    assert [path for path in adopted.rglob("*") if path.is_dir() and not any(path.iterdir())] == []


@EVERY
def test_what_is_added_is_clean(adopted: Path) -> None:
    for path in files(adopted / "pgconnections"):
        text = path.read_text(encoding="utf-8")
        if parse := PARSERS.get(path.suffix):
            parse(text)
        assert not text.startswith("\n") and "\n\n\n\n" not in text, path
        assert not text or text.endswith("\n") and not text.endswith("\n\n"), path
    options = ["--no-cache", "--line-length=100", "pgconnections"]
    for command in (["check", "--select=B,E,F,I,UP,W"], ["format", "--diff"]):
        ruff = [sys.executable, "-m", "ruff", *command, *options]
        done = subprocess.run(ruff, cwd=adopted, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


@EVERY
def test_nothing_is_imported_that_is_not_there(adopted: Path) -> None:
    there = {path.relative_to(adopted).with_suffix("").as_posix() for path in adopted.rglob("*.py")}
    there |= {str(Path(name).parent) for name in there}
    for path in (adopted / "pgconnections").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pgconnections"):
                module = str(node.module).replace(".", "/")
                assert module in there, path


@EVERY
def test_what_is_shared_is_the_same(adopted: Path) -> None:
    """Files of the backend are the same bytes in a new project and in an adopted one."""
    known = {path.read_bytes() for path in (PROJECT / "pgconnections").rglob("*base.py*")}
    known |= {path.read_bytes() for path in (PROJECT / "pgconnections" / "backend").iterdir()}
    own = {"pgconnections/postgis/base.py"}
    found = [
        *(adopted / "pgconnections" / "backend").iterdir(),
        *(adopted / "pgconnections").rglob("base.py"),
    ]

    names = {
        path.relative_to(adopted).as_posix() for path in found if path.read_bytes() not in known
    }
    assert names - own == set()


def test_the_command_of_the_page(tmp_path: Path) -> None:
    """The first block of docs/adopting.md, beside a manage.py, without a question."""
    project = owned(tmp_path)
    page = (TEMPLATE / "docs" / "adopting.md").read_text(encoding="utf-8")
    command = next(line for line in page.splitlines() if line.startswith("    cookiecutter "))
    words = command.split()
    assert words[1] == "gh:<owner>/cookiecutter-django-connections"
    before = snapshot(project)

    env = new_user(tmp_path / "home") | {"PYTHONDONTWRITEBYTECODE": "1"}
    done = run(words[0], TEMPLATE, *words[2:], cwd=project, env=env)

    assert (done.returncode, done.stderr) == (0, "")
    after = snapshot(project)
    assert {name: after[name] for name in before} == before
    assert {name.partition("/")[0] for name in after.keys() - before.keys()} == {"pgconnections"}
    assert "    DATABASES = within_budget(DATABASES)\n" in done.stdout
    assert "The last lines of shop.settings.production, " in done.stdout
    assert (project / "pgconnections" / "__init__.py").read_text().endswith('SERVICE = "shop"\n')

    again = run(words[0], TEMPLATE, *words[2:], cwd=project, env=env)
    assert again.returncode == 2
    assert "Error: the folder pgconnections exists already, " in again.stderr
    assert snapshot(project) == after


@pytest.mark.parametrize("text", [None, "import django\n"], ids=["no manage.py", "another"])
def test_settings_that_are_not_found(tmp_path: Path, text: str | None) -> None:
    if text:
        (tmp_path / "manage.py").write_text(text)
    env = new_user(tmp_path / "home")
    done = run("cookiecutter", TEMPLATE, *ADOPT, cwd=tmp_path, env=env)

    assert done.returncode == 2
    assert f"Error: there is no manage.py in {tmp_path} that says its DJANGO_SETT" in done.stderr
    assert done.stderr.rstrip().endswith(" settings_module=YOUR.SETTINGS")
    assert not (tmp_path / "pgconnections").exists()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("manage.py", '    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "a.b")\n'),
        ("manage.py", "os.environ['DJANGO_SETTINGS_MODULE'] = 'a.b'\n"),
        ("pytest.ini", "[pytest]\nDJANGO_SETTINGS_MODULE = a.b\n"),
        ("pyproject.toml", '[tool.pytest.ini_options]\nDJANGO_SETTINGS_MODULE = "a.b"\n'),
    ],
    ids=["default", "assignment", "pytest", "pyproject"],
)
def test_settings_that_are_found(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    env = new_user(tmp_path / "home")
    done = run("cookiecutter", TEMPLATE, *ADOPT, cwd=tmp_path, env=env)

    assert done.returncode == 0, done.stderr
    assert "The last lines of a.b, " in done.stdout


# --- startproject, as Django has it ------------------------------------------------------------

# Of the owner: DB_* variables, split settings, two aliases, everything by HTTPS.
SETTINGS = """
import os

ALLOWED_HOSTS = ["shop.example.com"]
DATABASES = {
    alias: {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": os.environ.get("DB_NAME", "shop"),
        "USER": "shop",
        "PASSWORD": "secret",
        "HOST": "db.example.com",
        "OPTIONS": {"sslmode": "require"},
    }
    for alias in ("default", "reports")
}
SECURE_SSL_REDIRECT = True
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
"""
# An own configuration of gunicorn, which it reads by itself.
GUNICORN = "workers = {}\nthreads = {}\n"


def pasted(readme: str) -> tuple[list[str], str]:
    """The packages, and the lines of the settings, as README.md of the folder has them."""
    packages, settings = re.findall(
        r"(?:^(?:    .*)?\n)+", readme[readme.index("## What") :], re.M
    )[1:3]
    return packages.split(), textwrap.dedent(settings)


@pytest.mark.parametrize("django", DJANGO)
def test_startproject(django: str, tmp_path: Path) -> None:
    """Green as pasted, red where the engine is put back or gunicorn has more than the budget."""
    tmp_path.chmod(0o755)
    project = tmp_path / "shop"
    project.mkdir()
    env = new_user(tmp_path / "home") | {"PYTHONDONTWRITEBYTECODE": "1"}
    version = {"5.2": "==5.2.*", "6": ">=6,<7"}[django]
    (project / "manage.py").write_text(MANAGE)
    done = run("cookiecutter", TEMPLATE, *ADOPT, cwd=project, env=env)
    assert done.returncode == 0, done.stderr
    packages, lines = pasted((project / "pgconnections" / "README.md").read_text())
    typed = ["mypy", "django-stubs"] if django == "5.2" else []
    wanted = [f"Django{version}", "gunicorn>=27,<28", *packages, *typed]
    command = f"{VENV} {' '.join(map(shlex.quote, wanted))}"
    venv = shared(f"adopted-{django}-{command}", command, project, django)

    def python(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [venv / "bin" / "python", *words],
            cwd=project,
            env=environment(project, django),
            capture_output=True,
            text=True,
        )

    (project / "manage.py").unlink()
    assert python("-m", "django", "startproject", "shop", ".").returncode == 0
    package = project / "shop"
    (package / "settings").mkdir()
    text = (package / "settings.py").read_text()
    (package / "settings.py").unlink()
    base, production = package / "settings" / "base.py", package / "settings" / "production.py"
    base.write_text(text + SETTINGS + lines)
    production.write_text("from .base import *\nDEBUG = False\n")
    for file in ("manage.py", "shop/wsgi.py"):
        said = (project / file).read_text()
        (project / file).write_text(said.replace("shop.settings", "shop.settings.production"))
    (project / "gunicorn.conf.py").write_text(GUNICORN.format(2, 4))

    if typed:
        found = python("-m", "mypy", "--strict", "pgconnections")
        assert found.returncode == 0, found.stdout
    checked = python("manage.py", "check")
    assert checked.returncode == 0, checked.stderr
    proved = python("-m", "pgconnections.smoke")
    assert proved.returncode == 0, proved.stdout + proved.stderr
    assert "then 0 errors in 200 requests" in proved.stdout
    assert python("-m", "unittest", "discover").stderr.splitlines()[-1].startswith(
        "NO TESTS RAN"
    ) or ("Ran 0 tests" in python("-m", "unittest", "discover").stderr)

    (project / "gunicorn.conf.py").write_text(GUNICORN.format(5, 3))
    larger = python("-m", "pgconnections.smoke")
    assert larger.returncode == 1
    assert "(pgconnections.E104) gunicorn has 5 workers x 3 threads = 15, and the" in larger.stderr
    assert "FAIL: test_load" in larger.stderr
    (project / "gunicorn.conf.py").unlink()

    production.write_text(
        production.read_text()
        + 'DATABASES["default"]["ENGINE"] = "django.db.backends.postgresql"\n'
    )
    undone = python("-m", "pgconnections.smoke")
    assert undone.returncode == 1
    assert (
        "(pgconnections.E102) The engine of 'default' is 'django.db.backends.postgresql', and not "
        f"'pgconnections.backend': {production} has DATABASES." in undone.stderr
    )


def test_both_templates_ask_alike() -> None:
    """The shim never changes, and a question has the same choices, words and default in both."""
    shim = "pgconnections_extension.py"
    assert (TEMPLATE / "adopt" / shim).read_bytes() == (TEMPLATE / shim).read_bytes()
    own = {"settings_module", "project_slug", "server"}
    asked = json.loads((TEMPLATE / "adopt" / "cookiecutter.json").read_text(encoding="utf-8"))
    for name in asked.keys() - own - {"__folder", "__prompts__"}:
        assert asked[name] == QUESTIONS[name], name
    for name in asked["__prompts__"].keys() - own:
        assert asked["__prompts__"][name] == QUESTIONS["__prompts__"][name], name
