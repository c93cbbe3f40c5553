"""The renderings that the tests look at without running them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest
from combinations import LEGAL, Combination
from conftest import TEMPLATE


def kind(combination: Combination) -> tuple[str, str]:
    return combination.pooling, combination.server


# Everything that has to be quoted somewhere, and the longest slug.
HARD_NAMES = {
    "project_name": """Zoë's "5 €" \\n <b>&amp; $HOME ${PATH} `id` %(x)s #1 | - : [x]* 🚀""",
    "project_slug": "s" * 50,
}

# What differs between the two WSGI servers differs in no target.
_EVERY = [
    each
    for each in LEGAL
    if each.server != "wsgi-gunicorn"
    or each == next(other for other in LEGAL if kind(other) == kind(each))
]

# The answers of each rendering, with a readable id.
RENDERINGS = [
    *(pytest.param(each.answers(), id=each.id) for each in _EVERY),
    # Each target with each pooling, on one server or the other.
    *(
        pytest.param(each.answers() | each.other_sizes(), id=f"{each.id}-other-sizes")
        for number, each in enumerate(_EVERY)
        if each.pooling != "recommended" and number % 2
    ),
    *(
        pytest.param(each.answers() | HARD_NAMES, id=f"{each.id}-hard-names")
        for each in LEGAL
        if (each.pooling, each.server) == ("pgbouncer", "wsgi")
    ),
    pytest.param({"hosting_target": "heroku", "database_limit": 6000}, id="heroku-above-all-plans"),
]
# Of the module, so that all tests of a rendering run one after the other and render it once.
EVERY_RENDERING = pytest.mark.parametrize("answers", RENDERINGS, scope="module")
A_FEW = RENDERINGS[::8]


def snapshot(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Every file and folder: its path, its permissions and its bytes."""
    return {
        path.relative_to(folder).as_posix() + ("/" if path.is_dir() else ""): (
            path.stat().st_mode & 0o777,
            b"" if path.is_dir() else path.read_bytes(),
        )
        for path in folder.rglob("*")
    }


def files_of_the_template() -> list[str]:
    """What a commit of the working tree would hold."""
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"],
        cwd=TEMPLATE,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split("\0")
    return sorted(name for name in names if name and (TEMPLATE / name).exists())


def copy_of_the_template(folder: Path) -> Path:
    """A git repository of its own with the working tree as its only commit."""
    for name in files_of_the_template():
        copy = folder / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(TEMPLATE / name, copy)
    commit(folder)
    return folder


def commit(folder: Path) -> None:
    """Commit all files, in a git repository of its own."""
    author = ["-c", "user.name=Test", "-c", "user.email=test@example.com"]
    for command in (["init", "-q"], ["add", "-A"], [*author, "commit", "-q", "-m", "Copy"]):
        subprocess.run(["git", *command], cwd=folder, check=True)


def new_user(home: Path) -> dict[str, str]:
    """The environment of someone who has never used these tools, as far as they can tell."""
    home.mkdir(exist_ok=True)
    own = ("COOKIECUTTER_", "GIT_", "PYTHON", "XDG_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    return kept | {"HOME": str(home), "USERPROFILE": str(home)}


def run(*command: str | Path, cwd: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run an installed command, as a user does."""
    script = Path(sysconfig.get_path("scripts"), command[0])
    return subprocess.run(
        [script, *command[1:]],
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
    )
