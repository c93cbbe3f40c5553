"""Render the template with given answers."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from cookiecutter.main import cookiecutter
from fasteners import InterProcessLock

TEMPLATE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TEMPLATE))

QUESTIONS = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))

Bake = Callable[..., Path]


# The variable with a folder that all workers of a run share.
SHARED = "TESTS_SHARED"


def pytest_configure(config: pytest.Config) -> None:
    if SHARED not in os.environ:  # else a worker, or a run inside a run
        folder = os.environ[SHARED] = tempfile.mkdtemp(prefix="shared-")
        Path(folder).chmod(0o755)  # PostgreSQL may have to read in it as another user
        config.add_cleanup(lambda: shutil.rmtree(folder))


# Those whose tests take seconds, the longest first.
SLOW = (
    *("test_servers.py", "test_pgbouncer.py", "test_security.py", "test_projects.py"),
    *("test_deploys.py", "test_mutations.py", "test_bench.py", "test_dev.py", "test_roles.py"),
    "test_confinement.py",
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What takes long begins first, dealt out among the workers, of which each gets a part of this
    list: so none is left with a long test when all others have ended."""
    workers = getattr(config, "workerinput", {}).get("workercount", 1)
    slow = [item for item in items if item.path.name in SLOW]
    slow.sort(key=lambda item: SLOW.index(item.path.name))
    quick = [item for item in items if item.path.name not in SLOW]
    # Neighbours share what they have made.
    each = -(-len(quick) // workers)
    items[:] = [
        item
        for part in range(workers)
        for item in slow[part::workers] + quick[part * each : (part + 1) * each]
    ]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--write-docs", action="store_true", help="write the tables in docs/ from this run"
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The tables of what was measured."""
    from pages import TABLES  # imports this module

    passed = terminalreporter.stats.get("passed", [])
    measured = [each for report in passed for each in report.user_properties]
    for name, table in TABLES.items():
        if rows := [row for property, row in measured if property == name]:
            terminalreporter.section(name)
            terminalreporter.write(f"\n{table.markdown(rows)}\n")
            if terminalreporter.config.getoption("--write-docs"):
                table.write(rows)


@pytest.fixture(scope="session")
def bake() -> Bake:
    """Render a project with these answers and return its folder.

    The same answers give the same folder again, to all workers of a run: a test that changes files
    takes a copy.
    """

    @functools.cache
    def _bake(**answers: str | int) -> Path:
        asked = json.dumps([str(TEMPLATE), answers], sort_keys=True)
        output = Path(os.environ[SHARED], hashlib.sha256(asked.encode()).hexdigest()[:16])
        with InterProcessLock(f"{output}.lock"):
            if not output.exists():
                # Only what is complete gets this name.
                new = tempfile.mkdtemp(prefix="baked-", dir=output.parent)
                cookiecutter(
                    str(TEMPLATE),
                    no_input=True,
                    extra_context=answers,
                    output_dir=new,
                    default_config=True,
                )
                Path(new).chmod(0o755)
                Path(new).rename(output)
        [manage] = output.glob("*/manage.py")
        return manage.parent

    return _bake
