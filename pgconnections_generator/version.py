"""Which version of the template is loaded: a process may render another one after it."""

from __future__ import annotations

import os

from .template import TEMPLATE

PACKAGE = TEMPLATE / __package__


def _state() -> list[tuple[str, int, int]]:
    """What tells the code and the facts of two versions in one folder apart."""
    files = [
        file for folder in (TEMPLATE, TEMPLATE / "hosting", PACKAGE) for file in os.scandir(folder)
    ]
    return sorted(
        (file.path, file.stat().st_mtime_ns, file.stat().st_size)
        for file in files
        if file.is_file()
    )


LOADED = _state()


def is_current(file: str) -> bool:
    """Whether a package with this `__init__.py` is the one that is loaded."""
    return file == str(PACKAGE / "__init__.py") and _state() == LOADED
