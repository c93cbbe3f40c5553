"""What pyproject.toml asks for is locked, so that it is what the image and CI install."""

import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).resolve().parent.parent
COMPILE = "uv pip compile --python-version 3.11"


def not_locked() -> str | None:
    """The sentence about the first lock that lacks something, with the command that mends it."""
    pyproject = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    locks = {
        "requirements.txt": (
            pyproject["project"]["dependencies"],
            f"{COMPILE} pyproject.toml -o requirements.txt",
        ),
        "requirements-dev.txt": (
            pyproject["dependency-groups"]["dev"],
            f"{COMPILE} --group dev -c requirements.txt -o requirements-dev.txt",
        ),
    }
    for lock, (asked, command) in locks.items():
        locked = versions(PROJECT / lock)
        missing = [each for each in asked if not is_locked(Requirement(each), locked)]
        if missing:
            return f"{lock} does not have {', '.join(missing)}. Make it again: {command}"
    return None


def versions(lock: Path) -> list[Requirement]:
    """Each package with its version. Lines with hashes are indented."""
    lines = lock.read_text(encoding="utf-8").splitlines()
    return [Requirement(line.rstrip("\\")) for line in lines if line[:1].isalnum()]


def is_locked(asked: Requirement, locked: list[Requirement]) -> bool:
    """Whether there are versions of it, and all of them (there may be one for each Python) fit."""
    name = canonicalize_name(asked.name)
    pins = [each for each in locked if canonicalize_name(each.name) == name]
    return bool(pins) and all(fits(asked, pin) for pin in pins)


def fits(asked: Requirement, pin: Requirement) -> bool:
    [exactly] = pin.specifier
    return asked.extras <= pin.extras and exactly.version in asked.specifier
