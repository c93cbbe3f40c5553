"""Attacks, each of which succeeds when what keeps it out is taken away: docs/security.md."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from combinations import LEGAL, Combination
from conftest import TEMPLATE, Bake
from cookiecutter.main import cookiecutter
from deploys import environment
from projects import environment as environment_of
from projects import install, shell
from renderings import new_user, run

from pgconnections_generator import facts

# --- the generator -----------------------------------------------------------------------------

# Delimiters, and a name of a service that is a command with them.
DELIMITERS = [
    ({"variable_start_string": "[[", "variable_end_string": "]]"}, "[[ {} ]]"),
    ({"block_start_string": "<%", "block_end_string": "%>"}, "<% set x = {} %>Shop"),
    ({"line_statement_prefix": "%%"}, "%% set x = {}"),
    ({"line_comment_prefix": "##"}, "Shop ## {}"),
    ({"comment_start_string": "(("}, "Shop (( {} #}}"),
]
COMMAND = "cycler.__init__.__globals__.os.system('touch {}')"


@pytest.mark.parametrize(("delimiters", "name"), DELIMITERS, ids=[each[1] for each in DELIMITERS])
def test_delimiters_of_another_kind(tmp_path: Path, delimiters: dict[str, str], name: str) -> None:
    """In the user's configuration file, with an answer that they make a command."""
    done, here = tmp_path / "done", tmp_path / "here"
    here.mkdir()
    answers = {
        "_jinja2_env_vars": delimiters,
        "project_name": name.format(COMMAND.format(done)),
        # Without a tag, so that it is the first that is rendered.
        **{"project_slug": "shop", "database_limit": 100, "web_processes": 2, "web_threads": 4},
    }
    (tmp_path / "config.yaml").write_text(json.dumps({"default_context": answers}))
    options = ["--no-input", "--config-file", tmp_path / "config.yaml"]

    said = run("cookiecutter", TEMPLATE, *options, cwd=here, env=new_user(tmp_path / "home"))

    option, text = next(iter(delimiters.items()))
    assert said.stderr.splitlines()[-1] == (
        f"Error: _jinja2_env_vars sets {option} to {text!r}, and cookiecutter would run what "
        "stands there in an answer as a template; accepted would be the same without it."
    )
    assert (said.returncode, list(here.iterdir()), done.exists()) == (2, [], False)


def test_delimiters_of_a_call_from_python(tmp_path: Path) -> None:
    answers = {"_jinja2_env_vars": {"variable_start_string": "[["}}
    with pytest.raises(click.UsageError, match="_jinja2_env_vars sets variable_start_string to "):
        cookiecutter(str(TEMPLATE), None, True, answers, output_dir=tmp_path, default_config=True)
    assert list(tmp_path.iterdir()) == []


# --- the service -------------------------------------------------------------------------------

MODULES = TEMPLATE / "tests" / "security"


def attack(module: str, project: Path, tests: str = "") -> subprocess.CompletedProcess[str]:
    """Run a module of tests/security/ among the tests of a project that is installed."""
    shutil.copy(MODULES / f"{module}.py", project / "tests" / f"test_{module}.py")
    return shell(f".venv/bin/pytest -q tests/test_{module}.py -k '{tests}'", project, "6")


def installed(project: Path, copy: Path) -> Path:
    shutil.copytree(project, copy)
    install(copy, "6")
    return copy


@pytest.mark.parametrize("answers", [{}, {"server": "asgi"}], ids=str)
def test_readiness_is_no_weapon(bake: Bake, tmp_path: Path, answers: dict[str, str]) -> None:
    done = attack("readiness", installed(bake(**answers), tmp_path / "my_service"))

    assert done.returncode == 0, done.stdout


HEALTH, ROLES = "pgconnections/backend/health.py", "roles.sql"
SENT = r"\\getenv password DATABASE_PASSWORD\nALTER ROLE my_service PASSWORD :'password';"
# The module, some of its tests, and what keeps the attack out: where it is, and what to make of it.
FLIPS = [
    ("readiness", "hangs", HEALTH, "if self.asking or passed < SHARED_FOR", "if False"),
    ("readiness", "hangs", HEALTH, "_has_been_logged = True", "_has_been_logged = False"),
    ("readiness", "answers", HEALTH, "SHARED_FOR, HANGS_AFTER = 1", "SHARED_FOR, HANGS_AFTER = 0"),
    ("passwords", "reaches", ROLES, r"^\\! .*password my_service'$", SENT),
    ("passwords", "cannot", ROLES, "^    DO .*not changed.*", "    SELECT 1;"),
]


@pytest.mark.parametrize("flip", FLIPS, ids=[f"{flip[0]}-{flip[-2]}" for flip in FLIPS])
def test_without_it_the_attack_is_seen(
    bake: Bake, tmp_path: Path, flip: tuple[str, str, str, str, str]
) -> None:
    module, tests, name, old, new = flip
    project = installed(bake(), tmp_path / "my_service")
    file = project / name
    text, times = re.subn(old, new, file.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert times
    file.write_text(text, encoding="utf-8")

    done = attack(module, project, tests)

    assert done.returncode == 1, done.stdout  # tests ran, and some failed


@pytest.mark.parametrize("answers", [{}, {"pooling": "pgbouncer"}], ids=str)
def test_no_password_in_a_log(bake: Bake, tmp_path: Path, answers: dict[str, str]) -> None:
    done = attack("passwords", installed(bake(**answers), tmp_path / "my_service"))

    assert done.returncode == 0, done.stdout


# --- names and secrets -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "combination",
    [each for each in LEGAL if (each.server, each.pooling) == ("wsgi", "recommended")],
    ids=lambda each: each.hosting_target,
)
def test_no_name_of_somebody_else_is_allowed(bake: Bake, combination: Combination) -> None:
    """With ".fly.dev" everybody who has an app there could have links with its name sent."""
    project = bake(**combination.answers())
    target = facts.hosting(combination.hosting_target)
    said = environment(project, target["deploy"]["files"]).get("ALLOWED_HOSTS", set())
    deploy = (project / "DEPLOY.md").read_text(encoding="utf-8")
    said |= set(re.findall(r"\bALLOWED_HOSTS=(\S+)", deploy))
    names = [name for value in said for name in value.split(",")]

    assert names
    assert [name for name in names if name.startswith((".", "*"))] == []


SECRET = "hunter2"
MISPLACED = [
    {"DATABASE_URL": f"{SECRET}://me@db/name"},
    {"DATABASE_URL": f"postgres://me:{SECRET}#1@db/name"},
    {"DATABASE_URL": f"postgres://me:a/{SECRET}@db/name"},
    {"DATABASE_URL": f"postgres://me:a@db:{SECRET}/name"},
    {"DATABASE_URL": f"postgres://me:a@[{SECRET}/name"},
    {"DATABASE_URL": f"postgres://me:a@db/name?sslmode={SECRET}"},
    {"DATABASE_URL": f"postgres://me:a@db/name?sslmode=require&sslmode={SECRET}"},
    {"DATABASE_URL": "postgres://me@db/name", "DATABASE_PASSWORD_FILE": SECRET},
]


@pytest.fixture(scope="module")
def project(bake: Bake, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return installed(bake(), tmp_path_factory.mktemp("security") / "my_service")


@pytest.mark.parametrize("variables", MISPLACED, ids=str)
def test_a_secret_in_the_wrong_place_is_not_echoed(
    project: Path, variables: dict[str, str]
) -> None:
    """One sentence, which ends up in a log that many people read."""
    done = python(project, "manage.py", "check", SECRET_KEY="for this test", **variables)

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert SECRET not in done.stderr + done.stdout


# --- DEBUG -------------------------------------------------------------------------------------


def test_debug_listens_on_the_loopback_interface(project: Path, tmp_path: Path) -> None:
    """Its pages show the settings to whoever asks, for any host name."""
    servers = tmp_path / "gunicorn.py"
    servers.write_text("import sys; print(*sys.argv)\n")
    variables = {
        "SECRET_KEY": "for this test",
        "ALLOWED_HOSTS": "www.example.com",
        "DATABASE_URL": "postgres://me:a@db/name",
        "PYTHONPATH": str(tmp_path),
    }

    def listens(**more: str) -> str:
        done = python(project, "-m", "pgconnections.serve", **variables, **more)
        assert done.returncode == 0, done.stderr
        [host] = re.findall(r"--bind=(\S+):\d+", done.stdout)
        return host

    assert listens(DEBUG="1") == "127.0.0.1"
    assert listens(DEBUG="1", HOST="") == "127.0.0.1"
    assert listens(DEBUG="1", HOST="192.0.2.1") == "192.0.2.1"
    assert listens(DEBUG="0") in ("0.0.0.0", "[::]")


def python(project: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [".venv/bin/python", *command],
        cwd=project,
        env=environment_of(project, "6") | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


# --- what a scanner finds ----------------------------------------------------------------------

# Of a severity above low, with the reason why it stays.
FOUND = {
    ("pgconnections_extension.py", "B102"): "what it runs is a file of the template itself",
    ("pgconnections_generator/defaults.py", "B701"): "renders defaults of questions, and no HTML",
    (
        "pgconnections/serve.py",
        "B104",
    ): "all addresses of a container, but not in DEBUG",
}
SCANNED = [
    {},
    {"pooling": "django-postgrespool2", "server": "asgi"},
    {"pooling": "none", "server": "asgi", "hosting_target": "heroku"},
    {"pooling": "pgbouncer", "hosting_target": "digitalocean"},
    {"pooling": "pgbouncer", "hosting_target": "kubernetes"},
    {"pooling": "provider-pooler", "hosting_target": "neon"},
]


def test_bandit_finds_nothing(bake: Bake) -> None:
    places = [TEMPLATE / "pgconnections_extension.py", TEMPLATE / "pgconnections_generator"]
    places += [bake(**answers) for answers in SCANNED]
    command = [sys.executable, "-m", "bandit", "-q", "-r", "--severity-level=medium", "-f", "json"]
    done = subprocess.run([*command, *places], capture_output=True, text=True)
    report = json.loads(done.stdout)

    assert report["errors"] == []
    assert len(report["metrics"]) > 20 * len(SCANNED)
    roots = [TEMPLATE, *places[2:]]
    found = {
        (relative(Path(result["filename"]), roots), result["test_id"])
        for result in report["results"]
    }
    assert found == FOUND.keys()


def relative(path: Path, roots: list[Path]) -> str:
    return next(path.relative_to(root).as_posix() for root in roots if root in path.parents)


def test_the_page_names_tests_that_there_are() -> None:
    text = (TEMPLATE / "docs" / "security.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(test_\w+)`", text))
    files = [*(TEMPLATE / "tests").glob("*.py"), *(TEMPLATE / "tests" / "pgbouncer").glob("*.py")]
    there = {
        name
        for file in files
        for name in re.findall(r"def (test_\w+)\(", file.read_text(encoding="utf-8"))
    }

    assert len(named) > 15
    assert named <= there, named - there
