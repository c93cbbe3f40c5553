"""The questions as a person sees them, in a terminal of 80 columns and 24 lines."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sysconfig
import termios
from pathlib import Path

import pytest
from conftest import QUESTIONS, TEMPLATE
from renderings import new_user

LINES, COLUMNS = 24, 80
ASKED = [name for name in QUESTIONS if not name.startswith("_")]
# A prompt waits behind its default: "(docker-compose): " or "(1): ".
WAITS = re.compile(r"\([^()]*\): $")


@pytest.fixture(scope="module")
def screens(tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    """What each question adds to the screen of someone who presses Enter at each, as lines."""
    folder = tmp_path_factory.mktemp("prompts")
    env = new_user(folder / "home") | {"TERM": "dumb", "PYTHONDONTWRITEBYTECODE": "1"}
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    script = Path(sysconfig.get_path("scripts"), "cookiecutter")
    command = [script, TEMPLATE, "-o", folder]
    with subprocess.Popen(command, env=env, stdin=child, stdout=child, stderr=child) as process:
        os.close(child)
        screens, said = [], ""
        while len(screens) < len(ASKED):
            said += os.read(parent, 65536).decode()
            if WAITS.search(said):
                screens.append(said.splitlines())
                said = ""
                os.write(parent, b"\n")
        try:
            while os.read(parent, 65536):
                pass
        except OSError:  # the end, on Linux
            pass
    os.close(parent)
    assert process.returncode == 0
    return screens


@pytest.mark.parametrize("number", range(len(ASKED)), ids=ASKED)
def test_a_question_fits_on_the_screen(screens: list[list[str]], number: int) -> None:
    shown = screens[number]
    rows = sum(max(1, -(-len(line) // COLUMNS)) for line in shown)

    assert f"[{number + 1}/{len(ASKED)}]" in "".join(shown)
    assert rows <= LINES


@pytest.mark.parametrize("name", [name for name in ASKED if isinstance(QUESTIONS[name], list)])
def test_a_choice_is_a_line(screens: list[list[str]], name: str) -> None:
    labels = list(QUESTIONS["__prompts__"][name].values())[1:]

    shown = screens[ASKED.index(name)]
    assert [line.split(" - ", 1)[1] for line in shown if re.match(r" +\d+ - ", line)] == labels
    assert max(map(len, labels)) <= 70
