"""Simulated deploys: which layouts, what their deploy files say, and what PostgreSQL saw."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from combinations import LEGAL, Combination, fits, plan_of
from conftest import TEMPLATE
from projects import environment as environment_of
from projects import install

from pgconnections_generator import facts
from pgconnections_generator.budget import RANGES

SIMULATED = TEMPLATE / "tests" / "simulated"
INSTANCES = 2
# A target whose start command runs PgBouncer too.
BESIDE = "railway"


@dataclass(frozen=True)
class Deploy:
    """A layout that is simulated, and one that is a step too large."""

    target: str
    answers: dict[str, Any]
    refused: dict[str, Any]

    @property
    def id(self) -> str:
        return f"{self.target}-{self.answers['pooling']}"

    @property
    def plan(self) -> Any:
        return plan_of(self.answers)

    @property
    def step(self) -> str:
        """The answer that is a step too large, with its value."""
        return next(
            f"{name}={value}"
            for name, value in self.refused.items()
            if value != self.answers.get(name)
        )

    def cells(self, seen: dict[str, int] | None = None) -> list[str]:
        """A row of docs/deploys.md: what was planned, and what PostgreSQL saw."""
        plan = self.plan
        a = plan.answers
        cells = [
            f"`{self.target}`",
            plan.pooling,
            f"{a.web_instances} of {a.instances_at_once} x {a.web_processes} x {a.web_threads}",
            f"`{self.step}`",
            a.database_limit,
            plan.usable,
            plan.server_connections,
        ]
        if seen:
            cells += [seen["peak"], seen["requests"], seen["errors"]]
        return list(map(str, cells))


def deploys() -> list[Deploy]:
    """Each target with direct connections, and with the provider's pooler where it has one. One of
    those that start a PgBouncer beside the web server, from the same image, stands for all."""
    return [
        _at_the_edge(each)
        for each in LEGAL
        if each.server == "wsgi"
        and (
            each.pooling in ("persistent", "provider-pooler")
            or (each.pooling, each.hosting_target) == ("pgbouncer", BESIDE)
        )
    ]


def _at_the_edge(combination: Combination) -> Deploy:
    """Direct connections at the most threads that fit. A pooler serves more clients than a test can
    be, so what is too large there is the number of other connections."""
    answers = combination.answers() | {"web_instances": INSTANCES}
    name = "web_threads" if combination.pooling == "persistent" else "other_connections"
    most = _most(answers, name)
    refused = answers | {name: most + 1}
    pooler = facts.hosting(combination.hosting_target).get("provider_pooler", {})
    if name == "web_threads":
        answers |= {name: most}
    elif combination.pooling == "pgbouncer" or pooler["sized_by"]["value"] == "you":
        plan = plan_of(answers)
        answers |= {name: plan.usable - plan.peak // 2}
    return Deploy(combination.hosting_target, answers, refused)


def _most(answers: dict[str, Any], name: str) -> int:
    """The largest number that the template accepts, all other answers as they are."""
    low, high = RANGES[name]
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(answers | {name: middle}) else (low, middle - 1)
    return low


# --- what deploy files say ---------------------------------------------------------------------


def documents(path: Path) -> Any:
    """The values in a deploy file."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        return json.loads(text)
    if path.suffix == ".toml":
        return tomllib.loads(text)
    if path.suffix in (".yaml", ".yml"):
        every = list(yaml.safe_load_all(text))
        return every[0] if len(every) == 1 else every
    if path.name == "Dockerfile":
        return {"CMD": json.loads(re.findall(r"^CMD (.+)$", text, re.MULTILINE)[-1])}
    if path.name == "Procfile":
        return dict(re.findall(r"^(\w+): (.+)$", text, re.MULTILINE))
    if path.suffix == ".env":
        return dict(re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE))
    if path.suffix == ".ts":
        pairs = re.findall(r"""^ *"?(\w+)"?: ("(?:[^"\\]|\\.)*"|\d+),?$""", text, re.MULTILINE)
        return {name: json.loads(value) for name, value in pairs}
    if path.suffix == ".md":
        found = re.findall(r"^ {4}.*?(python manage\.py migrate)(?: &&.*)?$", text, re.MULTILINE)
        how = "one line of it, indented by four spaces, has to end with: python manage.py migrate"
        assert len(found) == 1, f"{path.name}: {how}"
        return {"migrate": found[0]}
    raise AssertionError(f"how is {path.name} read?")


def command(project: Path, place: str) -> str:
    """The command at `file#/way/to/value`, for a shell."""
    name, _, way = place.partition("#/")
    value = documents(project / name)
    for step in way.split("/"):
        value = value[int(step)] if isinstance(value, list) else value[step]
    return shlex.join(value) if isinstance(value, list) else value


def environment(project: Path, files: list[str]) -> dict[str, set[str]]:
    """What the deploy files set, however deep: each variable with all of its values."""
    found: dict[str, set[str]] = {}
    for name in files:
        path = project / name
        if path.suffix in (".json", ".toml", ".yaml", ".yml", ".env", ".ts"):
            for variable, value in _variables(documents(path)):
                default = re.sub(r"\$\{\w+:-(.*)\}", r"\1", value)  # in a compose file
                found.setdefault(variable, set()).add(default)
    return found


def _variables(value: Any) -> Iterator[tuple[str, str]]:
    """NAME: value, {name: NAME, value: …}, {key: NAME, value: …} and NAME: {value: …}."""
    if isinstance(value, list):
        for each in value:
            yield from _variables(each)
    elif isinstance(value, dict):
        name = value.get("name", value.get("key"))
        if isinstance(name, str) and "value" in value:
            yield name, str(value["value"])
        for key, each in value.items():
            if isinstance(each, str | int) and re.fullmatch("[A-Z][A-Z0-9_]*", str(key)):
                yield key, str(each)
            elif isinstance(each, dict) and isinstance(each.get("value"), str):
                yield key, each["value"]
            yield from _variables(each)


# --- the simulation ----------------------------------------------------------------------------


def simulate(deploy: Deploy, project: Path, django: str) -> dict[str, int]:
    """Install the rendered project, deploy it under load, and tell what PostgreSQL saw."""
    target, plan = facts.hosting(deploy.target), plan_of(deploy.answers)
    files = facts.deploy_files(plan, target)
    roads = facts.roads(plan, target)
    install(project, django)
    said_of_it = "".join(
        (project / f"{name}.md").read_text("utf-8") for name in ("README", "DEPLOY")
    )
    said = {
        name: min(values)
        for name, values in environment(project, files).items()
        # Neither what the test knows better nor a reference to what the host has.
        if name not in (*SECRETS, *roads["all"]) and not any("$" in value for value in values)
    }
    # A PgBouncer beside the web server is started by the same command; else the host has it.
    beside = plan.pooling == "pgbouncer"
    pooled = [] if beside else roads.get("pooled", [])
    order = {
        "start": command(project, target["deploy"]["start"]),
        "migrate": command(project, target["deploy"]["migrate"]),
        # What the administrator says of the role, it may say of itself.
        "once": [
            f"ALTER ROLE CURRENT_USER {setting}"
            for setting in re.findall(
                r"^ {4}ALTER ROLE \w+ (SET (?!search_path).+)$", said_of_it, re.M
            )
        ],
        "sets": target.get("sets", {}).get("value", {}),
        "environment": said | {"DJANGO_SETTINGS_MODULE": "simulated.settings"} | SECRETS,
        "beside": beside,
        "pooled": pooled,
        "direct": [name for name in roads["direct"] if name not in pooled],
        "poolers": plan.poolers,
        "limit": plan.answers.database_limit,
        "kept_back": plan.answers.kept_back,
        "instances": plan.answers.web_instances,
        "at_once": plan.answers.instances_at_once,
        "clients": min(plan.peak + 10, 200),
    }
    path = os.pathsep.join([str(project / ".venv" / "bin"), os.environ["PATH"]])
    done = subprocess.run(
        [project / ".venv" / "bin" / "python", SIMULATED / "host.py"],
        cwd=project,
        env=environment_of(project, django)
        | {"PATH": path, "PYTHONPATH": f"{project}:{SIMULATED.parent}"},
        input=json.dumps(order),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    seen = json.loads(done.stdout.splitlines()[-1])
    assert not seen["errors"], f"{seen}\n{done.stderr[-5000:]}"
    return seen


SECRETS = {"SECRET_KEY": "only-for-tests-" * 4, "ALLOWED_HOSTS": "localhost", "HTTPS_ONLY": "0"}
