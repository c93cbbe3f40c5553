"""The plan for any answers, or the answers that would fit in their place."""

from __future__ import annotations

from dataclasses import replace

from .budget import RANGES, Answers, Plan
from .planning import find, out_of_range
from .refusals import problem

Change = dict[str, int | str]


class BudgetError(ValueError):
    """The answers do not fit together.

    `problem` says why, with the numbers. `changes` are alternatives, the best first; each alone
    makes the answers fit.
    """

    def __init__(self, problem: str, changes: list[Change]) -> None:
        self.problem = problem
        self.changes = changes
        super().__init__(f"{problem}; accepted would be {self.accepted()}.")

    def accepted(self) -> str:
        alternatives = [
            " and ".join(f"{name}={value}" for name, value in change.items())
            for change in self.changes
        ]
        *most, last = alternatives
        return f"{', '.join(most)}{' or ' if most else ''}{last}"


def refused(problem: str, **change: int | str) -> BudgetError:
    """The error for an answer that cannot be used, and one that could."""
    return BudgetError(problem, [change])


def connection_plan(answers: Answers) -> Plan:
    """Divide the limit, or raise a BudgetError that says which answers would fit."""
    plan = find(answers)
    if plan is None:
        raise BudgetError(problem(answers), _advice(answers))
    return plan


def _advice(answers: Answers) -> list[Change]:
    """Changes that make the answers fit: each alternative alone, found by trying it."""
    legal = out_of_range(answers)
    if legal:
        clamped = replace(answers, **legal)
        return [legal] if find(clamped) else [legal | more for more in _advice(clamped)]

    singles: list[Change] = [{"pooling": "recommended"}, {"server": "wsgi"}]
    for name in ("web_threads", "web_processes", "web_instances", "other_connections"):
        singles.append({name: _nearest(answers, name, largest=True)})
    accepted = [change for change in singles if find(replace(answers, **change))]
    if limit := _smallest_limit(answers):
        accepted.append({"database_limit": limit})
    if accepted:
        return accepted
    if answers.pooling != "recommended":
        resolved: Change = {"pooling": "recommended"}
        more = _advice(replace(answers, **resolved))
        return [_needed(answers, resolved | change) for change in more]

    together: Change = {}
    for name in ("other_connections", "web_threads", "web_processes", "database_limit"):
        candidate = replace(answers, **together)
        together[name] = _nearest(candidate, name, largest=name != "database_limit")
    return [_needed(answers, together)]


def _needed(answers: Answers, change: Change) -> Change:
    """The change without the parts that it fits without."""
    for name in list(change):
        fewer = {other: value for other, value in change.items() if other != name}
        if find(replace(answers, **fewer)):
            change = fewer
    return change


def _smallest_limit(answers: Answers) -> int | None:
    """The smallest larger limit that fits while the other answers stay, or None."""
    candidates = [_nearest(answers, "database_limit", largest=False)]
    if answers.pooling == "provider-pooler" and answers.provider_pooler:
        # Not every plan has a pooler, so there are gaps that the binary search cannot see.
        candidates = sorted({*candidates, *answers.provider_pooler.plans})
    for limit in candidates:
        if limit > answers.database_limit and find(replace(answers, database_limit=limit)):
            return limit
    return None


def _nearest(answers: Answers, name: str, *, largest: bool) -> int:
    """The largest (or smallest) value that fits while the others stay; else the end of the range.

    A larger limit never holds fewer, and smaller sizes never need more: a binary search finds it.
    """
    lowest, highest = RANGES[name]
    value = getattr(answers, name)
    low, high = (lowest, value) if largest else (value, highest)
    while low < high:
        middle = (low + high + largest) // 2
        fits = find(replace(answers, **{name: middle})) is not None
        if largest:
            low, high = (middle, high) if fits else (low, middle - 1)
        else:
            low, high = (low, middle) if fits else (middle + 1, high)
    return low
