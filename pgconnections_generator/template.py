"""The template itself: where its files are, and its questions."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

TEMPLATE = Path(__file__).resolve().parent.parent
PROJECT = TEMPLATE / "{{cookiecutter.project_slug}}"


@functools.cache
def cookiecutter_json() -> dict[str, Any]:
    return json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))


def questions() -> dict[str, Any]:
    """The questions in their order, with their defaults; a list has the choices."""
    return {name: default for name, default in cookiecutter_json().items() if name[0] != "_"}
