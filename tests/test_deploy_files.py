"""The deploy files: what each host says that they may contain, and the numbers of the plan."""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Required, Union, get_args, get_origin, get_type_hints

import kubernetes_validate
import pytest
import yaml
from azure.mgmt.appcontainers import models as azure_models
from azure.mgmt.appcontainers import types as azure_types
from botocore.session import Session
from botocore.validate import ParamValidator
from check_jsonschema.builtin_schemas import get_builtin_schema
from combinations import Combination, plan_of
from conftest import QUESTIONS, TEMPLATE, Bake
from deploys import documents, environment
from jsonschema.validators import validator_for
from projects import readme_commands
from renderings import EVERY_RENDERING, RENDERINGS

from pgconnections_generator import facts

Answers = dict[str, str | int]
Check = Callable[[Any], list[str]]

WORKFLOWS = sorted((TEMPLATE / ".github" / "workflows").iterdir())
AWS = ("aws-rds", "aws-aurora")


def of_targets(*targets: str) -> pytest.MarkDecorator:
    """The renderings of these hosting targets."""
    renderings = [each for each in RENDERINGS if each.values[0]["hosting_target"] in targets]
    return pytest.mark.parametrize("answers", renderings, scope="module")


def files_of(answers: Answers) -> list[str]:
    target = facts.hosting(answers["hosting_target"])
    return facts.deploy_files(plan_of(answers), target)


def at(document: Any, way: str) -> Any:
    """The value at a JSON pointer."""
    for step in way.split("/")[1:]:
        key = int(step) if isinstance(document, list) else step.replace("~1", "/")
        document = document[key]
    return document


def value(project: Path, place: str) -> Any:
    """The value at `file#/way/to/value`."""
    name, _, way = place.partition("#")
    return at(documents(project / name), way)


# --- what a host accepts -----------------------------------------------------------------------


def json_schema(contents: Any) -> Check:
    validator = validator_for(contents)(contents)
    validator.check_schema(contents)
    return lambda document: [
        f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)
    ]


def schema(name: str) -> Check:
    """A small closed schema of our own, where no package has the one of the host."""
    path = TEMPLATE / "tests" / "schemas" / f"{name}.json"
    return json_schema(json.loads(path.read_text(encoding="utf-8")))


ECS = Session().get_service_model("ecs")


def ecs(operation: str) -> Check:
    """What AWS's own library says of the parameters of this operation."""
    shape = ECS.operation_model(operation).input_shape
    return lambda document: (
        ParamValidator().validate(document, shape).generate_report().splitlines()
    )


def azure(kind: str) -> Check:
    """What the types of Azure's own library say."""
    return lambda document: list(misfits(document, getattr(azure_types, kind)))


@functools.cache
def keys_of(kind: Any) -> dict[str, Any]:
    # The module imports its enumerations for type checkers only.
    return get_type_hints(kind, vars(azure_models) | vars(azure_types), include_extras=True)


def misfits(value: Any, kind: Any, way: str = "$") -> Iterator[str]:
    if get_origin(kind) is Required:
        (kind,) = get_args(kind)
    origin, arguments = get_origin(kind), get_args(kind)
    if hasattr(kind, "__total__") and isinstance(value, dict):
        keys = keys_of(kind)
        missing = {name for name in keys if get_origin(keys[name]) is Required} - value.keys()
        yield from (f"{way}.{name} is missing" for name in missing)
        yield from (f"{way}.{name} is unknown" for name in value.keys() - keys.keys())
        for name in value.keys() & keys.keys():
            yield from misfits(value[name], keys[name], f"{way}.{name}")
    elif origin in (list, dict) and isinstance(value, origin):
        for key, each in value.items() if origin is dict else enumerate(value):
            yield from misfits(each, arguments[-1], f"{way}[{key}]")
    elif origin is Union:  # text, of which an enumeration has the known values
        if value not in (known := [each.value for each in arguments[-1]]):
            yield f"{way} is {value!r}, and not one of {known}"
    elif not isinstance(value, origin or kind):
        yield f"{way} is {value!r}, and not {kind}"


OLDEST_KUBERNETES = "1.30"
cloudnative_pg = schema("cloudnative-pg")


def kubernetes(every: Any) -> list[str]:
    """What the oldest version that DEPLOY.md promises says, and the newest that is known."""
    found = []
    for document in every if isinstance(every, list) else [every]:
        if document["apiVersion"].startswith("postgresql.cnpg.io/"):
            found += cloudnative_pg(document)
            continue
        for version in (OLDEST_KUBERNETES, kubernetes_validate.latest_version()):
            try:
                kubernetes_validate.validate(document, version, strict=True)
            except kubernetes_validate.ValidationError as error:
                found.append(f"{version}: {error.json_path}: {error.message}")
    return found


CHECKS: dict[tuple[str, str], Check] = {
    **{(aws, "migrate.json"): ecs("RunTask") for aws in AWS},
    **{(aws, "service.json"): ecs("CreateService") for aws in AWS},
    **{(aws, "task-definition.json"): ecs("RegisterTaskDefinition") for aws in AWS},
    ("azure", "containerapp.yaml"): azure("ContainerApp"),
    ("azure", "migrate.yaml"): azure("Job"),
    ("digitalocean", ".do/app.yaml"): schema("digitalocean"),
    ("fly", "fly.toml"): schema("fly"),
    ("google-cloud", "migrate.yaml"): schema("cloud-run"),
    ("google-cloud", "service.yaml"): schema("cloud-run"),
    ("heroku", "Procfile"): schema("procfile"),
    ("heroku", "app.json"): schema("heroku-app"),
    ("kubernetes", "kubernetes/database.yaml"): kubernetes,
    ("kubernetes", "kubernetes/migrate.yaml"): kubernetes,
    ("kubernetes", "kubernetes/web.yaml"): kubernetes,
    ("render", "render.yaml"): schema("render"),
}
# By another test, or plain text.
CHECKED_OTHERWISE = {
    *(
        ".checkov.yaml",
        ".dockerignore",
        ".python-version",
        ".railway/.gitignore",
        ".railway/railway.ts",
    ),
    *("Dockerfile", "compose.yaml", "deploy.env", "roles.sql"),
    *("pgbouncer/Dockerfile", "pgbouncer/pgbouncer.ini", "pgbouncer/start.sh"),
}


def test_every_deploy_file_is_checked() -> None:
    for target in QUESTIONS["hosting_target"]:
        data = facts.hosting(target)
        for name in (*data["deploy"]["files"], *data["pgbouncer"].get("files", [])):
            checked = ((target, name) in CHECKS, name in CHECKED_OTHERWISE)
            assert sum(checked) == 1, f"{name} of {target}: in CHECKS, or in CHECKED_OTHERWISE"


@of_targets(*(target for target, _ in CHECKS))
def test_deploy_files_are_valid(bake: Bake, answers: Answers) -> None:
    project = bake(**answers)
    for name in files_of(answers):
        if check := CHECKS.get((answers["hosting_target"], name)):
            assert check(documents(project / name)) == [], name


CONTAINER = "/properties/template/containers/0"
POOLER = "kubernetes/database.yaml#/1/spec/pgbouncer"
MISTAKES = [
    ("aws-rds", "service.json#/desiredcount", 2, "Unknown parameter in input"),
    ("aws-rds", "service.json#/desiredCount", "2", "Invalid type for parameter desiredCount"),
    ("aws-aurora", "migrate.json#/overrides/containerOverride", [], "Unknown parameter"),
    ("azure", "containerapp.yaml#/properties/maxReplicas", 2, "$.properties.maxReplicas is unk"),
    ("azure", f"containerapp.yaml#{CONTAINER}/probes/0/type", "Live", "is 'Live', and not one of"),
    ("azure", f"migrate.yaml#{CONTAINER}/env", {"A": "b"}, "and not list"),
    ("azure", "migrate.yaml#/properties/configuration", {}, "configuration.triggerType is missing"),
    ("digitalocean", ".do/app.yaml#/services/0/instances", 2, "'instances' was unexpected"),
    ("digitalocean", ".do/app.yaml#/services/0/envs/0/scope", "RUNTIME", "'RUNTIME' is not one"),
    ("fly", "fly.toml#/http_service/hard_limit", 8, "'hard_limit' was unexpected"),
    ("fly", "fly.toml#/kill_timeout", 301, "301 is greater than the maximum"),
    ("google-cloud", "service.yaml#/metadata/annotations/maxScale", "2", "'maxScale' was unexp"),
    ("google-cloud", "migrate.yaml#/spec/template/spec/maxRetries", 0, "'maxRetries' was unexp"),
    ("heroku", "Procfile#/migrate", "python manage.py migrate", "'migrate' was unexpected"),
    ("heroku", "app.json#/env/WEB_THREADS/value", 4, "4 is not of type 'string'"),
    ("heroku", "app.json#/name", 31 * "n", "is too long"),
    ("kubernetes", "kubernetes/database.yaml#/0/spec/instances", 0, "0 is less than the minimum"),
    ("kubernetes", f"{POOLER}/poolMode", "statement", "'statement' is not one of"),
    ("kubernetes", f"{POOLER}/parameters/pool_size", "9", "'pool_size' was unexpected"),
    ("kubernetes", "kubernetes/web.yaml#/0/spec/maxSurge", 1, "'maxSurge' was unexpected"),
    ("render", "render.yaml#/services/0/maxShutdownDelaySeconds", 301, "greater than the maximum"),
    ("render", "render.yaml#/services/0/numInstance", 2, "'numInstance' was unexpected"),
]


@pytest.mark.parametrize(("target", "place", "mistake", "problem"), MISTAKES)
def test_mistakes_are_found(
    bake: Bake, target: str, place: str, mistake: Any, problem: str
) -> None:
    name, _, way = place.partition("#")
    has_pooler = "provider_pooler" in facts.hosting(target)
    pooling = "provider-pooler" if has_pooler else "none"
    document = documents(bake(**Combination(target, pooling, "wsgi").answers()) / name)
    before, _, last = way.rpartition("/")
    at(document, before)[last] = mistake

    found = CHECKS[target, name](document)
    assert any(problem in each for each in found), found


def workflow(path: Path) -> dict[str, Any]:
    """The file, of which the schema finds nothing to say."""
    check = json_schema(get_builtin_schema("vendor.github-workflows"))
    contents = yaml.safe_load(path.read_text(encoding="utf-8"))
    contents["on"] = contents.pop(True)  # YAML 1.1 reads it as a truth value
    assert check(contents) == []
    assert check({**contents, "job": {}})
    return contents


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_of_the_template_are_valid(path: Path) -> None:
    assert workflow(path)


@pytest.mark.parametrize("pooling", ["persistent", "pgbouncer"])
def test_the_workflow_runs_the_test_command(bake: Bake, pooling: str) -> None:
    project = bake(pooling=pooling)
    tests = workflow(project / ".github" / "workflows" / "tests.yml")
    steps = tests["jobs"]["tests"]["steps"]
    actions = [step["uses"] for step in steps if "uses" in step]
    _, test_command = readme_commands(project)

    assert tests["permissions"] == {"contents": "read"}
    assert [step["run"] for step in steps if "run" in step] == [test_command]
    assert all(re.fullmatch(r"actions/[a-z-]+@v\d+\.\d+\.\d+", action) for action in actions)


def images(project: Path) -> list[str]:
    """The images that are not built here."""
    found = []
    for dockerfile in project.rglob("Dockerfile"):
        found += re.findall(r"^FROM (\S+)", dockerfile.read_text(encoding="utf-8"), re.MULTILINE)
    if (compose := project / "compose.yaml").exists():
        services = yaml.safe_load(compose.read_text(encoding="utf-8"))["services"].values()
        found += [
            service["image"]
            for service in services
            if service.get("pull_policy") != "build" and "image" in service
        ]
    return found


@EVERY_RENDERING
def test_images_are_pinned(bake: Bake, answers: Answers) -> None:
    floating = [image for image in images(bake(**answers)) if not re.search(r":\d+\.\d+", image)]

    assert floating == []


def test_files_are_readable_whatever_the_umask_of_the_clone(bake: Bake) -> None:
    project = bake(pooling="pgbouncer")
    web = (project / "Dockerfile").read_text(encoding="utf-8")
    pgbouncer = (project / "pgbouncer" / "Dockerfile").read_text(encoding="utf-8")

    assert web.index("COPY . .") < web.index("chmod -R a+rX .") < web.index("USER 10001")
    assert re.findall("^COPY (--chmod=644 )?", pgbouncer, re.MULTILINE) == ["--chmod=644 "]


# DL3008: Debian keeps only the newest version of a package, so a pinned one soon does not install.
HADOLINT = [Path(sysconfig.get_path("scripts"), "hadolint"), "--no-color", "--ignore=DL3008", "-"]


@functools.cache
def hadolint(dockerfile: str) -> str:
    """What it finds, at any level. Most renderings have the same Dockerfile as others."""
    done = subprocess.run(HADOLINT, input=dockerfile, capture_output=True, text=True)
    return done.stdout + done.stderr


@EVERY_RENDERING
def test_hadolint_finds_nothing(bake: Bake, answers: Answers) -> None:
    for dockerfile in bake(**answers).rglob("Dockerfile"):
        assert hadolint(dockerfile.read_text(encoding="utf-8")) == ""


def test_hadolint_finds_mistakes(bake: Bake) -> None:
    dockerfile = (bake() / "Dockerfile").read_text(encoding="utf-8")

    assert "DL3002" in hadolint(dockerfile.replace("USER 10001", "USER root"))
    assert "missing whitespace" in hadolint(dockerfile.replace("USER 10001", "USERS 10001"))


# --- the commands of DEPLOY.md ------------------------------------------------------------------


@EVERY_RENDERING
def test_prose_has_short_lines(bake: Bake, answers: Answers) -> None:
    lines = (bake(**answers) / "DEPLOY.md").read_text(encoding="utf-8").splitlines()

    assert [line for line in lines if len(line) > 120 and not line.startswith("    ")] == []


# What stands in for the commands of a host, and notes each of them. $MIGRATED is what became of the
# migrations.
HOST = r"""#!/bin/sh
echo "$(basename "$0") $*" >> "$LOG"
case "$(basename "$0") $*" in
    docker*"manage.py migrate") test "$MIGRATED" = 0 ;;
    kubectl\ get*) test "$MIGRATED" = 0 && echo SuccessCriteriaMet Complete || echo Failed ;;
    kubectl\ wait*) test "$MIGRATED" = 0 ;;
    aws*describe-tasks*) echo "$MIGRATED" ;;
esac
"""
# A command that starts the migrations, and those that take the new version into service.
STEPS = {
    "kubernetes": ("kubectl apply -f kubernetes/migrate.yaml", ["kubectl apply -f kubernetes/web"]),
    **dict.fromkeys(
        ("aiven", "crunchy-bridge", "neon", "planetscale", "supabase"),
        ("docker run --rm", ["docker stop", "docker rm", "docker run --detach"]),
    ),
    **dict.fromkeys(AWS, ("aws ecs run-task", ["aws ecs update-service"])),
}


@pytest.mark.parametrize("migrated", [0, 1])
@pytest.mark.parametrize("target", STEPS)
def test_a_failed_migration_leaves_the_old_version(
    bake: Bake, target: str, migrated: int, tmp_path: Path
) -> None:
    deploy = (bake(**Combination(target, "none", "wsgi").answers()) / "DEPLOY.md").read_text(
        "utf-8"
    )
    migrate, after = STEPS[target]
    # The last one: before it may be that of the first deploy.
    block = [each for each in deploy.split("\n\n") if re.search(rf"(^|[ (]){migrate}", each, re.M)]
    log = tmp_path / "log"
    for name in ("aws", "docker", "kubectl"):
        (tmp_path / name).write_text(HOST)
        (tmp_path / name).chmod(0o755)
    path = os.pathsep.join([str(tmp_path), os.environ["PATH"]])
    environment = os.environ | {"PATH": path, "LOG": str(log), "MIGRATED": str(migrated)}
    subprocess.run(["sh", "-c", block[-1]], env=environment, timeout=30)

    ran = log.read_text()
    assert migrate in ran
    assert [each for each in after if each in ran] == (after if migrated == 0 else [])


# --- the numbers of the plan -------------------------------------------------------------------

VARIABLES = {
    "DATABASE_LIMIT": "database_limit",
    "OTHER_CONNECTIONS": "other_connections",
    "WEB_INSTANCES": "web_instances",
    "WEB_CONCURRENCY": "web_processes",
    "WEB_THREADS": "web_threads",
}


@EVERY_RENDERING
def test_deploy_files_carry_the_budget(bake: Bake, answers: Answers) -> None:
    plan, found = plan_of(answers).answers, environment(bake(**answers), files_of(answers))

    expected = {variable: {str(getattr(plan, name))} for variable, name in VARIABLES.items()}
    assert {variable: found.get(variable) for variable in VARIABLES} == expected


# Where else a file has the number of instances, and of the requests at once that each serves.
SCALE = "containerapp.yaml#/properties/template/scale"
INSTANCES = {
    **dict.fromkeys(AWS, "service.json#/desiredCount"),
    "azure": f"{SCALE}/maxReplicas",
    "digitalocean": ".do/app.yaml#/services/0/instance_count",
    "google-cloud": "service.yaml#/metadata/annotations/run.googleapis.com~1maxScale",
    "heroku": "app.json#/formation/web/quantity",
    "railway": ".railway/railway.ts#/replicas",
    "render": "render.yaml#/services/0/numInstances",
}
REQUESTS = {
    "azure": f"{SCALE}/rules/0/http/metadata/concurrentRequests",
    "fly": "fly.toml#/http_service/concurrency/hard_limit",
    "google-cloud": "service.yaml#/spec/template/spec/containerConcurrency",
}
# Seconds from SIGTERM to SIGKILL.
GRACE = {
    **dict.fromkeys(AWS, "task-definition.json#/containerDefinitions/0/stopTimeout"),
    "azure": "containerapp.yaml#/properties/template/terminationGracePeriodSeconds",
    "digitalocean": ".do/app.yaml#/services/0/termination/grace_period_seconds",
    "docker-compose": "compose.yaml#/services/web/stop_grace_period",
    "fly": "fly.toml#/kill_timeout",
    "railway": ".railway/railway.ts#/RAILWAY_DEPLOYMENT_DRAINING_SECONDS",
    "render": "render.yaml#/services/0/maxShutdownDelaySeconds",
}


# The command that starts the web server everywhere.
SERVE = ["python", "-m", "pgconnections.serve"]


def graceful_timeout(project: Path) -> int:
    source = (project / "gunicorn.conf.py").read_text(encoding="utf-8")
    return int(re.search(r"^graceful_timeout = (\d+)$", source, re.MULTILINE)[1])


# The probes of liveness, and what a field is called there.
LIVENESS = {
    "azure": (
        "containerapp.yaml#/properties/template/containers/0/probes/0",
        "periodSeconds",
        "failureThreshold",
    ),
    "digitalocean": (
        ".do/app.yaml#/services/0/liveness_health_check",
        "period_seconds",
        "failure_threshold",
    ),
    "google-cloud": (
        "service.yaml#/spec/template/spec/containers/0/livenessProbe",
        "periodSeconds",
        "failureThreshold",
    ),
}
READINESS = {
    "azure": (
        "containerapp.yaml#/properties/template/containers/0/probes/1",
        "periodSeconds",
        "failureThreshold",
    ),
    "digitalocean": (
        ".do/app.yaml#/services/0/health_check",
        "period_seconds",
        "failure_threshold",
    ),
}


def statement_timeout(project: Path) -> int:
    """Seconds that a query of the service may take."""
    sql = "".join(path.read_text("utf-8") for path in project.glob("role*.sql"))
    sql += "".join(path.read_text("utf-8") for path in project.glob("kubernetes/database.yaml"))
    return int(re.search(r"statement_timeout = '(\d+)s'", sql)[1])


@of_targets(*LIVENESS)
def test_a_busy_instance_is_not_replaced(bake: Bake, answers: Answers) -> None:
    """A probe needs no thread, or is more patient than all that a thread may wait for."""
    project, target = bake(**answers), answers["hosting_target"]
    place, period, failures = LIVENESS[target]
    probe = value(project, place)

    without_a_thread = "tcpSocket" in probe or answers.get("server") != "wsgi-gunicorn"
    patience = probe[period] * probe[failures]
    assert patience >= 60 if without_a_thread else patience >= 4 * (12 + statement_timeout(project))
    if place := READINESS.get(target):
        probe = value(project, place[0])
        # CONN_PATIENCE, in which requests wait for a database that restarts, and one attempt more.
        assert probe[place[1]] * (probe[place[2]] - 1) >= 10 + 5


@of_targets(*INSTANCES, *REQUESTS, *GRACE)
def test_numbers_of_the_deploy_files(bake: Bake, answers: Answers) -> None:
    project, target, plan = bake(**answers), answers["hosting_target"], plan_of(answers).answers

    if place := INSTANCES.get(target):
        assert int(value(project, place)) == plan.web_instances
    if place := REQUESTS.get(target):
        assert int(value(project, place)) == plan.web_processes * plan.web_threads
    if place := GRACE.get(target):
        assert int(str(value(project, place)).removesuffix("s")) > graceful_timeout(project)


# Where the environment of the migrations is; else it is not in a file, or has no values there.
MIGRATIONS = {
    **dict.fromkeys(AWS, "task-definition.json#/containerDefinitions/0/secrets"),
    "azure": f"migrate.yaml#{CONTAINER}/env",
    "digitalocean": ".do/app.yaml#/jobs/0/envs",
    "docker-compose": "compose.yaml#/services/migrate/environment",
    "google-cloud": "migrate.yaml#/spec/template/spec/template/spec/containers/0/env",
    "kubernetes": "kubernetes/migrate.yaml#/spec/template/spec/containers/0/env",
    "render": "render.yaml#/services/0/envVars",
}


@of_targets(*(set(QUESTIONS["hosting_target"]) - {"heroku"}))  # whose add-on sets DATABASE_URL
def test_migrations_take_the_direct_road(bake: Bake, answers: Answers) -> None:
    project, target, plan = bake(**answers), answers["hosting_target"], plan_of(answers)
    roads = facts.roads(plan, facts.hosting(target))
    if target not in MIGRATIONS:
        texts = [(project / name).read_text("utf-8") for name in (*files_of(answers), "DEPLOY.md")]
        names = "|".join(roads["direct"])
        assert re.search(rf"\b({names})\b", "".join(texts)), f"no deploy file names {names}"
        return
    found = value(project, MIGRATIONS[target])
    if isinstance(found, list):
        found = {each.get("name", each.get("key")): each for each in found}

    direct = json.dumps(found[next(name for name in roads["direct"] if name in found)])
    assert not re.search("pool|pgbouncer", direct, re.IGNORECASE)
    if plan.pooling == "provider-pooler":
        assert direct != json.dumps(found[roads["pooled"][0]])


@of_targets("azure", "google-cloud", "kubernetes")
def test_migrations_see_the_budget_of_the_web(bake: Bake, answers: Answers) -> None:
    """Where their environment is not that of the web: they compare the roles with it."""
    environment = value(bake(**answers), MIGRATIONS[answers["hosting_target"]])
    found = {each["name"]: each.get("value") for each in environment}

    plan = plan_of(answers).answers
    budget = {variable: str(getattr(plan, name)) for variable, name in VARIABLES.items()}
    assert {variable: found.get(variable) for variable in VARIABLES} == budget


@of_targets(*QUESTIONS["hosting_target"])
def test_pgbouncer_is_started(bake: Bake, answers: Answers) -> None:
    """By what the data file says; else the budget would count on a PgBouncer that nobody starts."""
    plan = plan_of(answers)
    if plan.pooling != "pgbouncer":
        return
    project, target = bake(**answers), facts.hosting(answers["hosting_target"])
    match target["pgbouncer"]["started_by"]:
        case "command":
            assert value(project, "Dockerfile#/CMD") == [
                "python",
                "-m",
                "pgconnections.with_pgbouncer",
                *SERVE,
            ]
        case "host":
            assert value(project, target["deploy"]["start"]).endswith(
                f"pgbouncer {' '.join(SERVE)}"
            )
        case "service":
            assert value(project, "compose.yaml#/services/pgbouncer/build") == "pgbouncer"
        case "sidecar":
            sidecar = kinds(project)["Deployment"]["template"]["spec"]["initContainers"][0]
            assert sidecar["restartPolicy"] == "Always"
            assert sidecar["command"] == ["python", "-m", "pgconnections.sidecar"]
            assert "SECRET_KEY" not in {each["name"] for each in sidecar["env"]}
            assert value(project, "Dockerfile#/CMD") == SERVE


# MiB of memory that Fargate allows for these CPU units, in steps of 1024: from, to.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html
FARGATE = {"512": (1024, 4096), "1024": (2048, 8192), "2048": (4096, 16384)}


@of_targets(*AWS)
def test_numbers_of_ecs(bake: Bake, answers: Answers) -> None:
    project, plan = bake(**answers), plan_of(answers).answers
    task = documents(project / "task-definition.json")
    least, most = FARGATE[task["cpu"]]
    at_once = value(project, "service.json#/deploymentConfiguration/maximumPercent")

    assert int(task["memory"]) in range(least, most + 1, 1024)
    assert at_once <= plan.overlap_percent


def kinds(project: Path) -> dict[str, Any]:
    """The documents of Kubernetes by their kind; of two PodDisruptionBudgets, the last."""
    return {
        document["kind"]: document["spec"]
        for path in (project / "kubernetes").iterdir()
        for document in yaml.safe_load_all(path.read_text(encoding="utf-8"))
    }


def pods_at_once(replicas: int, surge: int, unavailable: int) -> int:
    """With those that are ending, which Kubernetes does not count. The next step of a rollout waits
    until they are gone (minReadySeconds); where one step is all, none is next."""
    return replicas + surge + (surge + unavailable if replicas > surge else 0)


@pytest.mark.parametrize("instances", [1, 2, 3, 4, 5, 8, 9, 12, 16, 40])
def test_a_rollout_of_kubernetes_stays_inside_the_budget(bake: Bake, instances: int) -> None:
    answers = {"hosting_target": "kubernetes", "database_limit": 5_000, "web_instances": instances}
    found, at_once = kinds(bake(**answers)), plan_of(answers).answers.instances_at_once
    update = found["Deployment"]["strategy"]["rollingUpdate"]

    assert pods_at_once(instances, update["maxSurge"], update["maxUnavailable"]) <= at_once
    if instances > 1:  # the default of Kubernetes does not
        assert pods_at_once(instances, -(-instances // 4), instances // 4) > at_once


@EVERY_RENDERING
def test_the_chain_of_times(bake: Bake, answers: Answers) -> None:
    """As the README of the project has it, and with the numbers that are in the files."""
    project, target = bake(**answers), answers["hosting_target"]
    text = (project / "README.md").read_text("utf-8").split("## Times")[1].split("## ")[0]
    rows = re.findall(r"^\| (?:a )?(\w+)[^|]* \| (\d+) \|", text, re.MULTILINE)
    seconds = {what: int(number) for what, number in rows}
    settings = (project / "pgconnections" / "settings.py").read_text("utf-8")
    address = (project / "pgconnections" / "backend" / "address.py").read_text("utf-8")
    [connect] = re.findall(r"connect_timeout=(\d+)", settings)[:1] or re.findall(
        r'"connect_timeout": (\d+)', address
    )
    waits = re.findall(r'"(?:timeout|TIMEOUT|CONN_PATIENCE)": (\d+)', settings)
    wait = seconds.get("waiting", seconds["connecting"])

    assert seconds["connecting"] == int(connect)
    assert wait in [*map(int, waits), 12, 22] or "waiting" not in seconds
    assert seconds["statement"] == statement_timeout(project)
    assert seconds["request"] == wait + seconds["statement"]
    if target != "google-cloud":
        assert seconds["requests"] == graceful_timeout(project)
    if place := GRACE.get(target):
        assert seconds["from"] == int(str(value(project, place)).removesuffix("s"))
    order = list(seconds.values())
    if seconds["connecting"] > seconds["statement"]:  # a database that sleeps
        order = [seconds["statement"], seconds["requests"], seconds["from"]]
    if target == "google-cloud":  # it stops instances without requests
        order = order[:-2]
        assert seconds["requests"] < seconds["from"]
    assert order == sorted(set(order)), rows


@of_targets("kubernetes")
def test_numbers_of_kubernetes(bake: Bake, answers: Answers) -> None:
    project, plan = bake(**answers), plan_of(answers)
    found = kinds(project)
    deployment, pod = found["Deployment"], found["Deployment"]["template"]["spec"]
    grace, stop = pod["terminationGracePeriodSeconds"], pod["containers"][0]["lifecycle"]["preStop"]

    assert f"Kubernetes {OLDEST_KUBERNETES} or newer" in (project / "DEPLOY.md").read_text("utf-8")
    assert grace > stop["sleep"]["seconds"] + graceful_timeout(project)
    assert deployment["minReadySeconds"] > grace
    live, ready = (pod["containers"][0][f"{kind}Probe"] for kind in ("liveness", "readiness"))
    assert ("tcpSocket" in live) == (answers.get("server") == "wsgi-gunicorn")
    assert live["periodSeconds"] * live["failureThreshold"] >= 60
    # CONN_PATIENCE, in which requests wait for a database that restarts, and one attempt more.
    assert ready["periodSeconds"] * (ready["failureThreshold"] - 1) >= 10 + 5
    scaler = found.get("HorizontalPodAutoscaler", {})
    # One of them sets the number, not both.
    replicas = {deployment.get("replicas"), scaler.get("maxReplicas")}
    assert replicas == {None, plan.answers.web_instances}
    assert not scaler or scaler["behavior"]["scaleUp"]["stabilizationWindowSeconds"] > grace
    parameters = found["Cluster"]["postgresql"]["parameters"]
    assert parameters["max_connections"] == str(plan.answers.database_limit)
    assert ("Pooler" in found) == (plan.pooling == "provider-pooler")
    if pooler := found.get("Pooler"):
        pgbouncer = pooler["pgbouncer"]
        pool_size = int(pgbouncer["parameters"]["default_pool_size"])
        assert pooler["instances"] * pool_size <= plan.budget
        assert pooler["deploymentStrategy"]["rollingUpdate"]["maxSurge"] == 0
        assert pgbouncer["poolMode"] == "transaction"
