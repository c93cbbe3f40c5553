"""What a team allows: lists of choices and the largest numbers, in the user's configuration file or
in a fork. No answer is outside of it, on whatever road it comes.

    pgconnections:
      hosting_target: [aws-rds, kubernetes]
      pooling: [recommended, persistent, pgbouncer]
      database_limit: 200
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from . import caller
from .advice import BudgetError, refused
from .budget import RANGES, Plan
from .checks import choices
from .template import TEMPLATE
from .texts import shown

KEY = "pgconnections"
# Of a fork: the same keys, without the one above.
FILE = TEMPLATE / "policy.json"


def policies() -> dict[str, dict[str, Any]]:
    """Each policy, by the file that it is in."""
    found = {caller.config_file(): caller.config().get(KEY)}
    if FILE.exists():
        found[FILE.name] = json.loads(FILE.read_text(encoding="utf-8"))
    return {file: policy for file, policy in found.items() if policy is not None}


def check_policy(answers: Mapping[str, Any], plan: Plan | None) -> None:
    if "project_dir" in caller.params() and not caller.updating():
        return  # cruft renders what the project was
    for file, policy in policies().items():
        check_itself(file, policy)
        for name, allowed in policy.items():
            if name in answers:
                _check(name, answers[name], allowed, f"by the policy in {file}")
    if plan is not None:
        lists = [
            (file, policy["pooling"]) for file, policy in policies().items() if "pooling" in policy
        ]
        lists += [("cookiecutter.json", choices()["pooling"])]
        for file, allowed in lists:
            if plan.pooling not in allowed:
                others = ", ".join(each for each in allowed if each != "recommended")
                raise BudgetError(
                    f"pooling=recommended would be {plan.pooling}, and by the policy in {file} it "
                    f"must be one of {others}",
                    [{"pooling": each} for each in allowed if each != "recommended"],
                )


def check_itself(file: str, policy: Any) -> None:
    """A policy with a mistake would allow what it should not."""
    if not isinstance(policy, dict):
        raise refused(f"the policy in {file} must be a list of questions, not {shown(policy)}")
    for name, allowed in policy.items():
        possible = choices().get(name)
        if possible is None and name not in RANGES:
            expected = ", ".join([*choices(), *RANGES])
            raise refused(f"the policy in {file} has {shown(name)}, and only {expected} are known")
        if possible is None and not (isinstance(allowed, int) and allowed >= RANGES[name][0]):
            raise refused(f"the policy in {file} has {name}: {shown(allowed)}, and not a number")
        if possible is not None:
            wrong = (
                [each for each in allowed if each not in possible]
                if isinstance(allowed, list)
                else [allowed]
            )
            if wrong or not allowed:
                raise refused(
                    f"the policy in {file} has {name}: {shown(allowed)}, and not a list of some of "
                    f"{', '.join(possible)}"
                )


def _check(name: str, answer: Any, allowed: Any, why: str) -> None:
    if isinstance(allowed, list) and str(answer) not in allowed:
        raise BudgetError(
            f"{name} must be one of {', '.join(allowed)} {why}, not {shown(answer)}",
            [{name: each} for each in allowed],
        )
    if isinstance(allowed, int) and int(answer) > allowed:
        raise refused(f"{name} is at most {allowed} {why}, not {answer}", **{name: allowed})
