"""Properties of the arithmetic over the whole space of answers, and examples with their numbers."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from types import FrameType
from typing import Any

import pytest
from conftest import QUESTIONS
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from pgconnections_generator import budget
from pgconnections_generator.advice import BudgetError, connection_plan
from pgconnections_generator.budget import Answers, Plan
from pgconnections_generator.facts import facts, plans
from pgconnections_generator.refusals import VARIABLES, service_refusal
from pgconnections_generator.texts import budget_rows

DIRECT = ("none", "persistent", *budget.POOLS)
HUGE = 10**400


def answers(target: str = "docker-compose", limit: int = 100, **changes: Any) -> Answers:
    """Small answers that fit, with these changes."""
    sizes = {"web_instances": 1, "web_processes": 2, "web_threads": 4, "other_connections": 3}
    choices = {"pooling": "recommended", "server": "wsgi"}
    return Answers(database_limit=limit, **{**facts(target, limit), **choices, **sizes, **changes})


def outcome(given_answers: Answers) -> Plan | BudgetError:
    """The plan or the error; any other exception is a bug."""
    try:
        return connection_plan(given_answers)
    except BudgetError as error:
        # A subclass of ValueError: the int() of Python must not pass for it.
        assert type(error) is BudgetError
        return error


# --- the space ---------------------------------------------------------------------------------

TARGETS = QUESTIONS["hosting_target"]
OTHER_FACTS = st.fixed_dictionaries(
    {
        "reserved": st.integers(0, 60),
        "reserved_percent": st.sampled_from([0, 1, 20, 60]),
        "connections_per_instance": st.none() | st.integers(1, 100),
        "overlap_percent": st.sampled_from([0, 100, 110, 125, 150, 200, 300]),
        "pgbouncer_per_instance": st.booleans(),
        "provider_pooler": st.none()
        | st.builds(
            budget.ProviderPooler,
            pool_mode=st.sampled_from(["transaction", "session"]),
            sized_by=st.sampled_from(["provider", "you", "unknown"]),
            pool_percent=st.integers(1, 100),
            poolers=st.integers(1, 4),
            max_client_conn=st.none() | st.integers(1, 2_000),
            plans=st.lists(st.integers(1, 600), max_size=4).map(tuple),
            plans_without=st.lists(st.integers(1, 600), max_size=4).map(tuple),
        ),
    }
)
# Some facts depend on the plan.
FACTS = OTHER_FACTS | st.sampled_from(
    [
        facts(target, plan["connections"])
        for target in TARGETS
        for plan in plans(target) or [{"connections": 100}]
    ]
)
WILD = st.integers() | st.sampled_from([0, -1, HUGE, -HUGE, sys.maxsize])


def legal(name: str) -> st.SearchStrategy[int]:
    """Mostly what services have, else anything in the range."""
    lowest, highest = budget.RANGES[name]
    usual = st.integers(1, 600) if name == "database_limit" else st.integers(1, 8)
    rare = st.integers(lowest, highest) | st.sampled_from([lowest, highest])
    return st.integers(0, 7).flatmap(lambda die: rare if die == 0 else usual)


def space(
    number: Callable[[str], st.SearchStrategy[int]], poolings: st.SearchStrategy[str]
) -> st.SearchStrategy[Answers]:
    return st.builds(
        lambda target_facts, numbers, pooling, server: Answers(
            **target_facts, **numbers, pooling=pooling, server=server
        ),
        FACTS,
        st.fixed_dictionaries({name: number(name) for name in budget.RANGES}),
        poolings,
        st.sampled_from(["wsgi", "wsgi-gunicorn", "asgi"]),
    )


POOLINGS = st.sampled_from(budget.POOLINGS)
ANY = space(lambda name: legal(name) | WILD, POOLINGS | st.text(max_size=20))
LEGAL = space(legal, POOLINGS)

# Every machine tests the same answers, and a slow one does not fail.
fixed = settings(max_examples=200, deadline=None, derandomize=True)


def test_the_choices_are_those_of_the_question() -> None:
    assert set(budget.POOLINGS) == set(QUESTIONS["pooling"])
    assert set(budget.RANGES) <= set(QUESTIONS)
    assert set(budget.REASONS) == set(budget.POOLINGS) - {"recommended"}


@fixed
@given(ANY)
def test_every_answer_gives_a_plan_or_an_error(given_answers: Answers) -> None:
    result, lines = counting_lines(lambda: outcome(given_answers))
    assert isinstance(result, Plan | BudgetError)
    assert lines < 200_000


def counting_lines(work: Callable[[], object]) -> tuple[object, int]:
    """What it returns, and how many lines of Python it runs for that."""
    lines = 0

    def count(frame: FrameType, event: str, argument: object) -> Callable:
        nonlocal lines
        lines += event == "line"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        result = work()
    finally:
        sys.settrace(before)
    return result, lines


@pytest.mark.parametrize("digits", [1, 9, 400, 5000])  # 5000: more than Python writes out
@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("name", budget.RANGES)
@pytest.mark.parametrize("pooling", [*budget.POOLINGS, "unheard of"])
def test_extreme_numbers_are_refused(name: str, sign: int, digits: int, pooling: str) -> None:
    number = 0 if digits == 1 else sign * 10**digits
    error = outcome(replace(answers(pooling=pooling), **{name: number}))
    assert isinstance(error, BudgetError)
    assert f"{name}=" in error.accepted()


@fixed
@given(LEGAL)
def test_a_plan_stays_inside_the_budget(given_answers: Answers) -> None:
    plan = outcome(given_answers)
    assume(isinstance(plan, Plan))
    a = given_answers
    assert plan.usable == a.database_limit - a.kept_back
    assert a.kept_back >= a.reserved
    assert 100 * a.kept_back >= a.reserved_percent * a.database_limit
    assert plan.budget == plan.usable - a.other_connections
    # Old and new instances together: never fewer than all that run.
    assert 100 * a.instances_at_once >= a.web_instances * max(100, a.overlap_percent)
    assert 1 <= plan.per_process <= a.web_threads
    assert plan.peak == a.instances_at_once * a.web_processes * plan.per_process
    assert plan.spare == plan.budget - plan.server_connections >= 0
    assert plan.of_the_role + plan.poolers * plan.lookups + plan.spare == plan.usable

    if plan.pooling in DIRECT:
        assert plan.peak == plan.server_connections <= plan.budget
        assert (plan.pool_size, plan.poolers, plan.pooled) == (0, 0, False)
        of_an_instance = a.web_processes * plan.per_process
        assert of_an_instance <= (a.connections_per_instance or of_an_instance)
        return
    assert plan.pooled
    # It says what it counted.
    assert ("one" if plan.poolers == 1 else str(plan.poolers)) in plan.topology
    assert plan.pool_size >= 1
    assert plan.server_connections <= plan.budget
    pool = min(plan.pool_size, plan.clients) + plan.lookups
    assert plan.server_connections == plan.poolers * pool
    if plan.pooling == "pgbouncer":
        assert plan.poolers == (a.instances_at_once if a.pgbouncer_per_instance else 1)
        assert plan.lookups == (0 if a.pgbouncer_per_instance else 1)
        assert (plan.pool_size + plan.lookups) * plan.poolers <= plan.budget
        assert plan.clients == plan.peak // plan.poolers <= budget.MAX_CLIENTS
        assert plan.clients + a.other_connections <= plan.max_client_conn
    else:
        pooler = a.provider_pooler
        assert plan.poolers == pooler.poolers
        assert a.database_limit not in pooler.plans_without or not pooler.plans
        assert pooler.max_client_conn is None or plan.peak <= pooler.max_client_conn
        if pooler.sized_by != "unknown":
            assert plan.server_connections <= a.database_limit * pooler.pool_percent // 100
        if pooler.sized_by == "you":
            assert plan.lookups == (0 if a.pgbouncer_per_instance else 1)
        assert (plan.pool_size + plan.lookups) * plan.poolers <= plan.budget
        if pooler.pool_mode == "session" or pooler.sized_by == "unknown":
            # Each client may keep a server connection, exactly as without the pooler.
            assert plan.peak <= plan.server_connections


@fixed
@given(LEGAL)
def test_recommended_fits_whenever_any_choice_does(given_answers: Answers) -> None:
    recommended = outcome(replace(given_answers, pooling="recommended"))
    single = [name for name in budget.POOLINGS if name != "recommended"]
    fitting = {
        name: plan
        for name in single
        if isinstance(plan := outcome(replace(given_answers, pooling=name)), Plan)
    }
    assert isinstance(recommended, Plan) == bool(fitting)
    if not fitting:
        return
    # It is one of them, with the same numbers; only the reason says more.
    same = fitting[recommended.pooling]
    assert recommended.reason.startswith(f"{same.reason}; ")
    assert replace(recommended, answers=same.answers, reason=same.reason) == same
    assert recommended.answers.pooling == recommended.pooling
    if given_answers.server != "asgi":
        assert ("persistent" in fitting) == (recommended.pooling == "persistent")
    assert outcome(replace(given_answers, pooling=recommended.pooling)) == same


@fixed
@given(LEGAL)
def test_rows_add_up(given_answers: Answers) -> None:
    plan = outcome(given_answers)
    assume(isinstance(plan, Plan))
    rows = {what: number for what, number, _ in budget_rows(plan)}
    assert len(rows) == (8 if plan.pooled else 7)
    left = rows["limit"] - rows["reserved by the server"] - rows["other connections"]
    assert left == rows["for the web processes"]
    held = rows["pooler to database"] if plan.pooled else rows["peak"]
    assert left - held == rows["spare"]
    a = given_answers
    assert rows["peak"] == a.instances_at_once * a.web_processes * rows["per process"]


@fixed
@given(ANY)
@example(answers(pooling="persistent", server="asgi", limit=1))
@example(answers(limit=1, other_connections=262_143))
@example(answers(limit=1, other_connections=262_143, pooling="provider-pooler"))
@example(answers("heroku", limit=20, pooling="provider-pooler", server="asgi"))
@example(answers(web_instances=1_000, web_processes=1_000, web_threads=1_000))
def test_all_advice_is_accepted(given_answers: Answers) -> None:
    error = outcome(given_answers)
    assume(isinstance(error, BudgetError))
    assert error.changes
    for change in error.changes:
        assert change
        assert isinstance(outcome(replace(given_answers, **change)), Plan)
        # No change is idle, and each of several is needed.
        for name, new in change.items():
            assert new != getattr(given_answers, name)
            fewer = {other: value for other, value in change.items() if other != name}
            assert isinstance(outcome(replace(given_answers, **fewer)), BudgetError)
    assert str(error) == f"{error.problem}; accepted would be {error.accepted()}."


@fixed
@given(LEGAL)
def test_advice_is_the_nearest_that_fits(given_answers: Answers) -> None:
    error = outcome(given_answers)
    assume(isinstance(error, BudgetError))
    for change in error.changes:
        [(name, new), *more] = change.items()
        if more or name not in budget.RANGES:
            continue
        # Of the limits, only those of real plans are offered for the provider's pooler.
        if name == "database_limit" and given_answers.pooling == "provider-pooler":
            continue
        nearer = new - 1 if name == "database_limit" else new + 1
        assert isinstance(outcome(replace(given_answers, **{name: nearer})), BudgetError)


@fixed
@given(LEGAL, st.sampled_from(tuple(budget.RANGES)), WILD)
def test_the_problem_shows_the_number(given_answers: Answers, name: str, number: int) -> None:
    lowest, highest = budget.RANGES[name]
    assume(not lowest <= number <= highest)
    error = outcome(replace(given_answers, **{name: number}))
    assert isinstance(error, BudgetError)
    shown = str(number) if abs(number) < 2**128 else f"a number of {number.bit_length()} bits"
    assert error.problem == f"{name} must be from {lowest} to {highest}, not {shown}"
    assert all(change[name] in range(lowest, highest + 1) for change in error.changes)


@fixed
@given(LEGAL)
def test_the_problem_shows_the_sum(given_answers: Answers) -> None:
    error = outcome(given_answers)
    assume(isinstance(error, BudgetError) and "=" in error.problem)
    assume(not error.problem.startswith(("pooling=", "the provider's pooler comes")))
    a = given_answers
    left = a.database_limit - a.kept_back - a.other_connections
    assert error.problem.endswith(
        f"database_limit {a.database_limit} - {a.kept_back} reserved by the server "
        f"- {a.other_connections} other_connections = {left}"
    )


@fixed
@given(LEGAL)
def test_what_the_service_says(given_answers: Answers) -> None:
    """The problem, in the names of its environment, and nothing that only a new render changes."""
    result, said = outcome(given_answers), service_refusal(given_answers)
    assert (said is None) == isinstance(result, Plan)
    assume(said)
    for name, variable in VARIABLES.items():
        assert name not in said
        said = said.replace(variable, name)
    assert said == result.problem


# --- examples ----------------------------------------------------------------------------------

# target, limit, changes -> pooling, budget, per_process, peak, pool_size, poolers, spare
FITTING = [
    ("docker-compose", 100, {}, ("persistent", 94, 4, 8, 0, 0, 86)),
    ("docker-compose", 100, {"pooling": "none"}, ("none", 94, 4, 8, 0, 0, 86)),
    ("docker-compose", 100, {"server": "asgi"}, ("psycopg-pool", 94, 4, 8, 0, 0, 86)),
    ("docker-compose", 20, {"web_threads": 16}, ("psycopg-pool", 14, 7, 14, 0, 0, 0)),
    ("docker-compose", 20, {"web_threads": 7}, ("persistent", 14, 7, 14, 0, 0, 0)),
    ("docker-compose", 20, {"web_processes": 15}, ("pgbouncer", 14, 4, 60, 13, 1, 0)),
    ("docker-compose", 8, {"web_processes": 3}, ("pgbouncer", 2, 4, 12, 1, 1, 0)),
    ("docker-compose", 100, {"pooling": "pgbouncer"}, ("pgbouncer", 94, 4, 8, 93, 1, 85)),
    ("heroku", 20, {}, ("persistent", 17, 4, 16, 0, 0, 1)),
    ("heroku", 20, {"web_instances": 2}, ("psycopg-pool", 17, 2, 16, 0, 0, 1)),
    ("heroku", 20, {"web_instances": 5}, ("pgbouncer", 17, 4, 80, 1, 10, 7)),
    ("heroku", 120, {"pooling": "provider-pooler"}, ("provider-pooler", 117, 4, 16, 90, 1, 101)),
    ("heroku", 120, {"web_instances": 40}, ("provider-pooler", 117, 4, 640, 90, 1, 27)),
    ("heroku", 380, {"web_instances": 188}, ("pgbouncer", 377, 4, 3008, 1, 376, 1)),
    (
        "docker-compose",
        100,
        {"pooling": "django-db-connection-pool", "web_threads": 200},
        ("django-db-connection-pool", 94, 47, 94, 0, 0, 0),
    ),
    (
        "docker-compose",
        100,
        {"pooling": "django-postgrespool2", "web_instances": 3},
        ("django-postgrespool2", 94, 4, 24, 0, 0, 70),
    ),
]


@pytest.mark.parametrize(("target", "limit", "changes", "numbers"), FITTING)
def test_example_that_fits(target: str, limit: int, changes: dict, numbers: tuple) -> None:
    plan = connection_plan(answers(target, limit, **changes))
    shown = (plan.pooling, plan.budget, plan.per_process, plan.peak)
    assert (*shown, plan.pool_size, plan.poolers, plan.spare) == numbers


ASGI = (
    "pooling=persistent does not work with server=asgi: each request runs in a thread of its own, "
    "so its connection is never reused and stays open"
)


def left(limit: int, reserved: int, other: int, budget: int) -> str:
    return (
        f"database_limit {limit} - {reserved} reserved by the server - {other} other_connections "
        f"= {budget}"
    )


# target, limit, changes -> problem, accepted
REFUSED = [
    (
        "docker-compose",
        20,
        {"pooling": "persistent", "web_threads": 16},
        "persistent needs 32 connections at peak (1 web_instances x 2 web_processes "
        f"x 16 web_threads), but only 14 are left: {left(20, 3, 3, 14)}",
        "pooling=recommended, web_threads=7 or database_limit=38",
    ),
    (
        "docker-compose",
        100,
        {"pooling": "persistent", "server": "asgi"},
        ASGI,
        "pooling=recommended or server=wsgi",
    ),
    (
        "docker-compose",
        5,
        {"pooling": "persistent", "server": "asgi"},
        ASGI,
        "pooling=recommended and database_limit=8",
    ),
    (
        "docker-compose",
        6,
        {},
        f"no connection is left for the web processes: {left(6, 3, 3, 0)}",
        "other_connections=1 or database_limit=8",
    ),
    (
        "docker-compose",
        1,
        {"other_connections": 262_143},
        f"no connection is left for the web processes: {left(1, 3, 262_143, -262_145)}",
        "other_connections=1 and web_processes=1 and database_limit=5",
    ),
    (
        "docker-compose",
        20,
        {"pooling": "psycopg-pool", "web_instances": 8},
        "psycopg-pool needs 16 connections, one for each process (8 web_instances "
        f"x 2 web_processes), but only 14 are left: {left(20, 3, 3, 14)}",
        "pooling=recommended, web_processes=1, web_instances=7, other_connections=1 "
        "or database_limit=22",
    ),
    (
        "heroku",
        20,
        {"pooling": "django-postgrespool2", "web_instances": 6},
        "django-postgrespool2 needs 24 connections, one for each process (12 instances while a "
        "deploy overlaps (6 web_instances) x 2 web_processes), but only 17 are left: "
        f"{left(20, 0, 3, 17)}",
        "pooling=recommended, web_processes=1, web_instances=4 or database_limit=27",
    ),
    (
        "docker-compose",
        100,
        {"pooling": "provider-pooler"},
        "this hosting target has no pooler of its own",
        "pooling=recommended",
    ),
    (
        "heroku",
        20,
        {"pooling": "provider-pooler"},
        "the provider's pooler comes with plans of 120 to 500 connections, and not with one of "
        "database_limit=20",
        "pooling=recommended or database_limit=120",
    ),
    (
        "heroku",
        380,
        {"pooling": "provider-pooler"},
        "the provider's pooler comes with plans of 120 to 500 connections, and not with one of "
        "database_limit=380",
        "pooling=recommended or database_limit=400",
    ),
    (
        "heroku",
        120,
        {"pooling": "provider-pooler", "other_connections": 40, "web_instances": 6},
        "the provider's pooler takes 90 connections for 96 connections at peak (12 instances while "
        "a deploy overlaps (6 web_instances) x 2 web_processes x 4 web_threads), but "
        f"{left(120, 0, 40, 80)}",
        "pooling=recommended, web_threads=3, web_processes=1, web_instances=5, "
        "other_connections=30 or database_limit=400",
    ),
    (
        "heroku",
        20,
        {"web_instances": 9},
        "PgBouncer needs a connection for each of 18 instances while a deploy overlaps "
        f"(9 web_instances), but {left(20, 0, 3, 17)}",
        "web_instances=8, other_connections=2 or database_limit=21",
    ),
    (
        "docker-compose",
        1000,
        {"pooling": "pgbouncer", "web_instances": 100, "web_processes": 20, "web_threads": 6},
        "one PgBouncer serves 10000 clients, and these would be 12000 connections at peak "
        "(100 web_instances x 20 web_processes x 6 web_threads)",
        "web_threads=5, web_processes=16 or web_instances=83",
    ),
    (
        "heroku",
        3200,
        {"pooling": "pgbouncer", "web_processes": 1000, "web_threads": 11},
        "one PgBouncer serves 10000 clients, and these would be 11000 per instance "
        "(1000 web_processes x 11 web_threads)",
        "pooling=recommended, web_threads=10 or web_processes=909",
    ),
    (
        "docker-compose",
        262_144,
        {},
        "database_limit must be from 1 to 262143, not 262144",
        "database_limit=262143",
    ),
    (
        "docker-compose",
        100,
        {"other_connections": 0, "web_threads": -1},
        "web_threads must be from 1 to 1000, not -1",
        "web_threads=1 and other_connections=1",
    ),
    (
        "docker-compose",
        100,
        {"pooling": "pgpool"},
        "pooling must be one of recommended, none, persistent, psycopg-pool, "
        "django-db-connection-pool, django-postgrespool2, pgbouncer, provider-pooler, "
        "not 'pgpool'",
        "pooling=recommended",
    ),
]


@pytest.mark.parametrize(("target", "limit", "changes", "problem", "accepted"), REFUSED)
def test_example_that_is_refused(
    target: str, limit: int, changes: dict, problem: str, accepted: str
) -> None:
    with pytest.raises(BudgetError) as refused:
        connection_plan(answers(target, limit, **changes))
    assert str(refused.value) == f"{problem}; accepted would be {accepted}."
