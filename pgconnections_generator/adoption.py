"""What is asked about a project that exists, and found out in its folder."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from . import caller
from .advice import refused
from .names import derived_slug
from .template import FOLDER

# Where a project says which settings it has, and how.
FILES = ("manage.py", "pytest.ini", "pyproject.toml", "setup.cfg", "tox.ini")
SAID = re.compile(r"""DJANGO_SETTINGS_MODULE['"]?[\s,=\]]+['"]?([A-Za-z_][\w.]*)""")
# Folders of settings that say nothing about the service.
GENERAL = {"app", "backend", "conf", "config", "core", "django_project", "mysite", "project"} | {
    "settings", "src",
}  # fmt: skip


def here() -> Path:
    """The folder of the project: the one in which the new folder will be."""
    return Path(caller.arguments().get("output_dir", "."))


def settings_module(default: str) -> str:
    """The settings module of the project in this folder, or the default."""
    for name in FILES:
        if (file := here() / name).is_file():
            if said := SAID.search(file.read_text(encoding="utf-8", errors="replace")):
                return said[1]
    return default


def adopted_slug(settings_module: Any) -> str:
    """A name for the service: that of its package, or of its folder."""
    package = str(settings_module).partition(".")[0]
    return derived_slug(here().resolve().name if package in GENERAL else package)


def check_settings_module(module: Any) -> None:
    if not module:
        raise refused(
            f"there is no {FILES[0]} in {here().resolve()} that says its DJANGO_SETTINGS_MODULE, "
            "and settings_module is not answered",
            settings_module="YOUR.SETTINGS",
        )
    if not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", str(module), re.ASCII):
        raise refused(
            f"settings_module must be the name of a Python module, not {str(module)[:60]!r}",
            settings_module=settings_module("YOUR.SETTINGS"),
        )


def check_not_adopted() -> None:
    if (folder := here() / FOLDER).exists():
        raise refused(
            f"the folder {os.path.normpath(folder)} exists already, so this project has adopted "
            f"{FOLDER}: its README.md says how to update it, and nothing is written"
        )
