"""What is known of a hosting target: its data file, and what templates need of it."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any

from .budget import Plan, ProviderPooler
from .template import TEMPLATE


@functools.cache
def hosting(target: str) -> dict[str, Any]:
    """The data file of a hosting target; its shape is described in CONTRIBUTING.md."""
    return json.loads((TEMPLATE / "hosting" / f"{target}.json").read_text(encoding="utf-8"))


def value(target: str, fact: str, default: Any = None) -> Any:
    """The value of a fact, or the default where it is not known."""
    return hosting(target).get(fact, {}).get("value", default)


def default_limit(target: str) -> int | str:
    """The connections of the smallest plan, in total; "" where the provider publishes none."""
    return min((plan["connections"] for plan in plans(target)), default="")


def plans(target: str) -> list[dict[str, Any]]:
    """The database plans of the provider; [] where it publishes no limits."""
    return hosting(target).get("plans", [])


def default_size(target: str, size: str) -> int:
    """`web_processes` (per instance) or `web_threads` (per process) as the target suggests."""
    return value(target, size)


def facts(target: str, limit: int) -> dict[str, Any]:
    """What `budget.Answers` takes from the data file, for a plan of so many connections."""
    return {
        "reserved": value(target, "reserved_connections", 0),
        "reserved_percent": value(target, "reserved_percent", 0),
        "overlap_percent": value(target, "deploy_overlap_percent"),
        "connections_per_instance": value(target, "connections_per_instance"),
        "pgbouncer_per_instance": hosting(target)["pgbouncer"]["started_by"] != "service",
        "provider_pooler": provider_pooler(target, limit),
    }


def provider_pooler(target: str, limit: int) -> ProviderPooler | None:
    """The pooler of the provider, or None where it has none."""
    pooler = hosting(target).get("provider_pooler")
    if pooler is None:
        return None
    known = {name: fact["value"] for name, fact in pooler.items()}
    with_pooler = [plan["connections"] for plan in plans(target) if "provider_pooler" in plan]
    without = [
        plan["connections"]
        for plan in plans(target)
        if "provider_pooler" not in plan and plan["connections"] not in with_pooler
    ]
    of_the_plan = smallest_plan(target, limit, with_pooler=True).get("provider_pooler", {})
    return ProviderPooler(
        pool_mode=known["pool_mode"],
        sized_by=known["sized_by"],
        pool_percent=known.get("pool_percent", 100),
        poolers=of_the_plan.get("poolers", known.get("poolers", 1)),
        max_client_conn=of_the_plan.get("max_client_conn", known.get("max_client_conn")),
        plans=tuple(with_pooler) if without else (),
        plans_without=tuple(without),
    )


def smallest_plan(target: str, limit: int, *, with_pooler: bool = False) -> dict[str, Any]:
    """The smallest plan of the provider that allows `limit` connections, or {}."""
    enough = [
        plan
        for plan in plans(target)
        if plan["connections"] >= limit and (not with_pooler or "provider_pooler" in plan)
    ]
    return min(enough, key=lambda plan: plan["connections"], default={})


def roads(plan: Plan, target: Mapping[str, Any]) -> dict[str, Any]:
    """The environment variables with the URLs of each road to the database: the first that is set
    counts."""
    variables = {"direct": target["url_variables"]["direct"]}
    if plan.pooled:
        variables = target["url_variables"][plan.pooling.replace("-", "_")]
    every = [*variables.get("pooled", []), *variables["direct"]]
    return {**variables, "all": list(dict.fromkeys(every))}


def tls(target: Mapping[str, Any]) -> dict[str, Any] | None:
    """The weakest `sslmode` to reach the database with, and where its root certificate is: "public"
    (an authority that everybody trusts), a path that the deploy files fill, or a variable with the
    certificate itself. None where the URL alone decides."""
    if "sslmode" not in target:
        return None
    root = target.get("sslrootcert", {})
    place = root.get("value", "")
    kind = {"": "none", "public": "public"}.get(place, "path" if place[:1] == "/" else "variable")
    return {
        "sslmode": target["sslmode"]["value"],
        "sslrootcert": place,
        "kind": kind,
        "download": root.get("download"),
        "note": root.get("note"),
    }


# Seconds that connections are kept where nothing on the way to the database cuts them earlier.
CONN_MAX_AGE, MAX_IDLE, MAX_LIFETIME = 60, 300, 1800
# Seconds to wait for a server that does not answer, and for a connection where none is free.
CONNECT, WAIT = 5, 12


def times(target: Mapping[str, Any]) -> dict[str, int]:
    """How long connections are kept, in seconds, before anything on the way would cut them; and how
    long is waited for them, until a database that sleeps is awake."""
    idle_cut = target.get("idle_cut", {}).get("value", 2 * MAX_IDLE)
    lifetime_cut = target.get("lifetime_cut", {}).get("value", MAX_LIFETIME)
    # A quarter early: clocks of a pool, of PgBouncer and of a thread look only now and then.
    max_idle = min(MAX_IDLE, idle_cut * 3 // 4, lifetime_cut)
    max_lifetime = min(MAX_LIFETIME, lifetime_cut)
    connect = max(CONNECT, target.get("wakes_within", {}).get("value", 0) * 4 // 3)
    return {
        "connect": connect,
        "wait": max(WAIT, connect + 2),
        "conn_max_age": min(CONN_MAX_AGE, max_idle),
        "max_idle": max_idle,
        "max_lifetime": max_lifetime,
        # SQLAlchemy looks at the age only, so that has to keep idle ones below the cut too.
        "recycle": max_lifetime if "idle_cut" not in target else min(max_lifetime, max_idle),
        # Where an open connection keeps the database awake, an idle pool has to close them all.
        "min_size": 0 if target.get("kept_awake", {}).get("value") else 1,
    }


def prepared_statements(target: Mapping[str, Any]) -> int | None:
    """How many of each client the provider's pooler keeps; None where nothing is published."""
    return target.get("provider_pooler", {}).get("max_prepared_statements", {}).get("value")


def lock(plan: Plan, target: Mapping[str, Any]) -> str:
    """The file in templates/locks/ with what this choice requires, locked."""
    driver = "psycopg-pool" if plan.own_backend else "psycopg"
    if plan.pooling.startswith("django-"):
        driver = plan.pooling
    certificates = tls(target)
    certifi = "-certifi" if certificates and certificates["kind"] == "public" else ""
    return f"{driver}{certifi}"


def deploy_files(plan: Plan, target: Mapping[str, Any]) -> list[str]:
    """The files that the hosting target reads, besides those that every project has."""
    more = target["pgbouncer"].get("files", []) if plan.pooling == "pgbouncer" else []
    return list(dict.fromkeys([*target["deploy"]["files"], *more]))


def deploy_folders(plan: Plan) -> list[str]:
    """The folders that files of any hosting target are in."""
    targets = [hosting(path.stem) for path in (TEMPLATE / "hosting").glob("*.json")]
    files = [name for target in targets for name in target["deploy"]["files"]]
    files += [name for target in targets for name in target["pgbouncer"].get("files", [])]
    return sorted({name.partition("/")[0] for name in files if "/" in name})
