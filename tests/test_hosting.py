"""The facts about hosting targets, and the questions that offer them."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from conftest import QUESTIONS, TEMPLATE
from jsonschema import Draft202012Validator, FormatChecker

from pgconnections_generator.budget import MAX_CONNECTIONS
from pgconnections_generator.facts import default_limit

Schema = dict[str, Any]

DATA = sorted((TEMPLATE / "hosting").glob("*.json"))
EVERY_TARGET = pytest.mark.parametrize("path", DATA, ids=lambda path: path.stem)


def whole_number(lowest: int, highest: int) -> Schema:
    return {"type": "integer", "minimum": lowest, "maximum": highest}


def strings(schema: Schema) -> Schema:
    return {"type": "array", "items": schema, "minItems": 1, "uniqueItems": True}


def record(required: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    """An object with these properties and no others, so that a misspelt one is found."""
    return {
        "type": "object",
        "properties": required | (optional or {}),
        "required": list(required),
        "additionalProperties": False,
    }


TEXT = {"type": "string", "pattern": r"^\S(.*\S)?$"}
VARIABLE = {"type": "string", "pattern": "^[A-Z][A-Z0-9_]*$"}
# Where a fact is from, and the day on which that page said so.
ORIGIN = {
    "source": {"type": "string", "format": "uri", "pattern": r"^https://[^\s/]+\.[^\s/]+/\S+$"},
    "as_of": {"type": "string", "format": "date", "pattern": r"^\d{4}-\d{2}-\d{2}$"},
}
# `unverified` marks what no page of the provider confirmed; what was confirmed does not say so.
REMARKS = {"note": TEXT, "unverified": {"const": True}}


def fact(value: Schema) -> Schema:
    return record({"value": value, **ORIGIN}, REMARKS)


CONNECTIONS = whole_number(1, MAX_CONNECTIONS)  # in total
SIZE = whole_number(1, 1000)
PERCENT = whole_number(1, 100)
SECONDS = whole_number(60, 86_400)
CLIENTS = whole_number(1, 1_000_000)  # in total
POOLERS = whole_number(1, 100)  # that run at once
ROADS = record({"pooled": strings(VARIABLE), "direct": strings(VARIABLE)})
FILE = {"type": "string", "pattern": r"^[\w.-]+(/[\w.-]+)*$"}
# A place in a deploy file: its name, and the way to the value inside it as in a JSON pointer.
PLACE = {"type": "string", "pattern": r"^[\w.-]+(/[\w.-]+)*#(/[^/]+)+$"}
PLAN = record(
    {"name": TEXT, "connections": CONNECTIONS, **ORIGIN},
    {
        "add_on": TEXT,
        "provider_pooler": record({}, {"poolers": POOLERS, "max_client_conn": CLIENTS}),
        **REMARKS,
    },
)
# Who decides how many server connections the provider's pooler opens.
SIZED_BY = {"enum": ["provider", "you", "unknown"]}

TARGET = record(
    {
        "name": TEXT,
        "limit_lookup": fact(TEXT),
        # Instances alive at once during a deploy, in percent of those that run otherwise.
        "deploy_overlap_percent": fact(whole_number(100, 300)),
        "web_processes": fact(SIZE),  # per instance
        "web_threads": fact(SIZE),  # per process
        "url_variables": record(
            {"direct": strings(VARIABLE), "pgbouncer": ROADS, **ORIGIN},
            {"provider_pooler": ROADS, **REMARKS},
        ),
        "address": fact(TEXT),
        "allowed_hosts": fact(TEXT),
        "pgbouncer": record(
            {"started_by": {"enum": ["service", "command", "sidecar", "host"]}, **ORIGIN},
            {"files": strings(FILE), **REMARKS},
        ),
        "differences": {"type": "array", "items": fact(TEXT), "minItems": 2, "maxItems": 2},
        "deploy": record({"files": strings(FILE), "start": PLACE, "migrate": PLACE}),
    },
    {
        "plans": {"type": "array", "minItems": 1, "items": PLAN},
        "reserved_connections": fact(CONNECTIONS),
        "reserved_percent": fact(PERCENT),
        "connections_per_instance": fact(CONNECTIONS),
        "idle_cut": fact(SECONDS),
        "lifetime_cut": fact(SECONDS),
        "kept_awake": fact({"const": True}),
        "wakes_within": fact(whole_number(1, 120)),
        "stop_seconds": fact(whole_number(1, 600)),
        # The weakest that the database may be reached with.
        "sslmode": fact({"enum": ["require", "verify-ca", "verify-full"]}),
        "sslrootcert": record(
            {
                "value": {"type": "string", "pattern": r"^(public|/\S+|[A-Z][A-Z0-9_]*)$"},
                **ORIGIN,
            },
            {"download": ORIGIN["source"], **REMARKS},
        ),
        # Variables that the host itself sets at run time, with usual values.
        "sets": fact({"type": "object", "additionalProperties": TEXT, "minProperties": 1}),
        "provider_pooler": record(
            {
                "pool_mode": fact({"enum": ["transaction", "session"]}),
                "sized_by": fact(SIZED_BY),
                "address": fact(TEXT),
                "restrictions": fact(TEXT),
            },
            {
                # Its server connections, in percent of the plan's: at most.
                "pool_percent": fact(PERCENT),
                "poolers": fact(POOLERS),
                "max_client_conn": fact(CLIENTS),
                # 0 where it passes none on.
                "max_prepared_statements": fact(whole_number(0, 100_000)),
            },
        ),
    },
)


def problems(target: Any) -> list[str]:
    validator = Draft202012Validator(TARGET, format_checker=FormatChecker())
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(target)]


def load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(TARGET)


@EVERY_TARGET
def test_data_has_the_shape(path: Path) -> None:
    found = problems(load(path))

    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("where", "change", "problem"),
    [
        ("web_threads", {"value": "4"}, "$.web_threads.value: '4' is not of type 'integer'"),
        ("web_threads", {"valeu": 4}, "$.web_threads: Additional properties are not allowed"),
        ("web_threads", {"as_of": "2026-02-30"}, "$.web_threads.as_of: '2026-02-30' is not a"),
        ("web_threads", {"as_of": "20260228"}, "$.web_threads.as_of: '20260228' does not match"),
        ("web_threads", {"source": "a blog"}, "$.web_threads.source: 'a blog' does not match"),
        ("web_threads", {"source": None}, "$.web_threads: 'source' is a required property"),
        ("web_threads", {"unverified": False}, "$.web_threads.unverified: True was expected"),
        ("deploy_overlap_percent", {"value": 2}, "$.deploy_overlap_percent.value: 2 is less than"),
    ],
)
def test_mistakes_are_found(where: str, change: dict[str, Any], problem: str) -> None:
    target = load(TEMPLATE / "hosting" / "docker-compose.json")
    changed = target[where] | change
    target[where] = {name: value for name, value in changed.items() if value is not None}

    assert any(found.startswith(problem) for found in problems(target)), problems(target)


@EVERY_TARGET
def test_no_fact_is_from_the_future(path: Path) -> None:
    days = re.findall(r'"as_of": "([^"]*)"', path.read_text(encoding="utf-8"))

    # The author may be ahead of this machine by a time zone.
    assert all((date.fromisoformat(day) - date.today()).days <= 1 for day in days)


@EVERY_TARGET
def test_a_provider_pooler_is_described_as_a_whole(path: Path) -> None:
    target = load(path)
    parts = [
        "provider_pooler" in target,
        "provider_pooler" in target["url_variables"],
        any("provider_pooler" in plan for plan in target.get("plans", [{"provider_pooler": {}}])),
    ]

    assert parts == 3 * [parts[0]] or "plans" not in target and parts[0] == parts[1]


def test_targets_are_the_data_files() -> None:
    targets = QUESTIONS["hosting_target"]

    assert set(targets) == {path.stem for path in DATA}, "hosting/ and cookiecutter.json differ"
    assert targets[0] == "docker-compose"


def test_every_question_and_every_choice_has_a_prompt() -> None:
    prompts = QUESTIONS["__prompts__"]
    questions = {name: text for name, text in QUESTIONS.items() if not name.startswith("_")}
    assert list(prompts) == list(questions)

    for name, answers in questions.items():
        if isinstance(answers, list):
            assert list(prompts[name]) == ["__prompt__", *answers]
            assert all(prompts[name].values())
        else:
            assert isinstance(prompts[name], str) and prompts[name]


@EVERY_TARGET
def test_the_prompt_tells_the_default_limit(path: Path) -> None:
    prompt = QUESTIONS["__prompts__"]["hosting_target"].get(path.stem)
    assert prompt, "cookiecutter.json has no text for it in __prompts__"

    limit = default_limit(path.stem)
    assert re.findall(r"(\d+) connections", prompt) == ([str(limit)] if limit else [])
    assert bool(limit) != ("look the connections of your plan up" in prompt)
