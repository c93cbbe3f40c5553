"""How cookiecutter or cruft was called: from a command line, or by its function from Python."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import click
from cookiecutter.config import USER_CONFIG_PATH, get_user_config

# The functions that know what a render was called with, and the one that asks the questions.
CALLS = {
    ("cookiecutter.main", "cookiecutter"),
    ("cruft._commands.create", "create"),
    ("cruft._commands.utils.cookiecutter", "generate_cookiecutter_context"),
}
ASKS = ("cookiecutter.prompt", "prompt_for_config")
# The one that renders the old version, then the new one, and the one that merges them.
RENDERS = ("cruft._commands.utils.generate", "cookiecutter_template")
UPDATES = ("cruft._commands.update", "update")


def context() -> Any:
    """The running command of cookiecutter or cruft, or None where neither is one."""
    # Newer releases of typer, which cruft is built with, bring a click of their own.
    for module in (click, sys.modules.get("typer._click.globals")):
        found = module and module.get_current_context(silent=True)
        if found and tool(found) in ("cookiecutter", "cruft"):
            return found
    return None


def tool(context: Any) -> str:
    return getattr(context.command.callback, "__module__", "").partition(".")[0]


def params() -> dict[str, Any]:
    """The options and arguments of the running command; {} for a call from Python."""
    found = context()
    return found.params if found else {}


def given() -> dict[str, Any]:
    """The answers of the command line or the call, most of which may not be asked for yet."""
    said = params()
    if "project_dir" in said:
        return {}  # cruft update: renders first with the old answers
    if file := said.get("extra_context_file"):
        return json.loads(Path(_absolute(file)).read_text(encoding="utf-8"))
    answers = (said or arguments()).get("extra_context") or {}
    return dict(json.loads(answers) if isinstance(answers, str) else answers)


def _absolute(path: Any) -> str:
    """The path from where the command was called: cookiecutter works in other folders later."""
    known = found.meta if (found := context()) else {}
    return known.setdefault(f"{__name__} {path}", os.path.abspath(path))


def _frames() -> dict[tuple[str, str], dict[str, Any]]:
    """The variables of each of these functions that is running."""
    found, frame = {}, sys._getframe()
    while frame := frame.f_back:
        function = (frame.f_globals.get("__name__", ""), frame.f_code.co_name)
        if function in (ASKS, RENDERS, UPDATES) or function in CALLS:
            found.setdefault(function, frame.f_locals)
    return found


def arguments() -> dict[str, Any]:
    """What the render was called with, by whichever tool: `output_dir`, `config_file`, ...

    Only a call that makes a new project has `output_dir`: cruft update has none.
    """
    merged: dict[str, Any] = {}
    for function, variables in _frames().items():
        if function in CALLS:
            merged = {**variables, **merged}
    return merged


def updating() -> dict[str, Any] | None:
    """What cruft update knows while it renders the new version; None at any other time. Of it:
    `project_dir`, the project; `current_template_dir`, the old version; `extra_context`, what is
    said anew; `cruft_state`, what was said before."""
    found = _frames()
    old = found.get(RENDERS, {}).get("update_deleted_paths", True)
    if old or UPDATES not in found:
        return None
    update = found[UPDATES]
    return {**update, "project_dir": _absolute(update["project_dir"])}


def asking() -> bool:
    """Whether the questions are being answered, so that nothing is written yet."""
    return ASKS in _frames()


def config() -> dict[str, Any]:
    """The user's own configuration; that of his home for cruft update, which is told none."""
    called = arguments()
    if "config_file" not in called and updating() is None:
        return {}
    file = called.get("config_file")
    path = _absolute(file) if file else None
    return dict(get_user_config(path, called.get("default_config", False)))


def config_file() -> str:
    """The file of this configuration."""
    file = arguments().get("config_file") or os.environ.get("COOKIECUTTER_CONFIG")
    return str(file or USER_CONFIG_PATH)


def default_context() -> dict[str, Any]:
    """The defaults of the user's own configuration file, also those that cookiecutter dropped."""
    return dict(config().get("default_context") or {}) if "config_file" in arguments() else {}
