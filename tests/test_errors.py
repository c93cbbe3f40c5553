"""Answers that are refused: the sentence, on every road, and the command at its end."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sysconfig
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from conftest import QUESTIONS, TEMPLATE
from cookiecutter.cli import main
from cookiecutter.main import cookiecutter
from renderings import copy_of_the_template, new_user, run

USAGE = """\
Usage: cookiecutter [OPTIONS] [TEMPLATE] [EXTRA_CONTEXT]...
Try 'cookiecutter --help' for help.

"""
CRUFT_USAGE = "Usage: cruft create [OPTIONS] {TEMPLATE}\n\n"
ASKED = [name for name in QUESTIONS if not name.startswith("_")]

Answers = dict[str, Any]


@dataclass(frozen=True)
class Refusal:
    """What a road gave: the sentence without its command, and the command."""

    status: int
    usage: str
    sentence: str
    command: str


def refusal(status: int, stderr: str) -> Refusal:
    """The parts of the error output, of which there is nothing else."""
    usage, _, error = stderr.partition("Error: ")
    sentence, repeat, command = error.partition(" To repeat all other answers: ")
    assert repeat, stderr
    assert command.endswith("\n") and command.count("\n") == 1, stderr
    return Refusal(status, usage, sentence, command.strip())


@pytest.fixture
def user(tmp_path: Path) -> dict[str, str]:
    """An environment of its own for commands, and for cookiecutter inside this process."""
    home = tmp_path / "home"
    scripts = sysconfig.get_path("scripts")
    env = new_user(home) | {"PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"}
    folders = {"replay_dir": str(home / "replay"), "cookiecutters_dir": str(home / "templates")}
    (home / "config.yaml").write_text(json.dumps(folders))
    return env | {
        "COOKIECUTTER_CONFIG": str(home / "config.yaml"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "COLUMNS": "80",
    }


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder in which the commands run, and in which no refusal leaves anything."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A git repository with the working tree, under a name that has to be quoted."""
    return copy_of_the_template(tmp_path_factory.mktemp("template") / "it's a clone")


def refuse(user: dict[str, str], *arguments: str, stdin: str | None = None) -> Refusal:
    """The command, inside this process: a dozen times as fast."""
    done = CliRunner(env=user).invoke(
        main, [str(TEMPLATE), *arguments], input=stdin, prog_name="cookiecutter"
    )
    assert isinstance(done.exception, SystemExit), done.output
    return refusal(done.exit_code, done.stderr)


def assignments(answers: Answers) -> list[str]:
    return [f"{name}={answer}" for name, answer in answers.items()]


# --- the sentences -----------------------------------------------------------------------------

RANGES = {
    "database_limit": (262_143, 100),
    "web_instances": (1_000, 1),
    "web_processes": (1_000, 2),
    "web_threads": (1_000, 4),
    "other_connections": (262_143, 3),
}
NO_NUMBERS = ["abc", "1.5", "", " ", "1_000", "1 000", "+4", "0x10", "1e3", "٣", "½", "-", "True"]


@pytest.mark.parametrize("text", NO_NUMBERS)
@pytest.mark.parametrize("name", RANGES)
def test_not_a_whole_number(user: dict[str, str], here: Path, name: str, text: str) -> None:
    highest, default = RANGES[name]
    assert refuse(user, "--no-input", f"{name}={text}") == Refusal(
        2,
        USAGE,
        f"{name} must be a whole number from 1 to {highest}, not {text.strip()!r}; "
        f"accepted would be {name}={default}.",
        f"cookiecutter {TEMPLATE} --no-input {name}={default}",
    )
    assert list(here.iterdir()) == []


NINES = f"'{40 * '9'}'... (5000 characters)"
OUT_OF_RANGE = [
    # name, text, shown, accepted
    *((name, "0", "'0'", 1) for name in RANGES if name != "database_limit"),
    *((name, "-7", "'-7'", 1) for name in RANGES if name != "database_limit"),
    ("database_limit", "0", "'0'", 100),
    ("database_limit", "-7", "'-7'", 100),
    ("database_limit", "262144", "'262144'", 262_143),
    ("database_limit", 5000 * "9", NINES, 262_143),
    ("web_instances", "1001", "'1001'", 1_000),
    ("web_processes", 5000 * "9", NINES, 1_000),
    ("web_threads", 100 * "0" + "4", f"'{40 * '0'}'... (101 characters)", 1_000),
    ("web_threads", "18446744073709551616", "'18446744073709551616'", 1_000),
    # The nearest legal number would leave no connection for the web.
    ("other_connections", "262144", "'262144'", 95),
]


@pytest.mark.parametrize(("name", "text", "shown", "accepted"), OUT_OF_RANGE)
def test_out_of_range(
    user: dict[str, str], here: Path, name: str, text: str, shown: str, accepted: int
) -> None:
    assert refuse(user, "--no-input", f"{name}={text}") == Refusal(
        2,
        USAGE,
        f"{name} must be a whole number from 1 to {RANGES[name][0]}, not {shown}; "
        f"accepted would be {name}={accepted}.",
        f"cookiecutter {TEMPLATE} --no-input {name}={accepted}",
    )
    assert list(here.iterdir()) == []


@pytest.mark.parametrize(("text", "number"), [("20", 20), (" 20 ", 20), ("0020", 20)])
def test_numbers_that_are_accepted(
    user: dict[str, str], here: Path, text: str, number: int
) -> None:
    done = CliRunner(env=user).invoke(main, [str(TEMPLATE), "--no-input", f"database_limit={text}"])
    assert (done.exit_code, done.stderr) == (0, "")
    budget = (here / "my_service" / "pgconnections" / "budget.py").read_text()
    assert f'number("DATABASE_LIMIT", {number}, ' in budget


IDENTIFIER = "is not a lower-case Python identifier of at most 50 letters, digits and _"
KEYWORD = "is a keyword of Python"
STDLIB = "is a module of Python's standard library"
FOLDER = "is the name of a folder of the project or of a package that it needs"
DATABASE = "is a name that PostgreSQL or PgBouncer keeps for itself"
SQL = "is a reserved word of SQL, and the database gets this name"
DEVICE = "is a name that Windows keeps for a device"
SLUGS = [
    ("", IDENTIFIER, "service"),
    ("My Service", IDENTIFIER, "my_service"),
    ("my-service", IDENTIFIER, "my_service"),
    ("MyService", IDENTIFIER, "myservice"),
    ("2fast", IDENTIFIER, "service_2fast"),
    ("_private", IDENTIFIER, "private"),
    ("café", IDENTIFIER, "cafe"),
    ("שירות", IDENTIFIER, "shyrvt"),
    ("my_service\n", IDENTIFIER, "my_service"),
    ("../up", IDENTIFIER, "up"),
    ("{{ 7*7 }}", IDENTIFIER, "service_7_7"),
    ("s" * 51, IDENTIFIER, "s" * 40),
    ("class", KEYWORD, "class_service"),
    ("json", STDLIB, "json_service"),
    ("site", STDLIB, "site_service"),
    ("django", FOLDER, "django_service"),
    ("config", FOLDER, "config_service"),
    ("pgconnections", FOLDER, "pgconnections_service"),
    ("tests", FOLDER, "tests_service"),
    ("psycopg", FOLDER, "psycopg_service"),
    ("dev_process", FOLDER, "dev_process_service"),
    ("whitenoise", FOLDER, "whitenoise_service"),
    ("postgres", DATABASE, "postgres_service"),
    ("pg_stat", DATABASE, "service_pg_stat"),
    ("user", SQL, "user_service"),
    ("order", SQL, "order_service"),
    ("aux", DEVICE, "aux_service"),
    ("com1", DEVICE, "com1_service"),
]


@pytest.mark.parametrize(("slug", "problem", "accepted"), SLUGS)
def test_slug(user: dict[str, str], here: Path, slug: str, problem: str, accepted: str) -> None:
    assert refuse(user, "--no-input", f"project_slug={slug}") == Refusal(
        2,
        USAGE,
        f"project_slug {slug!r} {problem}; accepted would be project_slug={accepted}.",
        f"cookiecutter {TEMPLATE} --no-input project_slug={accepted}",
    )
    assert list(here.iterdir()) == []


TARGETS = ", ".join(QUESTIONS["hosting_target"])

# --- the roads ---------------------------------------------------------------------------------

SUM_6 = "database_limit 6 - 3 reserved by the server - 3 other_connections = 0"
ERRORS: dict[str, tuple[Answers, str]] = {
    "no number": (
        {"database_limit": "abc", "web_threads": 8},
        "database_limit must be a whole number from 1 to 262143, not 'abc'; "
        "accepted would be database_limit=100.",
    ),
    "two errors": (
        {"hosting_target": "heroku", "database_limit": "1.5", "web_instances": "50"},
        "database_limit must be a whole number from 1 to 262143, not '1.5'; "
        "accepted would be database_limit=20 and web_instances=8.",
    ),
    "zero": (
        {"other_connections": "0", "project_name": "Naïve & 'quoted' 👩‍💻"},
        "other_connections must be a whole number from 1 to 262143, not '0'; "
        "accepted would be other_connections=1.",
    ),
    "limit too small": (
        {"database_limit": "6"},
        f"no connection is left for the web processes: {SUM_6}; "
        "accepted would be other_connections=1 or database_limit=8.",
    ),
    "layout too large": (
        {"pooling": "none", "database_limit": "20", "web_threads": "16", "server": "asgi"},
        "none needs 32 connections at peak (1 web_instances x 2 web_processes x 16 web_threads), "
        "but only 14 are left: database_limit 20 - 3 reserved by the server - 3 other_connections "
        "= 14; accepted would be pooling=recommended, web_threads=7 or database_limit=38.",
    ),
    "too many instances": (
        {"hosting_target": "heroku", "web_instances": "9"},
        "PgBouncer needs a connection for each of 18 instances while a deploy overlaps "
        "(9 web_instances), but database_limit 20 - 0 reserved by the server "
        "- 3 other_connections = 17; "
        "accepted would be web_instances=8, other_connections=2 or database_limit=21.",
    ),
    "persistent with asgi": (
        {"pooling": "persistent", "server": "asgi", "project_name": "$(touch x) `touch x` !!"},
        "pooling=persistent does not work with server=asgi: each request runs in a thread of its "
        "own, so its connection is never reused and stays open; "
        "accepted would be pooling=recommended or server=wsgi.",
    ),
    "no pooler of the provider": (
        {"pooling": "provider-pooler"},
        "this hosting target has no pooler of its own; accepted would be pooling=recommended.",
    ),
    "plan without pooler": (
        {"hosting_target": "heroku", "pooling": "provider-pooler"},
        "the provider's pooler comes with plans of 120 to 500 connections, and not with one of "
        "database_limit=20; accepted would be pooling=recommended or database_limit=120.",
    ),
    "slug": (
        {"project_slug": "class", "project_name": "My Class"},
        "project_slug 'class' is a keyword of Python; "
        "accepted would be project_slug=class_service.",
    ),
    "name that is a template": (
        {"project_name": "{{ 7*7 }} {% raw %}", "project_slug": "mine"},
        "project_name contains {{, which cookiecutter would run as a template; "
        "accepted would be project_name='7*7 raw'.",
    ),
    "name with another direction": (
        {"project_name": "My \u202eecivreS"},
        "project_name contains the control character U+202E, and only one line of plain text is "
        "accepted; accepted would be project_name='My ecivreS'.",
    ),
}
each_error = pytest.mark.parametrize(("answers", "sentence"), ERRORS.values(), ids=ERRORS)


def renders(command: str, folder: Path, user: dict[str, str], stdin: str = "") -> Path:
    """Give the command to a shell in this new folder; the project that it renders there."""
    folder.mkdir()
    done = subprocess.run(
        command,
        shell=True,
        cwd=folder,
        env=user,
        input=stdin,
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    [project] = folder.iterdir()
    return project


def lines(answers: Answers) -> str:
    """What someone types who wants these answers, and takes the defaults of all others."""
    typed = []
    for name in ASKED:
        answer = answers.get(name, "")
        if answer and isinstance(QUESTIONS[name], list):
            answer = QUESTIONS[name].index(answer) + 1
        typed.append(f"{answer}\n")
    return "".join(typed)


@each_error
def test_on_the_command_line(
    user: dict[str, str], here: Path, tmp_path: Path, answers: Answers, sentence: str
) -> None:
    refused = refuse(user, "--no-input", *assignments(answers))
    assert (refused.status, refused.usage, refused.sentence) == (2, USAGE, sentence)
    assert list(here.iterdir()) == []

    # The command repeats all answers, but those that had to change, and it works.
    assert refused.command.startswith(f"cookiecutter {TEMPLATE} --no-input ")
    repeated = dict(word.split("=", 1) for word in shlex.split(refused.command)[3:])
    accepted = sentence.partition("accepted would be ")[2]
    for name, answer in answers.items():
        assert repeated[name] == str(answer) or f"{name}={shlex.quote(repeated[name])}" in accepted
    project = renders(refused.command, tmp_path / "elsewhere", user)
    assert name_of(project) == repeated.get("project_name", "My Service")
    assert list(tmp_path.rglob("x")) == []


def name_of(project: Path) -> str:
    return tomllib.loads((project / "pyproject.toml").read_text("utf-8"))["project"]["description"]


@each_error
def test_at_the_prompts(user: dict[str, str], here: Path, answers: Answers, sentence: str) -> None:
    refused = refuse(user, stdin=lines(answers))
    assert (refused.status, refused.usage) == (2, USAGE)
    # The question after the first error is not asked any more.
    assert refused.sentence == sentence.replace(" and web_instances=8", "")
    assert list(here.iterdir()) == []


def test_command_after_the_last_prompt(user: dict[str, str], here: Path, tmp_path: Path) -> None:
    # The last number is the one too many: 94 connections fit with 3 others, and not with 4.
    answers = {"project_name": 'It\'s "mine"', "pooling": "none", "web_threads": 47}
    answers["other_connections"] = 4
    refused = refuse(user, stdin=lines(answers))
    assert refused.command == (
        f"cookiecutter {TEMPLATE} --no-input "
        """project_name='It'"'"'s "mine"' project_slug=it_s_mine hosting_target=docker-compose """
        "database_limit=100 pooling=recommended server=wsgi web_instances=1 web_processes=2 "
        "web_threads=47 other_connections=4"
    )
    project = renders(refused.command, tmp_path / "elsewhere", user)
    assert name_of(project) == 'It\'s "mine"'
    assert '"WEB_THREADS", 47, ' in (project / "pgconnections" / "budget.py").read_text()


def test_command_after_the_first_prompts(user: dict[str, str], tmp_path: Path) -> None:
    """It asks the questions that are left, and has what the command line said."""
    refused = refuse(user, "web_threads=7", stdin=lines({"database_limit": "all"}))
    assert refused.command == (
        f"cookiecutter {TEMPLATE} project_name='My Service' project_slug=my_service "
        "hosting_target=docker-compose database_limit=100 web_threads=7"
    )
    project = renders(refused.command, tmp_path / "elsewhere", user, stdin=10 * "\n")
    assert '"WEB_THREADS", 7, ' in (project / "pgconnections" / "budget.py").read_text()


def test_defaults_of_the_prompts_are_checked_first(user: dict[str, str]) -> None:
    refused = refuse(user, "web_threads=0", stdin="")
    assert refused.command == f"cookiecutter {TEMPLATE} web_threads=1"


# What is answered, and how many questions are asked then: none after the last of these.
IMPOSSIBLE: list[tuple[Answers, int]] = [
    # No server could use persistent connections with these, and no size makes a pooler.
    ({"pooling": "persistent", "server": "asgi"}, 6),
    ({"pooling": "provider-pooler"}, 5),
    ({"hosting_target": "heroku", "pooling": "provider-pooler"}, 5),
    # 3 are reserved and one is for others.
    ({"database_limit": 4}, 4),
    ({"database_limit": 20, "pooling": "none", "web_instances": 17}, 7),
    ({"database_limit": 20, "pooling": "none", "web_processes": 17}, 8),
    ({"database_limit": 20, "pooling": "none", "web_threads": 9}, 9),
    ({"pooling": "persistent", "web_instances": 97}, 7),
]


@pytest.mark.parametrize(("answers", "asked"), IMPOSSIBLE)
def test_no_question_is_asked_in_vain(
    user: dict[str, str], here: Path, answers: Answers, asked: int
) -> None:
    """Refused as soon as no answers to the others would fit, with the sum of their defaults."""
    done = CliRunner(env=user).invoke(main, [str(TEMPLATE)], input=lines(answers))
    assert done.exit_code == 2
    assert f"[{asked}/{len(ASKED)}]" in done.stdout
    assert f"[{asked + 1}/{len(ASKED)}]" not in done.stdout
    assert list(here.iterdir()) == []

    early = refusal(2, done.stderr).sentence
    late = refuse(user, "--no-input", *assignments(answers)).sentence
    assert early == late


def test_questions_are_asked_while_an_answer_fits(user: dict[str, str], here: Path) -> None:
    """One connection less for others, and one thread less: the smallest that can be."""
    tight = {"database_limit": 5, "web_processes": 1, "web_threads": 1, "other_connections": 1}
    done = CliRunner(env=user).invoke(main, [str(TEMPLATE)], input=lines(tight))
    assert (done.exit_code, done.stderr) == (0, "")
    assert [path.name for path in here.iterdir()] == ["my_service"]


def all_answers(**answers: Any) -> Answers:
    """These, and the defaults of all other questions."""
    heroku = answers.get("hosting_target") == "heroku"
    defaults = {
        "project_name": "My Service",
        "project_slug": "my_service",
        "hosting_target": "docker-compose",
        "database_limit": "20" if heroku else "100",
        "pooling": "recommended",
        "server": "wsgi",
        "web_instances": "1",
        "web_processes": "2",
        "web_threads": "4",
        "other_connections": "3",
    }
    return defaults | answers


def replay(user: dict[str, str], file: Path, answers: Answers) -> Refusal:
    """Replay a file that someone wrote, with nothing but the answers."""
    file.write_text(json.dumps({"cookiecutter": answers}))
    return refuse(user, "--replay-file", str(file))


@each_error
def test_in_a_replay_file_by_hand(
    user: dict[str, str], here: Path, tmp_path: Path, answers: Answers, sentence: str
) -> None:
    refused = replay(user, tmp_path / "replay.json", all_answers(**answers))
    assert (refused.status, refused.usage, refused.sentence) == (2, USAGE, sentence)
    assert list(here.iterdir()) == []
    repeated = shlex.split(refused.command)
    assert repeated[:3] == ["cookiecutter", str(TEMPLATE), "--no-input"]
    assert [word.partition("=")[0] for word in repeated[3:]] == ASKED


@pytest.mark.parametrize("error", ["two errors", "persistent with asgi", "slug"])
def test_in_an_edited_replay_file(user: dict[str, str], tmp_path: Path, error: str) -> None:
    answers, sentence = ERRORS[error]
    done = CliRunner(env=user).invoke(main, [str(TEMPLATE), "--no-input", "-o", str(tmp_path)])
    assert done.exit_code == 0, done.output
    [dumped] = (Path(user["HOME"]) / "replay").iterdir()
    context = json.loads(dumped.read_text())
    context["cookiecutter"].update(all_answers(**answers))
    dumped.write_text(json.dumps(context))

    before = sorted(tmp_path.rglob("*"))
    refused = refuse(user, "--replay", "--overwrite-if-exists", "-o", str(tmp_path))
    assert (refused.status, refused.usage, refused.sentence) == (2, USAGE, sentence)
    assert sorted(tmp_path.rglob("*")) == before
    assert f"--no-input --overwrite-if-exists --output-dir {tmp_path} " in refused.command


@pytest.mark.parametrize("error", ["two errors", "zero", "name that is a template"])
def test_with_cruft(
    user: dict[str, str], here: Path, clone: Path, tmp_path: Path, error: str
) -> None:
    answers, sentence = ERRORS[error]
    extra = ["--extra-context", json.dumps(answers)]
    done = run("cruft", "create", clone, "--no-input", *extra, cwd=here, env=user)
    refused = refusal(done.returncode, done.stderr)
    assert (refused.status, refused.usage, refused.sentence) == (2, CRUFT_USAGE, sentence)
    assert done.stdout == ""
    assert list(here.iterdir()) == []

    program, create, template, no_input, flag, repeated = shlex.split(refused.command)
    assert [program, create, template] == ["cruft", "create", str(clone)]
    assert [no_input, flag] == ["--no-input", "--extra-context"]
    assert json.loads(repeated).keys() >= answers.keys()
    project = renders(refused.command, tmp_path / "elsewhere", user)
    assert name_of(project) == json.loads(repeated).get("project_name", "My Service")
    assert (project / ".cruft.json").exists()


def commit(repository: Path, message: str) -> None:
    author = ["-c", "user.name=Test", "-c", "user.email=test@example.com"]
    for command in (["init", "-q"], ["add", "-A"], [*author, "commit", "-q", "-m", message]):
        subprocess.run(["git", *command], cwd=repository, check=True)


def test_cruft_update(user: dict[str, str], tmp_path: Path) -> None:
    """Cruft renders the old and the new version in one process: neither may see the other."""
    template = copy_of_the_template(tmp_path / "template")
    run("cruft", "create", template, "--no-input", cwd=tmp_path, env=user)
    project = tmp_path / "my_service"
    commit(project, "Rendered")

    # What the old version does not have: a file that only a condition names, a filter, a sentence.
    generator = template / "pgconnections_generator"
    extension = generator / "jinja.py"
    filters = "FILTERS = {"
    assert extension.read_text("utf-8").count(filters) == 1
    changed = extension.read_text("utf-8").replace(filters, f'{filters}\n    "shout": str.upper,')
    extension.write_text(changed, "utf-8")
    folder = template / "{{cookiecutter.project_slug}}"
    name = "{% if plan.pooling == 'persistent' %}NEWS.txt{% endif %}"
    (folder / name).write_text("{{ cookiecutter.project_name | shout }}: {{ plan.reason }}\n")
    with (generator / "budget.py").open("a", encoding="utf-8") as budget:
        budget.write("\nREASONS['persistent'] = 'changed'\n")
    with (folder / "manage.py").open("a", encoding="utf-8") as rendered:
        rendered.write("\nCHANGED = 'changed'\n")
    commit(template, "A newer version")

    update = ["cruft", "update", "--skip-apply-ask"]
    variables = ["--variables-to-update", '{"database_limit": "6", "web_threads": "5"}']
    done = run(*update, *variables, cwd=project, env=user)
    refused = refusal(done.returncode, done.stderr)
    assert refused == Refusal(
        2,
        "Usage: cruft update [OPTIONS]\n\n",
        ERRORS["limit too small"][1],
        f"cruft update --project-dir {project} --skip-apply-ask --variables-to-update "
        """'{"database_limit": "6", "web_threads": "5", "other_connections": 1}'""",
    )
    assert not (project / "NEWS.txt").exists()

    done = run(*update, cwd=project, env=user)
    assert done.returncode == 0, done.stderr
    assert (project / "NEWS.txt").read_text().startswith("MY SERVICE: changed; at peak")
    assert "= 'changed'" in (project / "manage.py").read_text()


# --- the command repeats the options, too ------------------------------------------------------


def test_options_of_cookiecutter(
    user: dict[str, str], here: Path, clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(clone)
    options = ["-f", "-s", "--checkout", "v1", "-o", "../my projects", "--accept-hooks", "no"]
    arguments = [".", "--no-input", *options, "web_threads=0"]
    done = CliRunner(env=user).invoke(main, arguments, prog_name="cookiecutter")
    refused = refusal(done.exit_code, done.stderr)
    output = clone.parent / "my projects"
    assert refused.command == (
        f"cookiecutter {shlex.quote(str(clone))} --no-input --checkout v1 --overwrite-if-exists "
        f"--skip-if-file-exists --output-dir '{output}' --accept-hooks no web_threads=1"
    )
    subprocess.run(refused.command, shell=True, cwd=here, env=user, check=True)
    assert [path.name for path in output.iterdir()] == ["my_service"]
    assert list(here.iterdir()) == []


def test_options_of_cruft(user: dict[str, str], here: Path, clone: Path, tmp_path: Path) -> None:
    file = tmp_path / "answers.json"
    file.write_text(json.dumps({"web_threads": 0, "server": "asgi"}))
    options = ["--output-dir", "..", "-c", "HEAD", "--skip", "docs", "--skip", "*.md", "-E", file]
    done = run("cruft", "create", clone, *options, cwd=here, env=user)
    refused = refusal(done.returncode, done.stderr)
    assert refused.command == (
        f"cruft create {shlex.quote(str(clone))} --output-dir {tmp_path} --checkout HEAD "
        """--skip docs --skip '*.md' --extra-context '{"server": "asgi", "web_threads": 1}'"""
    )


# --- what only some roads can say --------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        (
            {"hosting_target": "mars"},
            f"hosting_target must be one of {TARGETS}, not 'mars'; "
            "accepted would be hosting_target=docker-compose.",
        ),
        (
            {"hosting_target": None},
            f"hosting_target must be one of {TARGETS}, not None; "
            "accepted would be hosting_target=docker-compose.",
        ),
        (
            {"pooling": "pgpool"},
            "pooling must be one of recommended, none, persistent, psycopg-pool, "
            "django-db-connection-pool, django-postgrespool2, pgbouncer, provider-pooler, "
            "not 'pgpool'; accepted would be pooling=recommended.",
        ),
        (
            {"server": ["wsgi"]},
            "server must be one of wsgi, wsgi-gunicorn, asgi, not ['wsgi']; "
            "accepted would be server=wsgi.",
        ),
        (
            {"project_name": None},
            "project_name must be text, not None; accepted would be project_name='My Service'.",
        ),
        (
            {"project_name": 42},
            "project_name must be text, not 42; accepted would be project_name=42.",
        ),
        (
            {"project_name": {"a": "b"}},
            "project_name must be text, not {'a': 'b'}; "
            "accepted would be project_name='My Service'.",
        ),
        (
            {"project_slug": None},
            f"project_slug None {IDENTIFIER}; accepted would be project_slug=none_service.",
        ),
        (
            {"web_threads": 2.0},
            "web_threads must be a whole number from 1 to 1000, not '2.0'; "
            "accepted would be web_threads=4.",
        ),
        (
            {"web_threads": True},
            "web_threads must be a whole number from 1 to 1000, not 'True'; "
            "accepted would be web_threads=4.",
        ),
    ],
)
def test_types_in_a_replay_file(
    user: dict[str, str], here: Path, tmp_path: Path, answers: Answers, sentence: str
) -> None:
    refused = replay(user, tmp_path / "replay.json", all_answers(**answers))
    assert (refused.status, refused.usage, refused.sentence) == (2, USAGE, sentence)
    assert list(here.iterdir()) == []


def test_numbers_in_a_replay_file(user: dict[str, str], here: Path, tmp_path: Path) -> None:
    file = tmp_path / "replay.json"
    file.write_text(json.dumps({"cookiecutter": all_answers(web_threads=5)}))
    done = CliRunner(env=user).invoke(main, [str(TEMPLATE), "--replay-file", str(file)])
    assert (done.exit_code, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("given", "sentence", "command"),
    [
        ("web_thread=16", "accepted would be web_threads=16.", "--no-input web_threads=16"),
        ("Pooling=none", "accepted would be pooling=none.", "--no-input pooling=none"),
        ("color=blue", "accepted would be the same without it.", "--no-input"),
    ],
)
def test_no_such_question(
    user: dict[str, str], here: Path, given: str, sentence: str, command: str
) -> None:
    """Cookiecutter would ignore it, and so work out the budget of something else."""
    name = given.partition("=")[0]
    refused = refuse(user, "--no-input", given)
    assert refused.sentence == (
        f"there is no question {name!r}, only {', '.join(ASKED)}; {sentence}"
    )
    assert (refused.status, refused.usage) == (2, USAGE)
    assert refused.command == f"cookiecutter {TEMPLATE} {command}"
    assert list(here.iterdir()) == []


def test_the_configuration_file(user: dict[str, str], here: Path) -> None:
    config = Path(user["COOKIECUTTER_CONFIG"])
    folders = json.loads(config.read_text())

    def refused(**answers: str) -> str:
        config.write_text(json.dumps(folders | {"default_context": answers}))
        done = CliRunner(env=user).invoke(
            main, [str(TEMPLATE), "--no-input"], prog_name="cookiecutter"
        )
        assert done.exit_code == 2
        assert list(here.iterdir()) == []
        return done.stderr.removeprefix(USAGE)

    assert refused(web_threads="0").startswith("Error: web_threads must be a whole number from 1 ")
    assert refused(project_name="{{ 7*7 }}") == (
        "Error: an answer contains {{, which cookiecutter would run as a template: '{{ 7*7 }}'; "
        "accepted would be the same text without it.\n"
    )


def test_choices_in_the_configuration_file(user: dict[str, str], here: Path) -> None:
    """Cookiecutter would warn, and drop them with all that comes after them in the file."""
    config = Path(user["COOKIECUTTER_CONFIG"])
    own = {
        "full_name": "Zoë", "web_threads": 5, "hosting_target": "mars", "server": "asgi",
        "pooling": "pgpool", "project_name": "My Shop",
    }  # fmt: skip
    config.write_text(json.dumps(json.loads(config.read_text()) | {"default_context": own}))

    with pytest.warns(UserWarning, match="Invalid default received"):
        refused = refuse(user, "--no-input", "web_processes=3")

    assert (refused.status, refused.usage) == (2, USAGE)
    assert refused.sentence == (
        f"hosting_target must be one of {TARGETS}, not 'mars', in the default_context of {config}; "
        "accepted would be hosting_target=docker-compose."
    )
    # What the file says and may stay, for this once without the file.
    assert refused.command == (
        f"cookiecutter {TEMPLATE} --no-input --default-config project_name='My Shop' "
        "hosting_target=docker-compose server=asgi web_processes=3 web_threads=5"
    )
    assert list(here.iterdir()) == []
    project = renders(refused.command, here / "elsewhere", user)
    budget = (project / "pgconnections" / "budget.py").read_text()
    assert '"WEB_THREADS", 5, ' in budget and '"WEB_CONCURRENCY", 3, ' in budget
    assert name_of(project) == "My Shop"


def test_another_configuration_file(user: dict[str, str], here: Path, tmp_path: Path) -> None:
    file = tmp_path / "my own.yaml"
    file.write_text("default_context: {server: uwsgi}\n")

    with pytest.warns(UserWarning, match="Invalid default received"):
        refused = refuse(user, "--no-input", "--config-file", str(file))

    assert refused.sentence == (
        f"server must be one of {', '.join(QUESTIONS['server'])}, not 'uwsgi', in the "
        f"default_context of {file}; accepted would be server=wsgi."
    )
    assert refused.command == f"cookiecutter {TEMPLATE} --no-input --default-config server=wsgi"


def test_defaults_of_the_configuration_file(user: dict[str, str], here: Path) -> None:
    """They are the answers to what the command line does not say, and the sum shows them."""
    config = Path(user["COOKIECUTTER_CONFIG"])
    own = {"full_name": "Zoë", "other_connections": 40, "server": "asgi", "web_processes": "3"}
    config.write_text(json.dumps(json.loads(config.read_text()) | {"default_context": own}))

    refused = refuse(user, "--no-input", "pooling=none", "web_threads=20", "database_limit=50")
    assert refused.sentence == (
        "none needs 60 connections at peak (1 web_instances x 3 web_processes x 20 web_threads), "
        "but only 7 are left: database_limit 50 - 3 reserved by the server - 40 other_connections "
        "= 7; accepted would be pooling=recommended, web_threads=2 or database_limit=103."
    )
    project = renders(refused.command, here / "elsewhere", user)
    assert (project / "config" / "asgi.py").exists()


@pytest.mark.parametrize("name", ["web_thread", "Web_Threads"])
def test_no_such_question_from_python(here: Path, name: str) -> None:
    with pytest.raises(click.UsageError) as refused:
        cookiecutter(str(TEMPLATE), None, True, {name: 16}, default_config=True)
    assert str(refused.value) == (
        f"there is no question {name!r}, only {', '.join(ASKED)}; accepted would be "
        f"web_threads=16. To repeat all other answers: cookiecutter {TEMPLATE} web_threads=16"
    )
    assert list(here.iterdir()) == []


def test_a_folder_that_exists_from_python(here: Path) -> None:
    (here / "there" / "my_service").mkdir(parents=True)
    call = {"no_input": True, "default_config": True, "output_dir": "there"}
    with pytest.raises(click.UsageError, match="the folder there/my_service exists already"):
        cookiecutter(str(TEMPLATE), **call)
    assert list((here / "there" / "my_service").iterdir()) == []

    cookiecutter(str(TEMPLATE), **call, overwrite_if_exists=True)
    assert (here / "there" / "my_service" / "manage.py").exists()


def test_from_python(here: Path) -> None:
    with pytest.raises(click.UsageError) as refused:
        cookiecutter(str(TEMPLATE), None, True, {"web_threads": "0"}, default_config=True)
    assert str(refused.value) == (
        "web_threads must be a whole number from 1 to 1000, not '0'; accepted would be "
        "web_threads=1. To repeat all other answers: "
        f"cookiecutter {TEMPLATE} project_name='My Service' project_slug=my_service "
        "hosting_target=docker-compose database_limit=100 pooling=recommended server=wsgi "
        "web_instances=1 web_processes=2 web_threads=1"
    )
    assert list(here.iterdir()) == []
