"""A live service gets other answers, under load, in the orders of docs/switching.md."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from conftest import TEMPLATE, Bake
from projects import install, shell

LAB = TEMPLATE / "tests" / "switching" / "lab.py"
# All that the limit leaves to the web, so that there is room for one generation.
OLD = {"database_limit": 20, "web_threads": 7, "pooling": "psycopg-pool"}
NEW = {"database_limit": 20, "web_threads": 7, "pooling": "persistent"}


def test_switching(bake: Bake, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    for name, answers in (("old", OLD), ("new", NEW)):
        shutil.copytree(bake(**answers), tmp_path / name)
        install(tmp_path / name, "5.2")
    done = shell(f".venv/bin/python {LAB} ../new 2>/dev/null", tmp_path / "old", "5.2")
    assert done.returncode == 0, done.stdout
    failed = json.loads(done.stdout.splitlines()[-1])
    print(failed)

    assert failed["beside, room for both"] == 0
    assert failed["beside, no room for both"] > 0
    assert failed["stop, then start"] > 0
