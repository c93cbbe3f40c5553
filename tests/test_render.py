"""What is rendered, for every legal combination of choices, without running it."""

from __future__ import annotations

import ast
import json
import re
import shlex
import subprocess
import sys
import tomllib
import warnings
from collections import Counter
from collections.abc import Callable
from configparser import ConfigParser
from pathlib import Path, PurePosixPath
from typing import Any

import click
import pytest
import yaml
from check_jsonschema.builtin_schemas import get_builtin_schema
from combinations import ILLEGAL, LEGAL, Combination, all_rows, pairwise, plan_of, resolved
from conftest import QUESTIONS, TEMPLATE, Bake
from cookiecutter.main import cookiecutter
from jinja2 import Environment
from jsonschema.protocols import Validator
from jsonschema.validators import validator_for
from packaging.requirements import Requirement
from renderings import EVERY_RENDERING, RENDERINGS, files_of_the_template

from pgconnections_generator import facts
from pgconnections_generator.jinja import variables
from pgconnections_generator.names import DEVICES
from pgconnections_generator.refusals import VARIABLES
from pgconnections_generator.template import PROJECT
from pgconnections_generator.texts import budget_rows

Answers = dict[str, str | int]


def files(project: Path) -> list[Path]:
    return sorted(path for path in project.rglob("*") if path.is_file())


# --- every file by itself ----------------------------------------------------------------------


def parse_python(text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # an invalid escape sequence
        compile(ast.parse(text, feature_version=(3, 11)), "rendered", "exec")


def parse_ini(text: str) -> None:
    ConfigParser(interpolation=None).read_string(text)


def parse_requirements(text: str) -> None:
    for line in text.replace("\\\n", "").splitlines():
        requirement, *hashes = line.split("--hash=")
        assert str(Requirement(requirement).specifier).startswith("==") and hashes


def parse_procfile(text: str) -> dict[str, list[str]]:
    """The command of each process type."""
    lines = [re.fullmatch(r"([a-z]+): (\S.*)", line).groups() for line in text.splitlines()]
    processes = {name: shlex.split(command) for name, command in lines}
    assert len(processes) == len(lines)
    return processes


def parse_yaml(text: str) -> None:
    assert all(isinstance(document, dict) for document in yaml.safe_load_all(text))


def parse_shell(text: str) -> None:
    done = subprocess.run(["sh", "-n"], input=text, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


PARSERS: dict[str, Callable[[str], Any]] = {
    ".ini": parse_ini,
    ".json": json.loads,
    ".py": parse_python,
    ".sh": parse_shell,
    ".toml": tomllib.loads,
    ".txt": parse_requirements,
    ".yaml": parse_yaml,
    ".yml": parse_yaml,
    "Procfile": parse_procfile,
}


@EVERY_RENDERING
def test_every_file_parses(bake: Bake, answers: Answers) -> None:
    for path in files(bake(**answers)):
        if parse := PARSERS.get(path.suffix or path.name):
            try:
                parse(path.read_text(encoding="utf-8"))
            except Exception as error:
                pytest.fail(f"{path.name}: {error!r}")


@EVERY_RENDERING
def test_names_are_quoted(bake: Bake, answers: Answers) -> None:
    project, name = bake(**answers), resolved(answers)["project_name"]

    assert tomllib.loads((project / "pyproject.toml").read_text())["project"]["description"] == name
    if (app := project / "app.json").exists():
        assert json.loads(app.read_text())["name"] == name[:30].strip()


@pytest.mark.parametrize("command", [["check"], ["format", "--check", "--diff"]], ids=" ".join)
def test_ruff_finds_nothing(bake: Bake, command: list[str]) -> None:
    """In one run for all renderings, each with the settings in its own pyproject.toml."""
    folders = {str(bake(**each.values[0])): each.id for each in RENDERINGS}
    ruff = [sys.executable, "-m", "ruff", *command, "--no-cache", *folders]
    done = subprocess.run(ruff, capture_output=True, text=True)

    said = done.stdout + done.stderr
    for folder, name in folders.items():
        said = said.replace(folder, str(name))
    assert done.returncode == 0, said


@EVERY_RENDERING
def test_no_stray_blanks(bake: Bake, answers: Answers) -> None:
    for path in files(bake(**answers)):
        text = path.read_bytes().decode()
        assert "\r" not in text, path
        assert not re.search(r"[ \t]$", text, re.MULTILINE), path
        assert not text.startswith("\n"), path
        assert not text or re.search(r"[^\n]\n\Z", text), path
        assert "\n" * (4 if path.suffix == ".py" else 3) not in text, path


@EVERY_RENDERING
def test_no_tag_of_the_template_is_left(bake: Bake, answers: Answers) -> None:
    project = bake(**answers)
    for path in project.rglob("*"):
        assert not re.search(r"\{[{%#]|[%#]\}", path.name), path
    for path in files(project):
        # ${{ }} is an expression of GitHub Actions, and ${#name} one of the shell.
        found = re.search(r"(?<!\$)\{[{%#]|[%#]\}", path.read_text(encoding="utf-8"))
        assert not found, f"{path}: {found}"


# --- the names of the files --------------------------------------------------------------------


def refused_by_windows(path: str) -> bool:
    return any(
        re.search(r'[<>:"|?*\\\x00-\x1f]|[. ]$', part)
        or part.split(".")[0].strip().lower() in DEVICES
        for part in PurePosixPath(path).parts
    )


def test_refused_by_windows() -> None:
    refused = ["a<b", "a/b:c", 'a"', "what?", "a.", "a /b", "con", "a/AUX.py", "lpt1.tar.gz"]

    assert all(map(refused_by_windows, refused))
    assert not any(
        map(refused_by_windows, ["a/.env", "console.py", "{% if a == 'b' %}c{% endif %}"])
    )


def test_windows_can_check_out_the_template() -> None:
    names = files_of_the_template()

    assert [name for name in names if refused_by_windows(name)] == []
    assert len({name.lower() for name in names}) == len(names)
    # 260 in total, of which the user's folder and .cookiecutters need some.
    assert max(map(len, names)) <= 160


@EVERY_RENDERING
def test_windows_accepts_the_names(bake: Bake, answers: Answers) -> None:
    project = bake(**answers)
    names = [path.relative_to(project).as_posix() for path in project.rglob("*")]

    assert [name for name in names if refused_by_windows(name)] == []
    assert len({name.lower() for name in names}) == len(names)


@EVERY_RENDERING
def test_no_folder_is_empty(bake: Bake, answers: Answers) -> None:
    folders = [path for path in bake(**answers).rglob("*") if path.is_dir()]

    assert [folder for folder in folders if not any(folder.iterdir())] == []


# --- which files -------------------------------------------------------------------------------


def compose(answers: Answers) -> bool:
    return answers["hosting_target"] == "docker-compose"


def heroku(answers: Answers) -> bool:
    return answers["hosting_target"] == "heroku"


def asgi(answers: Answers) -> bool:
    return answers["server"] == "asgi"


def behind_a_pooler(answers: Answers) -> bool:
    return answers["pooling"] in ("pgbouncer", "provider-pooler")


def behind_transactions(answers: Answers) -> bool:
    """Behind a pooler in transaction mode."""
    pooler = facts.hosting(answers["hosting_target"]).get("provider_pooler")
    mode = pooler["pool_mode"]["value"] if pooler else None
    return answers["pooling"] == "pgbouncer" or (
        answers["pooling"] == "provider-pooler" and mode == "transaction"
    )


def with_own_backend(answers: Answers) -> bool:
    return answers["pooling"] in ("persistent", "psycopg-pool") or behind_a_pooler(answers)


def with_a_pool(answers: Answers) -> bool:
    """Of psycopg, in each process."""
    return answers["pooling"] == "psycopg-pool" or (behind_a_pooler(answers) and asgi(answers))


def pgbouncer_started_by(*ways: str) -> Callable[[Answers], bool]:
    """Whether there is a PgBouncer of our own, started in one of these ways."""
    return lambda answers: (
        answers["pooling"] == "pgbouncer"
        and facts.hosting(answers["hosting_target"])["pgbouncer"]["started_by"] in ways
    )


def known_tls(answers: Answers) -> bool:
    return "sslmode" in facts.hosting(answers["hosting_target"])


# Each file that only some of the projects have, besides deploy files, and the answers that ask for
# it. `pooling` is never "recommended" here.
CONDITIONAL: dict[str, Callable[[Answers], bool]] = {
    "pgconnections/apps.py": behind_transactions,
    "pgconnections/backend/asgi_bodies.py": asgi,
    "pgconnections/backend/asking.py": with_own_backend,
    "pgconnections/backend/base.py": with_own_backend,
    "pgconnections/backend/checks.py": behind_transactions,
    "pgconnections/backend/patience.py": with_own_backend,
    "pgconnections/backend/event_loop.py": lambda answers: answers["server"] != "wsgi-gunicorn",
    "pgconnections/backend/wsgi_bodies.py": lambda answers: answers["server"] == "wsgi-gunicorn",
    "pgconnections/backend/wsgi_environ.py": lambda answers: answers["server"] == "wsgi",
    "pgconnections/backend/wsgi_threads.py": lambda answers: answers["server"] == "wsgi",
    "pgconnections/backend/queue_pool.py": lambda answers: (
        answers["pooling"] in ("django-db-connection-pool", "django-postgrespool2")
    ),
    "pgconnections/backend/reset.py": lambda answers: answers["pooling"] != "none",
    "pgconnections/backend/streams.py": lambda answers: (
        asgi(answers) or "pool" in answers["pooling"].replace("provider-pooler", "")
    ),
    "pgconnections/bounded/base.py": lambda answers: asgi(answers) and answers["pooling"] == "none",
    "pgconnections/pooled/attempts.py": with_a_pool,
    "pgconnections/pooled/base.py": with_a_pool,
    "pgconnections/pgbouncer.py": pgbouncer_started_by("command", "sidecar"),
    "pgconnections/pgbouncer_ini.py": pgbouncer_started_by("service"),
    "pgconnections/postgrespool2/base.py": lambda answers: (
        answers["pooling"] == "django-postgrespool2"
    ),
    "pgconnections/sidecar.py": pgbouncer_started_by("sidecar"),
    "pgconnections/sqlalchemy_pool/base.py": lambda answers: (
        answers["pooling"] == "django-db-connection-pool"
    ),
    "pgconnections/tls.py": known_tls,
    "pgconnections/with_pgbouncer.py": pgbouncer_started_by("command"),
    "role.sql": lambda answers: answers["hosting_target"] not in ("docker-compose", "kubernetes"),
    "tests/get-pgbouncer.sh": behind_a_pooler,
    "tests/pooler.py": behind_a_pooler,
    "tests/test_connections.py": lambda answers: not behind_a_pooler(answers),
    "tests/test_pooler.py": behind_a_pooler,
    "tests/test_waiting.py": lambda answers: answers["server"] != "wsgi-gunicorn",
}


def names_in_the_template() -> list[str]:
    """The paths of the files, with the conditions in them."""
    folder = PROJECT.name + "/"
    return [name[len(folder) :] for name in files_of_the_template() if name.startswith(folder)]


def test_conditional_files_are_known() -> None:
    conditional = [name for name in names_in_the_template() if "{%" in name]
    deploy_files = set()
    for target in QUESTIONS["hosting_target"]:
        data = facts.hosting(target)
        deploy_files |= {*data["deploy"]["files"], *data["pgbouncer"].get("files", [])}

    names = {re.sub(r"\{%.*?%\}", "", name) for name in conditional}
    assert names == set(CONDITIONAL) | deploy_files


@EVERY_RENDERING
def test_no_file_is_missing_or_too_many(bake: Bake, answers: Answers) -> None:
    project = bake(**answers)
    plan = plan_of(answers)
    chosen = resolved(answers) | {"pooling": plan.pooling}
    always = {name for name in names_in_the_template() if "{%" not in name}
    asked_for = {name for name, condition in CONDITIONAL.items() if condition(chosen)}
    target = facts.hosting(chosen["hosting_target"])
    deploy_files = set(facts.deploy_files(plan, target))

    rendered = {path.relative_to(project).as_posix() for path in files(project)}
    expected = always | asked_for | deploy_files
    assert (rendered - expected, expected - rendered) == (set(), set()), "too many, missing"


@EVERY_RENDERING
def test_no_file_is_rendered_twice(answers: Answers) -> None:
    """Cookiecutter would let the later of two files win, and say nothing."""
    chosen = resolved(answers)
    seen = {"cookiecutter": chosen, **variables(chosen)}
    names = [Environment().from_string(name).render(seen) for name in names_in_the_template()]

    # A condition that does not hold leaves the name of the folder alone.
    times = Counter(name for name in names if name and not name.endswith("/"))
    assert [name for name in times if times[name] > 1] == []


@pytest.mark.parametrize(
    "combination",
    [each for each in LEGAL if each.pooling == "recommended"],
    ids=lambda each: each.id,
)
def test_recommended_renders_what_it_resolves_to(bake: Bake, combination: Combination) -> None:
    """Only the reason is another one, in README.md."""
    recommended = combination.answers()
    pooling = plan_of(recommended).pooling
    assert pooling != "recommended"

    mine, same = bake(**recommended), bake(**{**recommended, "pooling": pooling})
    for path in files(mine):
        if path.name != "README.md":
            assert path.read_bytes() == (same / path.relative_to(mine)).read_bytes(), path


# --- what the files say ------------------------------------------------------------------------


APPLICATIONS = {
    "wsgi": '"pgconnections.backend.wsgi_threads:application(',
    "wsgi-gunicorn": '"pgconnections.backend.wsgi_bodies:application(',
    "asgi": '"pgconnections.backend.asgi_bodies:application(',
}


@EVERY_RENDERING
def test_deploy_files_start_the_server(bake: Bake, answers: Answers) -> None:
    project = bake(**answers)
    module = (project / "pgconnections" / "serve.py").read_text()
    assert APPLICATIONS[resolved(answers)["server"]] in module

    for name in ("Dockerfile", "Procfile", "render.yaml", "dev.py", "tests/service.py"):
        path = project / name
        if path.exists() and "runtime: docker" not in path.read_text():
            assert len(re.findall(r"-m\W+pgconnections\.serve\b", path.read_text())) == 1, name


@pytest.fixture(scope="module")
def compose_spec() -> Validator:
    schema = get_builtin_schema("vendor.compose-spec")
    return validator_for(schema)(schema)


@EVERY_RENDERING
def test_compose_file_is_valid(bake: Bake, answers: Answers, compose_spec: Validator) -> None:
    project = bake(**answers)
    found = [path for path in project.rglob("compose.yaml")]
    assert len(found) == compose(resolved(answers))

    for path in found:
        errors = compose_spec.iter_errors(yaml.safe_load(path.read_text(encoding="utf-8")))
        assert [f"{error.json_path}: {error.message}" for error in errors] == []


def variables_of(plan: Any) -> dict[str, str]:
    """The environment variables that the rendered project reads, and the numbers of the plan."""
    return {variable: str(getattr(plan.answers, name)) for name, variable in VARIABLES.items()}


def default(text: str) -> str:
    """What a variable of a compose file is when the environment does not set it."""
    return re.search(r"\$\{[A-Z_]+:-([^{}]*)\}", text)[1]


@EVERY_RENDERING
def test_numbers_of_the_compose_file(bake: Bake, answers: Answers) -> None:
    project, plan = bake(**answers), plan_of(answers)
    if not compose(resolved(answers)):
        assert not (project / "compose.yaml").exists()
        return
    services = yaml.safe_load((project / "compose.yaml").read_text(encoding="utf-8"))["services"]
    numbers = variables_of(plan)

    for service in ("migrate", "web"):
        environment = services[service]["environment"]
        # Fixed, as the ports are.
        assert environment["WEB_INSTANCES"] == plan.answers.web_instances
        others = numbers.keys() - {"WEB_INSTANCES"}
        assert {name: default(environment[name]) for name in others} == {
            name: numbers[name] for name in others
        }
    max_connections = services["db"]["command"][-1]
    assert max_connections.startswith("max_connections=${DATABASE_LIMIT:-")
    assert default(max_connections) == numbers["DATABASE_LIMIT"]
    instances = plan.answers.web_instances
    assert services["web"]["deploy"]["replicas"] == instances
    ports = re.fullmatch(r"127\.0\.0\.1:(\d+)(?:-(\d+))?:8000", services["web"]["ports"][0])
    assert int(ports[2] or ports[1]) - int(ports[1]) + 1 == instances


@EVERY_RENDERING
def test_numbers_of_app_json(bake: Bake, answers: Answers) -> None:
    project, plan = bake(**answers), plan_of(answers)
    if not heroku(resolved(answers)):
        assert not (project / "app.json").exists()
        return
    app = json.loads((project / "app.json").read_text(encoding="utf-8"))
    numbers = variables_of(plan)
    if plan.pooling == "pgbouncer":
        # One PgBouncer in each dyno.
        assert plan.poolers == plan.answers.instances_at_once
        numbers["PGBOUNCER_DEFAULT_POOL_SIZE"] = str(plan.pool_size)
        numbers["PGBOUNCER_RESERVE_POOL_SIZE"] = "0"
        numbers["PGBOUNCER_MAX_CLIENT_CONN"] = str(plan.max_client_conn)
        assert int(app["env"]["PGBOUNCER_QUERY_WAIT_TIMEOUT"]["value"]) < web_timeout(project)

    assert {name: app["env"][name]["value"] for name in numbers} == numbers
    assert ("PGBOUNCER_DEFAULT_POOL_SIZE" in app["env"]) == (plan.pooling == "pgbouncer")
    assert app["formation"] == {"web": {"quantity": plan.answers.web_instances}}
    offers = sorted(
        (offer["connections"], offer.get("add_on"))
        for offer in facts.hosting("heroku")["plans"]
        if offer["connections"] >= plan.answers.database_limit
        and (plan.pooling != "provider-pooler" or "provider_pooler" in offer)
    )
    add_on = offers[0][1] if offers else None
    assert app.get("addons") == ([add_on] if add_on else None)


@EVERY_RENDERING
def test_numbers_of_pgbouncer_ini(bake: Bake, answers: Answers) -> None:
    project, plan = bake(**answers), plan_of(answers)
    if not compose(resolved(answers)) or plan.pooling != "pgbouncer":
        assert not (project / "pgbouncer").exists()
        return
    ini = ConfigParser(interpolation=None)
    ini.read(project / "pgbouncer" / "pgbouncer.ini")
    settings = ini["pgbouncer"]

    assert plan.poolers == 1
    assert settings.getint("default_pool_size") == plan.pool_size
    assert settings.getint("max_db_connections") == plan.pool_size + plan.lookups == plan.budget
    assert settings.getint("reserve_pool_size") == 0
    assert settings.getint("max_client_conn") == plan.max_client_conn
    assert settings["pool_mode"] == "transaction"
    assert settings.getint("query_wait_timeout") < web_timeout(project)


def web_timeout(project: Path) -> int:
    """Seconds after which gunicorn ends a worker that does not answer."""
    source = (project / "gunicorn.conf.py").read_text(encoding="utf-8")
    return int(re.search(r"^timeout = (\d+)$", source, re.MULTILINE)[1])


@EVERY_RENDERING
def test_numbers_of_the_readme(bake: Bake, answers: Answers) -> None:
    project, plan = bake(**answers), plan_of(answers)
    text = (project / "README.md").read_text(encoding="utf-8")
    numbers = variables_of(plan)

    for variable, number in numbers.items():
        said = re.findall(rf"`{variable}` \| (\d+)|\b{variable}=(\d+)", text)
        assert {"".join(each) for each in said} == {number}, variable
    for what, number, why in budget_rows(plan):
        assert f"| {what} | {number} | {why} |" in text


# --- the combinations --------------------------------------------------------------------------


@pytest.mark.parametrize(("combination", "why"), ILLEGAL.items(), ids=[each.id for each in ILLEGAL])
def test_illegal_pairs_are_refused(combination: Combination, why: str, tmp_path: Path) -> None:
    with pytest.raises(click.UsageError, match=re.escape(why)):
        cookiecutter(
            str(TEMPLATE),
            no_input=True,
            extra_context=combination.answers(),
            output_dir=str(tmp_path),
            default_config=True,
        )

    assert list(tmp_path.iterdir()) == []


def test_pairwise_covers_every_pair() -> None:
    rows = pairwise()

    assert len(rows) <= len(QUESTIONS["hosting_target"])
    assert len({row.id for row in rows}) == len(rows)
    assert set().union(*(row.pairs() for row in rows)) == set().union(
        *(row.pairs() for row in all_rows())
    )
