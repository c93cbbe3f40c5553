"""The role that DEPLOY.md has an administrator make, made on a real server; and what Django's own
check of a deployment says with the environment of each deploy file."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections import Counter
from itertools import product
from pathlib import Path

import pytest
from combinations import LEGAL, Combination, plan_of
from conftest import QUESTIONS, TEMPLATE, Bake
from deploys import environment
from projects import environment as environment_of
from projects import install

from pgconnections_generator import facts
from pgconnections_generator.budget import Plan

VARIABLES = {
    "DATABASE_LIMIT": "database_limit",
    "OTHER_CONNECTIONS": "other_connections",
    "WEB_INSTANCES": "web_instances",
    "WEB_CONCURRENCY": "web_processes",
    "WEB_THREADS": "web_threads",
}
PASSWORD = "0123456789abcdef" * 4
MAKE = TEMPLATE / "tests" / "security" / "make_role.py"
CHECK = TEMPLATE / "tests" / "security" / "check_deploy.py"

# Those whose first role is an administrator, and who let it make others.
MADE = (
    *("aiven", "aws-aurora", "aws-rds", "azure", "digitalocean", "google-cloud"),
    *("neon", "railway", "supabase"),
)


def steps(deploy: str) -> str:
    """What DEPLOY.md has psql do, with the answers to its questions."""
    block = deploy.split("All of this may run again:\n\n")[1].split("\n\n")[0]
    lines = [line.strip() for line in block.splitlines()]
    assert all(lines)
    for number, line in enumerate(lines):
        if line.startswith(r"\password"):
            lines[number] = f"{line}\n{PASSWORD}\n{PASSWORD}"
        elif line.startswith(r"\prompt"):
            lines[number] = f"{line}\n{PASSWORD}"
    return "\n".join(lines) + "\n"


def deploy_of(bake: Bake, target: str) -> tuple[str, Plan]:
    answers = Combination(target, "none", "wsgi").answers()
    return (bake(**answers) / "DEPLOY.md").read_text(encoding="utf-8"), plan_of(answers)


@pytest.mark.parametrize("target", [each for each in MADE if each not in ("neon", "supabase")])
def test_the_statements_are_the_same_everywhere(bake: Bake, target: str) -> None:
    deploy, plan = deploy_of(bake, target)
    of_railway, other = deploy_of(bake, "railway")

    limit = f"CONNECTION LIMIT {plan.of_the_role};"
    assert steps(deploy).count(limit) == 1
    assert steps(deploy).replace(limit, f"CONNECTION LIMIT {other.of_the_role};") == steps(
        of_railway
    )


@pytest.fixture(scope="module")
def installed(bake: Bake, tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = tmp_path_factory.mktemp("roles") / "my_service"
    shutil.copytree(bake(**BEHIND_RAILWAYS), project)
    install(project, "5.2")
    return project


BEHIND_RAILWAYS = Combination("railway", "provider-pooler", "wsgi").answers()


@pytest.mark.parametrize(
    ("target", "administrator"),
    [
        ("railway", "administrator"),
        ("railway", "postgres"),
        ("supabase", "administrator"),
        ("neon", "administrator"),
    ],
)
def test_the_service_is_an_ordinary_role_that_owns_its_database(
    bake: Bake, installed: Path, target: str, administrator: str
) -> None:
    deploy, plan = deploy_of(bake, target)
    schema = target == "supabase"
    order = {
        "as": administrator,
        "steps": steps(deploy),
        "schema": schema,
        "database": "postgres" if schema else "my_service",
        "password": PASSWORD,
        "roads": ["DATABASE_URL", "DATABASE_UNPOOLED_URL"],
        "railway": target == "railway",
        # Neon takes no secret that is made on the client: all statements would have the password.
        "log": "ddl" if target == "neon" else "all",
        # The migrations see that the role may open the connections of the budget.
        "budget": {name: str(getattr(plan.answers, what)) for name, what in VARIABLES.items()},
    }

    done = subprocess.run(
        [installed / ".venv" / "bin" / "python", "-B", MAKE],
        cwd=installed,
        env=environment_of(installed, "5.2") | SETTINGS | {"PYTHONPATH": str(installed)},
        input=json.dumps(order),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    seen = json.loads(done.stdout)
    role = seen["role"]

    assert seen["owner"] == "my_service"
    assert role["rolconnlimit"] == plan.of_the_role
    powers = ("super", "createrole", "createdb", "replication", "bypassrls")
    assert [power for power in powers if role[f"rol{power}"]] == []
    assert seen["member of"] == 0
    assert any("statement_timeout" in setting for setting in role["rolconfig"])
    assert seen["tables"] > 5, seen["errors"]
    assert seen["behind Railway's"] == ("my_service" if target == "railway" else None)
    assert "ALTER ROLE" in seen["log"] and "ALTER ROLE" in seen["statements"]
    assert PASSWORD not in seen["log"] + seen["statements"]


SETTINGS = {"SECRET_KEY": f"only-for-tests-{PASSWORD}", "ALLOWED_HOSTS": "localhost"}
# Where a role is made by the provider, or by a file of the project.
MADE_BY_OTHERS = (
    *("crunchy-bridge", "docker-compose", "fly", "heroku", "kubernetes", "planetscale", "render"),
)
POOLINGS = ("none", "pgbouncer", "provider-pooler")


@pytest.mark.parametrize(
    "combination",
    [each for each in LEGAL if each.server == "wsgi" and each.pooling in POOLINGS],
    ids=lambda each: each.id,
)
def test_no_service_logs_in_as_the_administrator(bake: Bake, combination: Combination) -> None:
    project, target = bake(**combination.answers()), combination.hosting_target
    deploy = (project / "DEPLOY.md").read_text(encoding="utf-8")
    files = facts.hosting(target)["deploy"]["files"]
    texts = [path.read_text("utf-8") for name in files if (path := project / name).is_file()]
    administrators = "postgres|doadmin|avnadmin|dbadmin|neondb_owner"

    assert target in (*MADE, *MADE_BY_OTHERS)
    assert ("CREATE ROLE my_service LOGIN" in deploy) == (target in MADE)
    for text in (deploy, *texts):
        assert re.findall(rf"://(?:{administrators})\b", text) == []
        # Nor by a reference to the URL that the host has for the administrator.
        assert target not in MADE or not re.search(r"\b\w*URL: preserve|\.\w*_URL\}", text)
    assert "--inherited-roles" not in deploy
    assert "0.0.0.0/0 --port 5432" not in deploy and "--public-access 0.0.0.0" not in deploy


@pytest.mark.parametrize("pooling", ["none", "provider-pooler"])
def test_the_account_of_google_is_narrow(bake: Bake, pooling: str) -> None:
    project = bake(**Combination("google-cloud", pooling, "wsgi").answers())
    deploy = (project / "DEPLOY.md").read_text(encoding="utf-8")

    assert "compute@developer.gserviceaccount.com" not in deploy
    of_the_project = re.findall(r"gcloud projects add-iam-policy-binding .*\\\n +(.+)", deploy)
    assert len(of_the_project) == deploy.count("projects add-iam-policy-binding")
    assert all("resource.name == " in condition for condition in of_the_project)
    for name in ("service.yaml", "migrate.yaml"):
        assert "serviceAccountName: my-service-service@" in (project / name).read_text("utf-8")


CERTIFICATE = "-----BEGIN CERTIFICATE-----\nonly for tests\n-----END CERTIFICATE-----\n"


def deployed() -> list[Combination]:
    """Each target with each server; and of its ways to pool, one that this server had least."""
    chosen: list[Combination] = []
    for target, server in product(QUESTIONS["hosting_target"], QUESTIONS["server"]):
        had = Counter(each.pooling for each in chosen if each.server == server)
        ways = [
            each
            for each in LEGAL
            if (each.hosting_target, each.server) == (target, server)
            and each.pooling != "recommended"
        ]
        chosen.append(min(ways, key=lambda each: had[each.pooling]))
    return chosen


def settings_of(project: Path, combination: Combination) -> dict[str, str]:
    """What the deploy files set, and in place of what the host knows, an example."""
    target, plan = facts.hosting(combination.hosting_target), plan_of(combination.answers())
    said = {
        name: min(values)
        for name, values in environment(project, facts.deploy_files(plan, target)).items()
        if not any("$" in value for value in values)
    }
    urls = dict.fromkeys(facts.roads(plan, target)["all"], "postgres://a:b@localhost:5432/c")
    own = {"SECRET_KEY": os.urandom(32).hex(), "DATABASE_CA_CERT": CERTIFICATE}
    return SETTINGS | said | urls | own | {"DJANGO_SETTINGS_MODULE": "config.settings"}


def said_of(
    combinations: list[Combination], more: tuple[str, ...], bake: Bake, folder: Path
) -> dict[str, str]:
    """What the check says of each, with the packages of the first one and more."""
    project = folder / "my_service"
    shutil.copytree(bake(**combinations[0].answers()), project)
    install(project, "5.2", *more)
    order = []
    for each in combinations:
        rendered = bake(**each.answers())
        order.append((each.id, str(rendered), settings_of(rendered, each)))
    order.append(("plain HTTP", order[0][1], order[0][2] | {"HTTPS_ONLY": "0"}))
    done = subprocess.run(
        [project / ".venv" / "bin" / "python", "-B", CHECK],
        env=environment_of(project, "5.2"),
        input=json.dumps(order),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    said = dict(map(json.loads, done.stdout.splitlines()))
    assert "security.W004" in said.pop("plain HTTP")
    return said


def test_djangos_check_of_a_deployment_has_nothing_to_say(bake: Bake, tmp_path: Path) -> None:
    combinations = deployed()
    every = {(each.pooling, each.server) for each in LEGAL if each.pooling != "recommended"}
    assert {(each.pooling, each.server) for each in combinations} == every
    # It wants another SQLAlchemy than the other.
    older = [each for each in combinations if each.pooling == "django-postgrespool2"]
    newer = [each for each in combinations if each not in older]
    more = ("psycopg-pool", "django-db-connection-pool[psycopg3]", "certifi")

    said = said_of(newer, more, bake, tmp_path / "newer")
    said |= said_of(older, ("certifi",), bake, tmp_path / "older")

    # Those of HSTS for domains beside this one, of which the settings say why.
    silent = "System check identified no issues (2 silenced).\n"
    assert len(said) == len(combinations) > 3 * 15
    assert {name: text for name, text in said.items() if text != silent} == {}
