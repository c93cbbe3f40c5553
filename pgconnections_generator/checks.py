"""What each answer may be, and which answers can no longer fit whatever the others will be."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Mapping
from typing import Any

from . import caller
from .adoption import check_settings_module
from .advice import connection_plan, refused
from .budget import MAX_CONNECTIONS, POOLINGS, RANGES, Answers, Plan
from .defaults import completed
from .facts import facts, hosting, plans
from .names import check_name, check_slug
from .planning import find
from .template import questions
from .texts import shown

NUMBERS = tuple(RANGES)
# What stands for a limit that only the user can look up, in the command that repeats the answers.
UNKNOWN_LIMIT = "YOUR_LIMIT"


def plan_of(answers: Mapping[str, Any]) -> Plan | None:
    """Check the answers given so far; the plan once all are there, else None.

    Raises a BudgetError for the first that is wrong, and as soon as no answers to the other
    questions would make a plan.
    """
    check_questions(answers)
    checks = {"project_name": check_name, "project_slug": check_slug}
    checks |= {"settings_module": check_settings_module}
    for name, check in checks.items():
        if name in answers:
            check(answers[name])
    for name, possible in choices().items():
        if name in answers:
            check_choice(name, answers[name], possible)
    target = str(answers.get("hosting_target", questions()["hosting_target"][0]))
    known = {name: number(name, answers[name], target) for name in NUMBERS if name in answers}
    known |= {name: str(answers[name]) for name in ("pooling", "server") if name in answers}
    if "hosting_target" not in answers:
        return None
    if known.keys() == {*NUMBERS, "pooling", "server"}:
        return connection_plan(answers_of(target, known))
    if not _possible(target, known):
        # Worded with the defaults of all others, as it would be after them.
        rest = completed({**answers, **known}, caller.default_context())
        rest["database_limit"] = rest["database_limit"] or MAX_CONNECTIONS
        rest |= {name: number(name, rest[name], target) for name in NUMBERS}
        connection_plan(answers_of(target, rest))
    return None


def answers_of(target: str, known: Mapping[str, Any]) -> Answers:
    """What the arithmetic takes: the choices and numbers, and the facts of the target."""
    chosen = {name: known[name] for name in (*NUMBERS, "pooling", "server")}
    return Answers(**chosen, **facts(target, known["database_limit"]))


def _possible(target: str, known: Mapping[str, Any]) -> bool:
    """Whether some answers to the other questions make a plan: the smallest sizes, since smaller
    ones never need more, with any server, and the largest limit, or one of the target's plans."""
    smallest = {name: lowest for name, (lowest, _) in RANGES.items()} | {"pooling": "recommended"}
    limits = [MAX_CONNECTIONS, *(plan["connections"] for plan in plans(target))]
    return any(
        find(answers_of(target, {**smallest, "database_limit": limit, "server": server, **known}))
        for limit, server in itertools.product(
            limits if "database_limit" not in known else [known["database_limit"]],
            questions()["server"] if "server" not in known else [known["server"]],
        )
    )


def check_questions(names: Mapping[str, Any]) -> None:
    """Refuse an answer to a question that there is not; it would be ignored."""
    for name, answer in names.items():
        if name not in questions() and not name.startswith("_"):
            nearest = min(questions(), key=lambda question: _edits(name.lower(), question))
            close = _edits(name.lower(), nearest) <= len(nearest) // 3
            raise refused(
                f"there is no question {shown(name)}, only {', '.join(questions())}",
                **({nearest: answer} if close else {}),
            )


def _edits(one: str, other: str) -> int:
    """How many letters to insert, delete or replace to make the other word of this one."""
    # Not difflib: to import it takes longer than all checks together.
    row = list(range(len(other) + 1))
    for number, letter in enumerate(one, 1):
        last, row = row, [number]
        for place, wanted in enumerate(other):
            row.append(min(last[place + 1] + 1, row[place] + 1, last[place] + (letter != wanted)))
    return row[-1]


def choices() -> dict[str, Collection[str]]:
    """The choices of each question that has some, in the order in which a sentence names them."""
    lists = {name: default for name, default in questions().items() if isinstance(default, list)}
    return lists | {"pooling": [each for each in POOLINGS if each in lists["pooling"]]}


def check_choice(name: str, answer: Any, possible: Collection[str], where: str = "") -> None:
    # Cookiecutter checks this too, but not in a replay file.
    if str(answer) not in possible:
        raise refused(
            f"{name} must be one of {', '.join(possible)}, not {shown(answer)}{where}",
            **{name: questions()[name][0]},
        )


def number(name: str, answer: Any, target: str) -> int:
    lowest, highest = RANGES[name]
    text = str(answer).strip()
    nearest = None
    # ASCII only: "1_000" and "٣" are refused. int() takes no more than some thousand digits.
    if re.fullmatch("-?[0-9]+", text):
        found = int(text if len(text) <= 100 else text[0] + 99 * "9")
        if lowest <= found <= highest:
            return found
        nearest = highest if found > highest else lowest
    if name == "database_limit" and not plans(target) and nearest in (None, lowest):
        lookup = hosting(target)["limit_lookup"]
        raise refused(
            f"{hosting(target)['name']} publishes no limit to take as the default of "
            f"database_limit: look yours up ({lookup['value']}; {lookup['source']})",
            database_limit=UNKNOWN_LIMIT,
        )
    if nearest is None or (name, nearest) == ("database_limit", lowest):
        nearest = completed({"hosting_target": target}, {})[name]
    raise refused(
        f"{name} must be a whole number from {lowest} to {highest}, not {shown(text)}",
        **{name: nearest},
    )
