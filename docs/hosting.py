"""Make docs/hosting.md from hosting/*.json, the plans of the generator and the rendered DEPLOY.md.

.venv/bin/python docs/hosting.py
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TEMPLATE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TEMPLATE))

from cookiecutter.main import cookiecutter  # noqa: E402 (the generator is beside docs/)

from pgconnections_generator import facts  # noqa: E402
from pgconnections_generator.advice import BudgetError, connection_plan  # noqa: E402
from pgconnections_generator.budget import Answers  # noqa: E402
from pgconnections_generator.template import questions  # noqa: E402

OUTPUT = TEMPLATE / "docs" / "hosting.md"

# web_instances, web_processes (per instance) and web_threads (per process) of usual services.
SIZES = [(1, 2, 4), (2, 2, 4), (4, 4, 8), (10, 4, 8), (40, 8, 8)]
# Columns of the table of choices, at most, and the largest limit that is worth one.
PLANS, LARGEST = 5, 5_000
# What stands for a limit that only the user can look up.
EXAMPLE_LIMIT = 100

FACTS = {
    "limit_lookup": "where your limit is",
    "reserved_connections": "reserved, not for the service",
    "reserved_percent": "reserved, percent of the limit",
    "connections_per_instance": "connections of one instance, at most",
    "deploy_overlap_percent": "instances alive at once during a deploy, percent",
    "web_processes": "web processes per instance, default",
    "web_threads": "threads per process, default",
    "idle_cut": "seconds after which idle connections are cut",
    "lifetime_cut": "seconds after which any connection is cut",
    "wakes_within": "seconds until a database that sleeps lets a client in",
    "stop_seconds": "seconds from SIGTERM to SIGKILL",
    "kept_awake": "an open connection keeps the database awake",
    "address": "address of the database",
    "sslmode": "TLS, at least",
    "sslrootcert": "root certificate",
    "sets": "variables that the host sets",
    "allowed_hosts": "`ALLOWED_HOSTS` of the deploy files",
}
POOLER_FACTS = {
    "pool_mode": "mode",
    "sized_by": "who sizes its pool",
    "pool_percent": "its connections, percent of the limit at most",
    "poolers": "poolers that run at once",
    "max_client_conn": "clients, at most",
    "max_prepared_statements": "prepared statements of a client",
    "address": "address",
    "restrictions": "restrictions",
}
HEAD = """\
# Hosting targets

What the template knows of each place, with the day on which its source said so. What is marked
*unverified* was confirmed by no page of the provider. What is not here is not published: then the
template asks, and does not guess. [deploys.md](deploys.md) shows a simulated deploy to each of
them. This page is made by `docs/hosting.py` from `hosting/*.json`.

| `hosting_target` | smallest plan | reserved | a deploy runs | the provider's pooler | TLS |
|---|---:|---:|---:|---|---|
"""


def main() -> None:
    OUTPUT.write_text(document(), encoding="utf-8")


def document() -> str:
    """The whole of docs/hosting.md."""
    targets = questions()["hosting_target"]
    overview = "".join(row(overview_cells(target)) for target in targets)
    return HEAD + overview + "".join("\n" + chapter(target) for target in targets)


def row(cells: list[Any]) -> str:
    return f"| {' | '.join(str(cell).replace('|', chr(92) + '|') for cell in cells)} |\n"


def overview_cells(target: str) -> list[Any]:
    data = facts.hosting(target)
    pooler = data.get("provider_pooler")
    return [
        f"[`{target}`](#{target})",
        facts.default_limit(target) or "look it up",
        facts.value(target, "reserved_connections", "not published"),
        f"{data['deploy_overlap_percent']['value']} %",
        f"{pooler['pool_mode']['value']} mode" if pooler else "none known",
        data.get("sslmode", {}).get("value", "as the URL says"),
    ]


def chapter(target: str) -> str:
    data = facts.hosting(target)
    parts = [f"## {target}\n\n{data['name']}.\n"]
    parts.append("".join(f"- {fact['value']} ({origin(fact)})\n" for fact in data["differences"]))
    parts.append(plans_table(target))
    parts.append(choices_table(target))
    parts.append("".join(facts_table(data)))
    if pooler := data.get("provider_pooler"):
        head = "| the provider's pooler | | source |\n|---|---|---|\n"
        parts.append(head + "".join(rows_of(pooler, POOLER_FACTS)))
    parts.append(deploy_text(target))
    return "\n".join(part for part in parts if part)


def plans_table(target: str) -> str:
    """Every plan that is known, with its limit."""
    plans = facts.plans(target)
    if not plans:
        return "The provider publishes no limits.\n"
    lines = "".join(
        row(
            [
                plan["name"],
                plan["connections"],
                "yes" if "provider_pooler" in plan else "no",
                noted(plan.get("note", ""), plan),
            ]
        )
        for plan in plans
    )
    return f"| plan | connections | pooler | source |\n|---|---:|---|---|\n{lines}"


def choices_table(target: str) -> str:
    """What `recommended` makes of usual sizes, under WSGI, on each plan."""
    known = {plan["connections"] for plan in facts.plans(target)}
    limits = sorted(limit for limit in known if limit <= LARGEST)
    limits = limits[: PLANS - 1] + limits[PLANS - 1 :][-1:] or [EXAMPLE_LIMIT]
    head = row(["instances x processes x threads", *(f"limit {limit}" for limit in limits)])
    rule = "|---|" + "---|" * len(limits) + "\n"
    lines = "".join(
        row([f"{i} x {p} x {t}", *(choice(target, limit, i, p, t) for limit in limits)])
        for i, p, t in SIZES
    )
    return (
        "What `pooling=recommended` is with `server=wsgi`, and how many connections it holds at "
        f"most of those left for the web:\n\n{head}{rule}{lines}"
    )


def choice(target: str, limit: int, instances: int, processes: int, threads: int) -> str:
    """The recommended choice for this layout, or what would be accepted instead."""
    answers = Answers(
        database_limit=limit,
        web_instances=instances,
        web_processes=processes,
        web_threads=threads,
        other_connections=3,
        pooling="recommended",
        server="wsgi",
        **facts.facts(target, limit),
    )
    try:
        plan = connection_plan(answers)
    except BudgetError as error:
        larger = [
            change["database_limit"] for change in error.changes if "database_limit" in change
        ]
        return f"needs a limit of {larger[0]}" if larger else "too large"
    return f"{plan.pooling}, {plan.server_connections} of {plan.budget}"


def facts_table(data: dict[str, Any]) -> Iterator[str]:
    yield "| fact | | source |\n|---|---|---|\n"
    yield from rows_of(data, FACTS)
    variables = data["url_variables"]
    for pooling in ("direct", "pgbouncer", "provider_pooler"):
        if pooling in variables:
            yield row(
                [f"URLs: {pooling.replace('_', '-')}", names(variables[pooling]), origin(variables)]
            )


def names(road: list[str] | dict[str, list[str]]) -> str:
    """The variables of a road: the first that is set counts."""
    if isinstance(road, list):
        return " or ".join(f"`{name}`" for name in road)
    return "; ".join(f"{way}: {names(variables)}" for way, variables in road.items())


def rows_of(data: dict[str, Any], labels: dict[str, str]) -> Iterator[str]:
    for key, label in labels.items():
        if key in data:
            yield row(
                [label, shown(data[key]["value"]), noted(data[key].get("note", ""), data[key])]
            )


def shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"`{name}={text}`" for name, text in value.items())
    return "yes" if value is True else str(value)


def noted(note: str, fact: dict[str, Any]) -> str:
    return f"{note}; {origin(fact)}" if note else origin(fact)


def origin(fact: dict[str, Any]) -> str:
    """Where a fact is from, and its day."""
    host = re.sub(r"^https://(www\.)?([^/]+)/.*$", r"\2", fact["source"])
    mark = ", *unverified*" if fact.get("unverified") else ""
    return f"[{host}]({fact['source']}), {fact['as_of']}{mark}"


def deploy_text(target: str) -> str:
    """DEPLOY.md of the project that all defaults give, one level down."""
    answers: dict[str, Any] = {"hosting_target": target}
    if not facts.plans(target):
        answers["database_limit"] = EXAMPLE_LIMIT
    with tempfile.TemporaryDirectory() as folder:
        project = cookiecutter(
            str(TEMPLATE),
            no_input=True,
            extra_context=answers,
            output_dir=folder,
            default_config=True,
            accept_hooks=False,
        )
        text = Path(project, "DEPLOY.md").read_text(encoding="utf-8")
    # Comments of the commands are indented.
    return re.sub("^#", "###", text, flags=re.MULTILINE)


if __name__ == "__main__":
    main()
