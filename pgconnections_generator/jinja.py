"""What Jinja sees: the context that checks the answers, the variables, and the filters."""

from __future__ import annotations

from typing import Any, ClassVar

import jinja2.defaults
from jinja2 import Environment
from jinja2.ext import Extension
from jinja2.runtime import Context

from . import defaults
from .answers import connection_plan, refuse_delimiter, refuse_tags
from .facts import (
    deploy_files,
    deploy_folders,
    hosting,
    lock,
    prepared_statements,
    roads,
    smallest_plan,
    times,
    tls,
)
from .names import TAGS
from .plain import keep_plain_texts
from .recorded import changes, merging, recorded
from .sharing import names, with_shared_files, without_condition
from .template import address, adopts, cookiecutter_json, project
from .texts import (
    arguments,
    budget_rows,
    dns_label,
    markdown,
    quoted,
    run_command,
    summary,
    test_command,
)


def variables(answers: dict[str, Any]) -> dict[str, Any]:
    """What templates see besides the answers; CONTRIBUTING.md lists it."""
    plan = connection_plan(answers)
    if plan is None:
        return {"plan": None}
    name = str(answers["hosting_target"])
    target = hosting(name)
    files = deploy_files(plan, target)
    command = ["python", "-m", "pgconnections.serve"]
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
        "lock": lock(plan, target),
        "deploy_files": files,
        "only_for_the_host": sorted({name.partition("/")[0] for name in files}),
        "own_pgbouncer": started_by in ("command", "sidecar"),
        "shared_pgbouncer": started_by == "service",
        "sidecar": started_by == "sidecar",
        "start_command": command,
        "keeps_prepared": prepared_statements(target) != 0,
        "database_plan": {"add_on": None, "unverified": not offer, **offer},
        "recorded": recorded(plan, answers),
        "changes": changes(plan, answers),
        "merging": merging(),
        "template": address(answers.get("_template")),
        "run_command": run_command(plan),
        "test_command": test_command(plan),
    }


FILTERS = {
    **defaults.FILTERS,
    "arguments": arguments,
    "budget_rows": budget_rows,
    "deploy_folders": deploy_folders,
    "dns_label": dns_label,
    "markdown": markdown,
    "quoted": quoted,
    "summary": summary,
}


# What tells a tag from text; TAGS finds only those that begin as usual.
DELIMITERS = (
    *("block_start_string", "block_end_string", "variable_start_string", "variable_end_string"),
    *("comment_start_string", "comment_end_string"),
    *("line_statement_prefix", "line_comment_prefix"),
)


class PlanContext(Context):
    """Gives every template the variable `plan` and what follows from it, and refuses answers that
    make none."""

    def __init__(self, environment: Environment, parent: dict, *args: Any, **kwargs: Any) -> None:
        if "cookiecutter" in parent:
            answers = dict(parent["cookiecutter"])
            # There are two contexts for each file, and most have the answers of the one before.
            if environment.known_answers != answers:
                environment.known_variables = variables(answers)
                environment.known_variables["leftovers"] = Leftovers(environment.file_names)
                environment.known_answers = answers
            parent |= environment.known_variables
        if environment.loader and adopts():
            environment.loader = with_shared_files(environment.loader)
        super().__init__(environment, parent, *args, **kwargs)


class FileNames:
    """Those of the files that only some answers have. All are rendered at once, which takes as long
    as to compile a few of them."""

    # Of all environments: the hook has one of its own.
    answers: Any = None
    found: ClassVar[dict[str, str]] = {}

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.every = [name for name in names(project()) if "{%" in name]
        self.source = "|".join(self.every)

    def rendered(self) -> dict[str, str]:
        """What each of them is with the answers of now; nothing before there is a plan."""
        known = {"cookiecutter": self.environment.known_answers, **self.environment.known_variables}
        answers = (project(), known["cookiecutter"])
        if known["plan"] and FileNames.answers != answers:
            texts = self.environment.from_string(self.source).render(known).split("|")
            FileNames.found = dict(zip(self.every, texts, strict=True))
            FileNames.answers = answers
        return self.found if known["plan"] else {}


class Leftovers:
    """The files of other answers, as a list: a hook removes them where it writes over a project."""

    def __init__(self, names: FileNames) -> None:
        self.names = names

    def __str__(self) -> str:
        rendered = self.names.rendered()
        return str(sorted(set(map(without_condition, rendered)) - set(rendered.values())))


class ConnectionsExtension(Extension):
    """The filters and the context of the template."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        for name in DELIMITERS:  # before anything is rendered
            if getattr(environment, name) != getattr(jinja2.defaults, name.upper()):
                refuse_delimiter(name, getattr(environment, name))
        environment.context_class = PlanContext
        environment.known_answers, environment.known_variables = None, {"plan": None}
        environment.file_names = FileNames(environment)
        environment.filters |= FILTERS
        environment.optimized = False  # takes longer than to render each template once
        keep_plain_texts(environment, environment.file_names.rendered)
        self.own_names: set[str] = set()

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        if name is None and TAGS.search(source) and not self._is_own(source):
            refuse_tags(source)
        return source

    def _is_own(self, source: str) -> bool:
        """Whether the template has this text, besides the text of its files: as a default, as a
        hook, or as the name of a file. Everything else that is rendered is an answer."""
        if source in cookiecutter_json().values() or source == project().name:
            return True
        if "\n" in source:
            hooks = (project().parent / "hooks").iterdir()
            return any(source == hook.read_text(encoding="utf-8") for hook in hooks)
        if not self.own_names:
            self.own_names = {*names(project()), self.environment.file_names.source}
        return source in self.own_names
