"""What people read: the budget as a table, the end of a generation, and text quoted for files."""

from __future__ import annotations

import json
import os
import re
import shlex
from typing import Any

from . import caller
from .budget import Plan
from .template import FOLDER, adopts


def arguments(road: list[str]) -> str:
    """The arguments of `environment.database()`, as Python source."""
    return ", ".join(map(quoted, road))


def quoted(text: str) -> str:
    """A string literal that Python, JSON, TOML and YAML read alike. Control characters are refused
    by the checks."""
    return json.dumps(text, ensure_ascii=False)


def dns_label(slug: str, length: int = 50) -> str:
    """A `project_slug` as hosts want names: letters, digits and single dashes."""
    return re.sub("_+", "-", slug[:length]).strip("-")


def markdown(text: str) -> str:
    """The text as Markdown shows it unchanged: all its punctuation is escaped."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text.strip())


def budget_rows(plan: Plan) -> list[tuple[str, int, str]]:
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


def summary(plan: Plan, project_slug: str) -> str:
    """What the user reads at the end of the generation: plain ASCII, for any terminal.

    Nothing where cruft renders into a temporary folder only to compare that with the project.
    """
    if "project_dir" in caller.params() and not caller.updating():
        return ""
    rows = budget_rows(plan)
    width = max(len(what) for what, _, _ in rows)
    table = "\n".join(f"  {what:<{width}}  {number:>6}  {why}" for what, number, why in rows)
    budget = (
        f"\nThe connection budget of {project_slug}\n\n{table}\n\n"
        f"  {plan.pooling}: {plan.reason}.\n\n"
    )
    if caller.updating():
        return budget
    if adopts():
        return f"{budget}{FOLDER}/ was added, and no file changed. What to add yourself:\n"
    return (
        f"{budget}Next, in {_folder(project_slug)}/:\n  run it:   {run_command(plan)}\n"
        f"  test it:  {test_command(plan)}\n"
    )


def _folder(project_slug: str) -> str:
    """The folder of the project, as it has to be typed where the command was."""
    output = caller.arguments().get("output_dir", ".")
    return shlex.quote(os.path.normpath(os.path.join(output, project_slug)))


INSTALL = (
    "python3 -m venv .venv && "
    ".venv/bin/pip install -qr requirements.txt -r requirements-dev.txt && "
)


def run_command(plan: Plan) -> str:
    """The one command that runs a rendered project."""
    return f"{INSTALL}.venv/bin/python dev.py"


def test_command(plan: Plan) -> str:
    """The one command that passes the tests of a rendered project."""
    pgbouncer = "sh tests/get-pgbouncer.sh && " if plan.pooled else ""
    return f"{INSTALL}{pgbouncer}.venv/bin/pytest"


def shown(answer: Any) -> str:
    """The answer as Python writes it, or its beginning."""
    text = str(answer)
    return repr(answer) if len(text) <= 60 else f"{text[:40]!r}... ({len(text)} characters)"
