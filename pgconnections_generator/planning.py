"""Divide the limit: the numbers of each choice, and the fastest choice that fits."""

from __future__ import annotations

from dataclasses import replace

from .budget import MAX_CLIENTS, POOLERS, POOLINGS, POOLS, RANGES, REASONS, Answers, Plan


def find(answers: Answers) -> Plan | None:
    """The plan for any answers, or None when there is none."""
    if out_of_range(answers) or conflict(answers):
        return None
    return _recommended(answers) if answers.pooling == "recommended" else _plan(answers)


def _recommended(answers: Answers) -> Plan | None:
    """The fastest choice that fits, with as little as possible between Django and the database."""
    for pooling in ("persistent", "psycopg-pool", "provider-pooler", "pgbouncer"):
        plan = find(replace(answers, pooling=pooling))
        if plan is None:
            continue
        room = f"{plan.peak} of the {plan.budget} connections left for the web"
        if pooling == "persistent":
            why = f"at peak its threads hold {room}"
        elif pooling == "psycopg-pool" and answers.server == "asgi":
            why = f"under ASGI only a pool both reuses and bounds; at peak it holds {room}"
        elif pooling == "psycopg-pool":
            why = f"one per thread would not fit, at peak the pools hold {room}"
        else:
            why = f"not even one connection per process would fit into {plan.budget}"
        return replace(plan, reason=f"{REASONS[pooling]}; {why}")
    return None


def _plan(answers: Answers) -> Plan | None:
    """The division for a resolved choice, or None when it does not fit."""
    a = answers
    usable = a.database_limit - a.kept_back
    budget = usable - a.other_connections
    processes_at_once = a.instances_at_once * a.web_processes

    per_process = a.web_threads
    if a.pooling in POOLS:
        # More connections than threads would idle; fewer make threads wait for each other.
        per_process = min(a.web_threads, max(budget, 0) // processes_at_once)
        if a.connections_per_instance:
            per_process = min(per_process, a.connections_per_instance // a.web_processes)
    peak = processes_at_once * per_process
    pool_size = poolers = lookups = 0
    fits = 0 < per_process and peak <= budget
    if a.connections_per_instance and a.pooling not in POOLERS:
        fits = fits and a.web_processes * per_process <= a.connections_per_instance

    if a.pooling == "pgbouncer":
        poolers = a.instances_at_once if a.pgbouncer_per_instance else 1
        # Beside an instance it knows the one password; else it asks the database for each.
        lookups = 0 if a.pgbouncer_per_instance else 1
        pool_size = max(budget, 0) // poolers - lookups
        fits = pool_size > 0 and peak // poolers <= MAX_CLIENTS
    elif a.pooling == "provider-pooler" and a.provider_pooler:
        pooler = a.provider_pooler
        poolers, clients = pooler.poolers, pooler.max_client_conn
        pool_size = pool_size_of(a, budget, peak)
        if pooler.pool_mode == "session":
            # Each client holds a connection.
            clients = min(pool_size * poolers, clients or pool_size * poolers)
        fits = 0 < pool_size and poolers * min(pool_size, peak) <= budget
        fits = fits and (clients is None or peak <= clients)

    if not fits:
        return None
    sizes = (usable, budget, per_process, peak, pool_size, poolers, lookups)
    return Plan(a, a.pooling, REASONS[a.pooling], *sizes)


def pool_size_of(answers: Answers, budget: int, peak: int) -> int:
    """Server connections of one of the provider's poolers."""
    pooler = answers.provider_pooler
    if pooler.sized_by == "unknown":
        return peak
    most = answers.database_limit * pooler.pool_percent // 100
    if pooler.sized_by == "you":
        most = min(most, max(budget, 0))
    return most // pooler.poolers


def out_of_range(answers: Answers) -> dict[str, int | str]:
    """The nearest legal value of each answer that has none."""
    nearest: dict[str, int | str] = {}
    for name, (lowest, highest) in RANGES.items():
        value = getattr(answers, name)
        if not lowest <= value <= highest:
            nearest[name] = min(max(value, lowest), highest)
    if answers.pooling not in POOLINGS:
        nearest["pooling"] = "recommended"
    return nearest


def conflict(answers: Answers) -> str | None:
    """Why this choice cannot work at all, whatever the sizes are."""
    if answers.pooling == "persistent" and answers.server == "asgi":
        return (
            "pooling=persistent does not work with server=asgi: each request runs in a thread of "
            "its own, so its connection is never reused and stays open"
        )
    if answers.pooling == "provider-pooler":
        pooler = answers.provider_pooler
        if pooler is None:
            return "this hosting target has no pooler of its own"
        if not pooler.available(answers.database_limit):
            return (
                f"the provider's pooler comes with plans of {min(pooler.plans)} to "
                f"{max(pooler.plans)} connections, and not with one of "
                f"database_limit={answers.database_limit}"
            )
    return None
