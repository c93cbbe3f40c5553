"""The answers to all questions, where only some were given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import Environment

from .adoption import adopted_slug, settings_module
from .facts import default_limit, default_size
from .names import derived_slug
from .template import questions

# What the defaults in cookiecutter.json call.
FILTERS: dict[str, Callable[..., Any]] = {
    "adopted_slug": adopted_slug,
    "default_limit": default_limit,
    "default_size": default_size,
    "derived_slug": derived_slug,
    "settings_module": settings_module,
}


def completed(answers: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """These answers, and the defaults of all other questions: the user's own, or the template's."""
    environment = Environment()
    environment.filters |= FILTERS
    complete: dict[str, Any] = {}
    for name, default in questions().items():
        if name in answers:
            complete[name] = answers[name]
        elif isinstance(default, list):
            complete[name] = own[name] if own.get(name) in default else default[0]
        elif name in own:
            complete[name] = own[name]
        else:
            complete[name] = environment.from_string(default).render(cookiecutter=complete)
    return complete
