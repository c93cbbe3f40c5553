"""The legal combinations of choices, and a few of them that cover every pair.

All of it follows from the choices in cookiecutter.json and from the facts in hosting/.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

from conftest import QUESTIONS, TEMPLATE
from cookiecutter.generate import generate_context
from cookiecutter.prompt import prompt_for_config
from projects import DJANGO

from pgconnections_generator import facts
from pgconnections_generator.advice import BudgetError
from pgconnections_generator.answers import connection_plan
from pgconnections_generator.budget import Plan
from pgconnections_generator.checks import plan_of as planned
from pgconnections_generator.defaults import completed

# Sizes that differ from each other and from every default, and are legal everywhere: a number in
# the wrong place shows.
OTHER_SIZES = {
    "database_limit": 137,
    "web_instances": 2,
    "web_processes": 3,
    "web_threads": 5,
    "other_connections": 7,
}


# What a user found who had to look the limit up, since the provider publishes none.
LOOKED_UP = 100


def defaults_of(hosting_target: str) -> dict[str, str | int]:
    """What has to be answered for this target where Enter is the answer to everything else."""
    answers: dict[str, str | int] = {"hosting_target": hosting_target}
    if not facts.plans(hosting_target):
        answers["database_limit"] = LOOKED_UP
    return answers


@dataclass(frozen=True)
class Combination:
    hosting_target: str
    pooling: str
    server: str

    @property
    def id(self) -> str:
        return f"{self.hosting_target}-{self.pooling}-{self.server}"

    def answers(self) -> dict[str, str | int]:
        """What has to be answered; the defaults of all other questions make it legal."""
        answers = defaults_of(self.hosting_target)
        answers |= {"pooling": self.pooling, "server": self.server}
        if self.pooling == "provider-pooler" and self._poolers():
            answers["database_limit"] = min(self._poolers())
        if self.why_illegal() is None and not fits(answers):
            answers["web_threads"] = 1  # per process; the smallest plans have no room for more
        return answers

    def other_sizes(self) -> dict[str, str | int]:
        """No default, and no two alike, where the plans leave that choice."""
        sizes = dict(OTHER_SIZES)
        if self.pooling == "provider-pooler" or not fits(self.answers() | sizes):
            del sizes["database_limit"]
        return sizes

    def why_illegal(self) -> str | None:
        """What the template says about choices that no sizes make legal."""
        if (self.pooling, self.server) == ("persistent", "asgi"):
            return "pooling=persistent does not work with server=asgi"
        pooler = facts.hosting(self.hosting_target).get("provider_pooler")
        if self.pooling == "provider-pooler" and not pooler:
            return "this hosting target has no pooler of its own"
        return None

    def _poolers(self) -> list[int]:
        """The limits of the plans that come with the provider's pooler."""
        plans = facts.plans(self.hosting_target)
        return [plan["connections"] for plan in plans if "provider_pooler" in plan]


_ALL = [
    Combination(*choices)
    for choices in product(QUESTIONS["hosting_target"], QUESTIONS["pooling"], QUESTIONS["server"])
]
LEGAL = [combination for combination in _ALL if not combination.why_illegal()]
ILLEGAL = {combination: why for combination in _ALL if (why := combination.why_illegal())}


@dataclass(frozen=True)
class Row:
    """A combination, and the generation of Django to run it with."""

    combination: Combination
    django: str

    @property
    def id(self) -> str:
        return f"{self.combination.id}-django{self.django}"

    def pairs(self) -> set[tuple[str, ...]]:
        """Every two of its values. The target counts by itself: what a pooling makes of each target
        is what the simulated deploys run. For a pooling the two WSGI servers are the same."""
        chosen = self.combination
        every_two = combinations((chosen.pooling, chosen.server[:4], self.django), 2)
        return {(chosen.hosting_target,), (chosen.server, self.django), *every_two}


def all_rows() -> list[Row]:
    """What the pairs are taken from. `recommended` is left out: it renders one of the others."""
    return [
        Row(combination, django)
        for combination, django in product(LEGAL, DJANGO)
        if combination.pooling != "recommended"
    ]


def pairwise() -> list[Row]:
    """The rows, few and always the same ones, in which every possible pair of values occurs."""
    candidates = all_rows()
    missing = set().union(*(row.pairs() for row in candidates))
    rows = []
    while missing:
        rows.append(max(candidates, key=lambda row: len(row.pairs() & missing)))
        missing -= rows[-1].pairs()
    return rows


def fits(answers: dict[str, Any]) -> bool:
    """Whether the template accepts these answers, with the defaults of all other questions."""
    try:
        planned(completed(answers, {}))
    except BudgetError:
        return False
    return True


def resolved(answers: dict[str, str | int]) -> dict[str, Any]:
    """These answers, and cookiecutter's own defaults of all other questions."""
    context = generate_context(str(TEMPLATE / "cookiecutter.json"), extra_context=answers)
    return prompt_for_config(context, no_input=True)


def plan_of(answers: dict[str, str | int]) -> Plan:
    """The budget of these answers, as the template divides it."""
    return connection_plan(resolved(answers))
