"""The template itself: where its files are, and its questions."""

from __future__ import annotations

import functools
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

VERSION = "1.0.0"

TEMPLATE = Path(__file__).resolve().parent.parent
PROJECT = TEMPLATE / "{{cookiecutter.project_slug}}"
# The template for projects that exist, and the folder that it adds to them.
ADOPT = TEMPLATE / "adopt"
ADDED = ADOPT / "{{cookiecutter.__folder}}"
FOLDER = "pgconnections"


def address(given: str | None) -> str:
    """Where the template is, for whoever renders it again: a path is of one machine only."""
    remote = re.match(r"[a-z+]{2,}:|[\w.-]+@", str(given)) and not str(given).startswith("file:")
    return str(given) if remote else "gh:<owner>/cookiecutter-django-connections"


def adopts() -> bool:
    """Whether adopt/ is rendered: cookiecutter appends the folder of the template to sys.path."""
    return _last_is_adopt(tuple(sys.path))


@functools.cache
def _last_is_adopt(found: tuple[str, ...]) -> bool:
    paths = (os.path.realpath(path) for path in reversed(found))
    return next((path for path in paths if path in (str(ADOPT), str(TEMPLATE))), "") == str(ADOPT)


def project() -> Path:
    """The folder that is rendered."""
    return ADDED if adopts() else PROJECT


def cookiecutter_json() -> dict[str, Any]:
    return _json(project().parent)


@functools.cache
def _json(template: Path) -> dict[str, Any]:
    return json.loads((template / "cookiecutter.json").read_text(encoding="utf-8"))


def questions() -> dict[str, Any]:
    """The questions in their order, with their defaults; a list has the choices."""
    return {name: default for name, default in cookiecutter_json().items() if name[0] != "_"}
