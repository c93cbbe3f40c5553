"""cruft update: whether what the owner has edited merges with what the template changes.

cruft applies the difference between the old version and the new one to the project. Where that
would conflict, in the template's own folder the new text replaces his, which git keeps, so that the
folder is never a mixture of two answers; elsewhere his text stays. Both are named.
"""

from __future__ import annotations

import json
import subprocess
import tomllib
from pathlib import Path, PurePosixPath

# A list that both sides append to: a line too many does no harm there.
PACKAGES = "pyproject.toml"


def keep_edits(project: Path, old: Path, new: Path, templates: str) -> list[str]:
    """Sentences about files that need a look. `old` and `new` are the two versions, which are
    changed; what is below `templates` is the template's."""
    said, skipped = [], _skipped(project)
    for path in sorted({*_files(old), *_files(new)}):
        before, after = _read(old / path), _read(new / path)
        there = _read(project / path)
        if before == after or there in (None, before, after) or _is_in(path, skipped):
            continue
        three = (project / path, old / path, new / path)
        if None not in (before, after) and (merged := _merged(*three)):
            # The difference is taken between these two, so it is what his text lacks.
            _write(old / path, there)
            _write(new / path, merged)
            said.append(f"{path} has your edits and what is new, both")
        elif (
            path == PACKAGES
            and None not in (before, after)
            and (both := _merged(*three, "--union"))
        ):
            _write(old / path, there)
            _write(new / path, both)
            said.append(f"{path} has your packages and all others: remove those of the old answers")
        elif path.startswith(templates):
            _write(old / path, there)
            if after is None:
                said.append(f"{path} is removed with your edits: the new answers have none")
            else:
                said.append(f"{path} is new, without your edits: the template changes these lines")
        else:
            _write(new / path, before)
            if before is None:
                said.append(f"{path} is yours, and the template has one now: yours stays")
            elif after is None:
                said.append(f"{path} is of the old answers, and you have edited it: it stays")
            else:
                said.append(f"{path} is yours, without what is new: you have changed these lines")
    return said


def _skipped(project: Path) -> list[str]:
    """What cruft leaves alone."""
    state = json.loads((project / ".cruft.json").read_text(encoding="utf-8"))
    skipped = list(state.get("skip") or [])
    if (file := project / "pyproject.toml").is_file():
        tool = tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {})
        skipped += tool.get("cruft", {}).get("skip", [])
    return skipped


def _is_in(path: str, skipped: list[str]) -> bool:
    name = PurePosixPath(path)
    return any(name.match(each) or name.is_relative_to(each) for each in skipped)


def _files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def _read(file: Path) -> bytes | None:
    return file.read_bytes() if file.is_file() else None


def _write(file: Path, text: bytes | None) -> None:
    if text is None:
        file.unlink()
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text)


def _merged(mine: Path, old: Path, new: Path, *options: str) -> bytes | None:
    """The text with the changes of both; None where they conflict."""
    merge = ["git", "merge-file", "-p", "-q", *options, str(mine), str(old), str(new)]
    done = subprocess.run(merge, stdout=subprocess.PIPE)
    return done.stdout if done.returncode == 0 else None
