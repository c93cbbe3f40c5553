"""The answers as a project keeps them, and what an update or another render makes of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import caller
from .advice import BudgetError, refused
from .budget import Plan
from .checks import check_questions
from .facts import default_limit, hosting
from .template import FOLDER, TEMPLATE, VERSION, adopts, questions

FILE = "answers.json"


def recorded(plan: Plan, answers: Mapping[str, Any]) -> str:
    """All answers, as they were resolved, in a file that cookiecutter takes with --replay-file."""
    numbers = {name: str(getattr(plan.answers, name, "")) for name in questions()}
    chosen = {name: numbers[name] or str(answers[name]) for name in questions()}
    known = {"version": VERSION, "cookiecutter": chosen | {"pooling": plan.pooling}}
    return json.dumps(known, indent=2, ensure_ascii=False)


def before(project: Path) -> dict[str, str]:
    """The answers that are recorded in this project; {} where there are none."""
    file = project / FILE if adopts() else project / FOLDER / FILE
    try:
        return dict(json.loads(file.read_text(encoding="utf-8"))["cookiecutter"])
    except (OSError, ValueError, KeyError):
        return {}


def check_no_mixture(folder: Path, plan: Plan, answers: Mapping[str, Any]) -> None:
    """Files that are there are skipped: that is good for the same answers only."""
    there = folder / FOLDER if not adopts() else folder
    if not caller.arguments().get("skip_if_file_exists") or not there.exists():
        return
    old = before(folder)
    new = json.loads(recorded(plan, answers))["cookiecutter"]
    if changed := [name for name in new if old.get(name) != new[name]]:
        raise refused(
            f"{there} has been rendered with other answers ({', '.join(changed)}), and "
            "--skip-if-file-exists would mix the two: --overwrite-if-exists alone replaces all "
            "files of the template, and leaves it to git what was yours"
        )


def check_update(answers: Mapping[str, Any]) -> None:
    """What cruft update would take without a word: an answer to no question, and a limit that was
    the default of another hosting target."""
    update = caller.updating()
    if update is None or "hosting_target" not in answers:
        return
    said = update["extra_context"] or {}
    check_questions(said)
    old = update["cruft_state"]["context"]["cookiecutter"] | before(Path(update["project_dir"]))
    target, limit = str(answers["hosting_target"]), old.get("database_limit")
    if "database_limit" in said or old.get("hosting_target", target) == target:
        return
    if str(limit) == str(default_limit(old["hosting_target"])) != str(default_limit(target)):
        raise BudgetError(
            f"database_limit {limit} is that of {hosting(old['hosting_target'])['name']}, and "
            f"{hosting(target)['name']} has another",
            [{"database_limit": default_limit(target) or "YOUR_LIMIT"}],
        )


def changes(plan: Plan, answers: Mapping[str, Any]) -> str:
    """What an update changes, and what is left to do, in order; nothing at any other time."""
    update = caller.updating()
    old = before(Path(update["project_dir"])) if update else {}
    new = json.loads(recorded(plan, answers))["cookiecutter"]
    changed = [name for name in new if name in old and old[name] != new[name]]
    if not changed:
        return ""
    lines = []
    for name in changed:
        why = f", because {plan.reason}" if name == "pooling" else ""
        lines.append(f"  {name}: {old[name]} -> {new[name]}{why}")
    return "What changes\n\n" + "\n".join(lines) + "\n\n" + _to_do(changed)


def _to_do(changed: list[str]) -> str:
    steps = ["Look at the difference, and run the tests: git diff"]
    if "pooling" in changed:
        steps.insert(0, "Install what it requires now: README.md has the command")
        steps.append("On the live service, in the order of docs/switching.md of the template")
    elif {"database_limit", "other_connections"} & set(changed):
        steps.append(
            "First the plan of the database, where the limit grows; else first the service"
        )
    elif "hosting_target" not in changed:
        steps.append("Variables that the host has set win over these numbers: DEPLOY.md names them")
    if "hosting_target" in changed:
        steps.append("Move the data: DEPLOY.md has the commands of the new host")
    listed = "\n".join(f"  {number}. {step}" for number, step in enumerate(steps, 1))
    return f"To do, in this order\n\n{listed}\n"


def merging() -> dict[str, str] | None:
    """Where the hook finds the project that is updated, its old version, and the code for both."""
    update = caller.updating()
    if update is None:
        return None
    return {
        "project": str(update["project_dir"]),
        "old": str(update["current_template_dir"]),
        "code": str(TEMPLATE / "hooks" / "merging.py"),
    }
