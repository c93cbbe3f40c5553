"""The command that repeats the answers, as it has to be typed to run again what ran now."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import caller
from .template import TEMPLATE, questions


def shell(value: Any) -> str:
    return shlex.quote(str(value))


def command(answers: Mapping[str, Any], changes: Mapping[str, Any], *more: str) -> str:
    """The command line that gives these answers again, in whatever folder; `more` are options."""
    params, options = caller.params(), [*_options(more), *more]
    answers = {name: answers[name] for name in questions() if name in answers}
    if params.get("no_input") or answers.keys() == questions().keys():
        options.insert(0, "--no-input")

    template = str(params.get("template") or params.get("template_git_url") or TEMPLATE)
    template = shell(os.path.abspath(template) if Path(template).exists() else template)
    if "template_git_url" in params:
        words = [program("cruft"), "create", template, *options]
        return " ".join([*words, "--extra-context", _json(answers)])
    if "project_dir" in params:
        # All other answers are in the project.
        said = json.loads(params.get("extra_context", "{}"))
        changes = {**{name: said[name] for name in said if name in questions()}, **changes}
        words = [program("cruft"), "update", "--project-dir"]
        words += [shell(os.path.abspath(params["project_dir"])), *_options(more)]
        words += [] if "--skip-apply-ask" in options else ["--skip-apply-ask"]  # it may crash
        return " ".join([*words, "--variables-to-update", _json(changes)])
    return " ".join([program("cookiecutter"), template, *options, *_assignments(answers)])


def _assignments(answers: Mapping[str, Any]) -> list[str]:
    return [f"{name}={shell(answer)}" for name, answer in answers.items()]


def _json(answers: Mapping[str, Any]) -> str:
    return shell(json.dumps(answers, ensure_ascii=False))


# Options that say where answers come from, and those that are paths.
ROADS = {"no_input", "replay", "replay_file", "extra_context", "extra_context_file"} | {
    "project_dir"
}
PATHS = {"output_dir", "config_file", "debug_file"}


def _options(more: tuple[str, ...]) -> list[str]:
    """The other options, as they were given."""
    context, words = caller.context(), []
    for option in context.command.params if context else ():
        source = context.get_parameter_source(option.name)
        if option.param_type_name != "option" or option.name in ROADS or source is None:
            continue
        if source.name != "COMMANDLINE":
            continue
        flag, answer = max(option.opts, key=len), context.params[option.name]
        if flag in more or (flag, *more) == ("--config-file", "--default-config"):
            continue
        if option.is_flag:
            words.append(flag)
            continue
        for each in answer if option.multiple else [answer]:
            words += [flag, shell(os.path.abspath(each) if option.name in PATHS else each)]
    return words


# --- how the program was started ---------------------------------------------------------------


def program(tool: str) -> str:
    """How to start the same cookiecutter or cruft again: its name alone only where a shell would
    find this one by it."""
    script = Path(os.path.abspath(sys.argv[0]))
    if script.name == "__main__.py" and script.parent.name == tool:
        return f"{shell(sys.executable)} -m {tool}"
    ran = script.stem == tool and shutil.which(script)
    if not ran:
        return tool  # called from Python
    if runner := _runner():
        return f"{runner} {tool}"
    found = shutil.which(tool)
    # uv puts its environment in front of the PATH, for the program that it runs only.
    if found and os.path.samefile(found, ran) and "UV" not in os.environ:
        return tool
    return shell(ran)


def _runner() -> str | None:
    """`uvx` or `pipx run` where the program runs in an environment that one of them made for this
    run, so that its path may be gone tomorrow."""
    environment = Path(sys.prefix)
    # What pipx installs is in a folder that is called so.
    if (environment / "pipx_metadata.json").exists() and environment.parent.name != "venvs":
        return "pipx run"
    # The mark of uv's cache; what uv installs, or syncs, is elsewhere.
    if "UV" in os.environ and (environment.parent.parent / "CACHEDIR.TAG").exists():
        return "uvx"
    return None
