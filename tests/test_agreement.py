"""The service divides its connections as the generator does, whatever its environment says."""

from __future__ import annotations

import os
import sys
import types
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from typing import Any
from unittest import mock

import click
import pytest
from combinations import LEGAL, Combination
from conftest import TEMPLATE, Bake
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from jinja2 import Environment, FileSystemLoader
from renderings import A_FEW

from pgconnections_generator.answers import connection_plan
from pgconnections_generator.budget import RANGES, Plan
from pgconnections_generator.defaults import completed
from pgconnections_generator.jinja import FILTERS, variables
from pgconnections_generator.planning import find
from pgconnections_generator.refusals import VARIABLES, service_refusal
from pgconnections_generator.template import PROJECT

Answers = dict[str, Any]

# The names of the service, and those of the plan.
NUMBERS = {
    "limit": lambda plan: plan.answers.database_limit,
    "reserved": lambda plan: plan.answers.kept_back,
    "other": lambda plan: plan.answers.other_connections,
    "for_web": lambda plan: plan.budget,
    "instances": lambda plan: plan.answers.instances_at_once,
    "processes": lambda plan: plan.answers.web_processes,
    "threads": lambda plan: plan.answers.web_threads,
    "per_process": lambda plan: plan.per_process,
    "peak": lambda plan: plan.peak,
    "of_the_role": lambda plan: plan.of_the_role,
}
OF_A_POOLER = {
    "pool_size": lambda plan: plan.pool_size,
    "server_connections": lambda plan: plan.server_connections,
    "max_client_conn": lambda plan: plan.max_client_conn,
}
OF_ONE_BESIDE = {"clients": lambda plan: plan.clients}


@cache
def rendered(*answers: tuple[str, Any]) -> tuple[Plan, str]:
    """The plan of these answers, and the budget.py of a service that was rendered with them."""
    chosen = completed(dict(answers), {})
    plan = connection_plan(chosen)
    environment = Environment(
        loader=FileSystemLoader([PROJECT, TEMPLATE / "templates"]),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= FILTERS
    template = environment.get_template("pgconnections/budget.py")
    return plan, template.render(cookiecutter=chosen, **variables(chosen))


@contextmanager
def modules_of_the_service() -> Iterator[None]:
    """What budget.py imports: the file itself, as it is in every project."""
    path = PROJECT / "pgconnections" / "backend" / "environment.py"
    environment = types.ModuleType("pgconnections.backend.environment")
    exec(compile(path.read_text(encoding="utf-8"), path, "exec"), vars(environment))
    packages = {name: types.ModuleType(name) for name in ("pgconnections", "pgconnections.backend")}
    with mock.patch.dict(sys.modules, packages | {environment.__name__: environment}):
        yield


def numbers_of(source: str, changed: Mapping[str, int]) -> dict[str, int] | str:
    """The numbers of the service with these environment variables, or its refusal."""
    own = {name: value for name, value in os.environ.items() if name not in VARIABLES.values()}
    environ = own | {name: str(value) for name, value in changed.items()}
    module = types.ModuleType("budget")
    with modules_of_the_service(), mock.patch.dict(os.environ, environ, clear=True):
        exec(compile(source, "budget.py", "exec"), vars(module))
        try:
            return vars(module.Budget())
        except module.ConfigurationError as error:
            return str(error)


def expected(plan: Plan, changed: Mapping[str, int]) -> dict[str, int] | str:
    """The same, from the generator."""
    names = {variable: name for name, variable in VARIABLES.items()}
    changes = {names[variable]: value for variable, value in changed.items()}
    answers = replace(plan.answers, pooling=plan.pooling, **changes)
    if refusal := service_refusal(answers):
        return f"{refusal}."
    plan = find(answers)
    numbers = NUMBERS | (OF_A_POOLER if plan.pooled else {})
    if plan.pooling == "pgbouncer" and plan.answers.pgbouncer_per_instance:
        numbers |= OF_ONE_BESIDE
    return {name: number(plan) for name, number in numbers.items()}


def sizes(name: str) -> st.SearchStrategy[int]:
    """Mostly what services have, else anything in the range."""
    lowest, highest = RANGES[name]
    usual = st.integers(1, 600) if name == "database_limit" else st.integers(1, 12)
    rare = st.integers(lowest, highest) | st.sampled_from([lowest, highest])
    return st.integers(0, 5).flatmap(lambda die: rare if die == 0 else usual)


SIZES = st.fixed_dictionaries({}, optional={name: sizes(name) for name in RANGES})
ENVIRONMENT = st.fixed_dictionaries(
    {}, optional={variable: sizes(name) for name, variable in VARIABLES.items()}
)


@settings(max_examples=1000, deadline=None, derandomize=True)
@given(st.sampled_from(LEGAL), SIZES, ENVIRONMENT)
def test_the_service_and_the_generator_agree(
    combination: Combination, answers: Answers, changed: dict[str, int]
) -> None:
    answers = combination.answers() | answers
    try:
        plan, source = rendered(*answers.items())
    except click.UsageError:
        assume(False)

    assert numbers_of(source, changed) == expected(plan, changed)


@pytest.mark.parametrize("answers", A_FEW)
def test_the_rendered_file_is_the_compared_one(bake: Bake, answers: Answers) -> None:
    _, source = rendered(*answers.items())

    assert (bake(**answers) / "pgconnections" / "budget.py").read_text(encoding="utf-8") == source


@pytest.mark.parametrize(
    ("answers", "old", "new"),
    [
        ({}, "- self.other\n", "\n"),
        ({"hosting_target": "heroku"}, "* 200 // 100", "* 100 // 100"),
        (
            {"pooling": "psycopg-pool", "web_threads": 90},
            "min(self.threads, ",
            "max(1, self.threads, ",
        ),
        ({"pooling": "pgbouncer"}, "self.for_web - 1", "self.for_web"),
    ],
)
def test_a_difference_is_found(answers: Answers, old: str, new: str) -> None:
    plan, source = rendered(*answers.items())

    assert numbers_of(source, {}) == expected(plan, {})
    assert old in source
    assert numbers_of(source.replace(old, new), {}) != expected(plan, {})
