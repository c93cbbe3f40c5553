"""Why answers do not fit, with the sum: what a person reads."""

from __future__ import annotations

import re

from .budget import MAX_CLIENTS, POOLERS, POOLINGS, POOLS, RANGES, Answers
from .planning import conflict, find, out_of_range, pool_size_of

# The environment variables with which a rendered service is told other answers.
VARIABLES = {
    "database_limit": "DATABASE_LIMIT",
    "other_connections": "OTHER_CONNECTIONS",
    "web_instances": "WEB_INSTANCES",
    "web_processes": "WEB_CONCURRENCY",
    "web_threads": "WEB_THREADS",
}


def service_refusal(answers: Answers) -> str | None:
    """What the rendered service says where its environment asks for these numbers: the problem in
    the names of its variables, without alternatives. None where they fit.

    `pooling` is the choice that was rendered, and each number is in its range.
    """
    if find(answers):
        return None
    names = "|".join(VARIABLES)
    return re.sub(rf"\b({names})\b", lambda name: VARIABLES[name[0]], problem(answers))


def problem(answers: Answers) -> str:
    """What is wrong, with the sum."""
    for name in out_of_range(answers):
        value = getattr(answers, name)
        if name == "pooling":
            return f"pooling must be one of {', '.join(POOLINGS)}, not {value!r}"
        lowest, highest = RANGES[name]
        # Python refuses to write out the very long ones.
        shown = value if value.bit_length() <= 128 else f"a number of {value.bit_length()} bits"
        return f"{name} must be from {lowest} to {highest}, not {shown}"
    if impossible := conflict(answers):
        return impossible

    a = answers
    budget = a.database_limit - a.kept_back - a.other_connections
    left = (
        f"database_limit {a.database_limit} - {a.kept_back} reserved by the server "
        f"- {a.other_connections} other_connections = {budget}"
    )
    if budget < 1:
        return f"no connection is left for the web processes: {left}"
    processes = a.instances_at_once * a.web_processes
    instances = f"{a.web_instances} web_instances"
    if a.instances_at_once != a.web_instances:
        instances = f"{a.instances_at_once} instances while a deploy overlaps ({instances})"
    cap = a.connections_per_instance
    each = 1 if a.pooling in POOLS else a.web_threads
    if cap and a.pooling not in POOLERS and a.web_processes * each > cap:
        return (
            f"{a.pooling} needs {a.web_processes * each} connections per instance "
            f"({a.web_processes} web_processes x {each}), but the host allows {cap} to each"
        )
    if a.pooling in POOLS:
        return (
            f"{a.pooling} needs {processes} connections, one for each process "
            f"({instances} x {a.web_processes} web_processes), but only {budget} are left: {left}"
        )
    needed = (
        f"{processes * a.web_threads} connections at peak "
        f"({instances} x {a.web_processes} web_processes x {a.web_threads} web_threads)"
    )
    if a.pooling in ("none", "persistent"):
        return f"{a.pooling} needs {needed}, but only {budget} are left: {left}"
    if a.pooling == "provider-pooler":
        return _pooler_problem(a, budget, needed, left)
    if budget < a.instances_at_once and a.pgbouncer_per_instance:
        return f"PgBouncer needs a connection for each of {instances}, but {left}"
    if budget < 2 and not a.pgbouncer_per_instance:
        return f"PgBouncer needs 2 connections, one of them to look passwords up, but {left}"
    if a.pgbouncer_per_instance:
        needed = (
            f"{a.web_processes * a.web_threads} per instance "
            f"({a.web_processes} web_processes x {a.web_threads} web_threads)"
        )
    return f"one PgBouncer serves {MAX_CLIENTS} clients, and these would be {needed}"


def _pooler_problem(a: Answers, budget: int, needed: str, left: str) -> str:
    """What is wrong with the provider's pooler, with the sum."""
    pooler, peak = a.provider_pooler, a.instances_at_once * a.web_processes * a.web_threads
    pool = pool_size_of(a, budget, peak) * pooler.poolers
    if pool < 1:
        return f"the provider's pooler needs a connection in each of {pooler.poolers}, but {left}"
    if pooler.max_client_conn and peak > pooler.max_client_conn:
        return f"the provider's pooler serves {pooler.max_client_conn} clients, and not {needed}"
    if pooler.pool_mode == "session" and peak > pool:
        return (
            f"the provider's pooler is in session mode, where each client holds one of its {pool} "
            f"connections, and these are {needed}"
        )
    if pooler.pool_mode == "session" or pooler.sized_by == "unknown":
        why = "is in session mode" if pooler.pool_mode == "session" else "has no published size"
        return (
            f"the provider's pooler {why}, so each client counts as a connection, "
            f"and these are {needed}, but {left}"
        )
    takes = min(pool, pooler.poolers * peak)
    return f"the provider's pooler takes {takes} connections for {needed}, but {left}"
