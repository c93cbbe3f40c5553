"""What adopt/ includes: the fragments in templates/, and files of the project folder by the names
that they have in a project, without their conditions."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterator
from pathlib import Path

from jinja2 import BaseLoader, ChoiceLoader, FileSystemLoader, FunctionLoader

from .template import PROJECT, TEMPLATE


def names(folder: Path) -> Iterator[str]:
    """The files in a folder, by their paths in it."""
    for inside, _, files in os.walk(folder):
        yield from (os.path.join(inside, name)[len(str(folder)) + 1 :] for name in files)


def without_condition(name: str) -> str:
    return re.sub(r"\{%.*?%\}", "", name)


@functools.cache
def _paths() -> dict[str, Path]:
    return {without_condition(name): PROJECT / name for name in names(PROJECT)}


def _text(name: str) -> str | None:
    path = _paths().get(name)
    return path and path.read_text(encoding="utf-8")


def with_shared_files(loader: BaseLoader) -> BaseLoader:
    """The loader of cookiecutter, and after it those for what is shared."""
    if isinstance(loader, ChoiceLoader):
        return loader
    shared = [FileSystemLoader(TEMPLATE / "templates"), FunctionLoader(_text)]
    return ChoiceLoader([loader, *shared])
