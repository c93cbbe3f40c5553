"""What one process does with its connections: threads, forks, streams, long lives, patience.

docs/process.md says what stock Django does in the same place. The tests themselves are in
tests/process/, and run inside of a rendered project.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from conftest import TEMPLATE, Bake
from projects import install, shell

FILES = TEMPLATE / "tests" / "process"
# The choices by the engine that they have, with the modules for each, and a generation of Django.
PERSISTENT = {"pooling": "persistent"}
POOL = {"pooling": "psycopg-pool"}
POOL_ASGI = {"pooling": "psycopg-pool", "server": "asgi"}
BOUNCER = {"pooling": "pgbouncer"}
NONE = {"pooling": "none"}
BOUNDED = {"pooling": "none", "server": "asgi"}
SQLALCHEMY = {"pooling": "django-db-connection-pool"}
PSYCOPG2 = {"pooling": "django-postgrespool2"}
RUNS = [
    (PERSISTENT, ("owners", "longlived", "patience", "refused", "migrations", "wire"), "5.2"),
    (PERSISTENT, ("owners", "longlived", "patience", "counted", "state"), "6"),
    (POOL, ("owners", "longlived", "patience", "refused", "state", "wire"), "5.2"),
    (POOL_ASGI, ("owners", "longlived", "patience", "counted", "streams", "commands"), "6"),
    (BOUNCER, ("owners", "longlived"), "6"),
    (NONE, ("owners", "refused"), "6"),
    (BOUNDED, ("owners", "longlived", "refused", "streams"), "5.2"),
    (SQLALCHEMY, ("owners", "longlived", "refused", "streams"), "5.2"),
    (PSYCOPG2, ("owners", "longlived", "refused", "migrations", "commands"), "5.2"),
]


def prepare(
    answers: dict[str, str], modules: tuple[str, ...], django: str, bake: Bake, folder: Path
) -> Path:
    """A project with these tests."""
    project = folder / "my_service"
    shutil.copytree(bake(**answers), project)
    install(project, django)
    for helper in ("lab.py", "views.py"):
        shutil.copy(FILES / helper, project / "tests" / helper)
    for name in modules:
        shutil.copy(FILES / f"{name}.py", project / "tests" / f"test_{name}.py")
    return project


@pytest.mark.parametrize(
    ("answers", "modules", "django"),
    RUNS,
    ids=["-".join([*run[0].values(), run[2]]) for run in RUNS],
)
def test_a_process_keeps_its_promises(
    answers: dict[str, str], modules: tuple[str, ...], django: str, bake: Bake, tmp_path: Path
) -> None:
    project = prepare(answers, modules, django, bake, tmp_path)

    files = " ".join(f"tests/test_{name}.py" for name in modules)
    done = shell(f".venv/bin/pytest -q {files}", project, django)

    assert done.returncode == 0, done.stdout


def test_psycopg_3_beside_django_postgrespool2_is_told(bake: Bake, tmp_path: Path) -> None:
    project = tmp_path / "my_service"
    shutil.copytree(bake(**PSYCOPG2), project)
    install(project, "5.2", "psycopg[binary]")

    done = shell(".venv/bin/pytest -q", project, "5.2")

    assert done.returncode == 1
    assert "django-postgrespool2 works with psycopg2 only: pip uninstall psycopg." in done.stdout
    assert "INTERNALERROR" not in done.stdout


BASE, PATIENCE = "pgconnections/backend/base.py", "pgconnections/backend/patience.py"
OWNERS, POOLED = "pgconnections/backend/owners.py", "pgconnections/pooled/base.py"
STREAMS = "pgconnections/backend/streams.py"
MIGRATE = "pgconnections/management/commands/migrate.py"
SERVE = "pgconnections/serve.py"
HEALTH = "pgconnections/backend/health.py"
ATTEMPTS = "pgconnections/pooled/attempts.py"
# The module, some of its tests, and what they guard: where it is, and what to make of it.
FLIPS = [
    (PERSISTENT, "owners", "goes_back", OWNERS, "wrapper.close()", "pass"),
    (POOL, "owners", "goes_back", OWNERS, "wrapper.close()", "pass"),
    (PERSISTENT, "owners", "other_threads", OWNERS, "os.getpid() == self.process", "True"),
    (PERSISTENT, "owners", "child", OWNERS, "os.dup2(", "str("),
    (POOL, "owners", "child", POOLED, "OfDjango._connection_pools = {}", "pass"),
    (PERSISTENT, "owners", "not_told_of", OWNERS, "here.owner.serves = True", "pass"),
    (PERSISTENT, "longlived", "lost", BASE, "self.autocommit or ", ""),
    (PERSISTENT, "longlived", "something_is_open", BASE, "self.connection) <= 2", "self) >= 0"),
    (PERSISTENT, "longlived", "keeps_its", BASE, "not here.owner.serves and ", ""),
    (PERSISTENT, "patience", "told_at_once", PATIENCE, "if not passes(error)", "if False"),
    (PERSISTENT, "patience", "asked_once", BASE, "last > server.trouble_since + SETTLES", "False"),
    (PERSISTENT, "patience", "outage", PATIENCE, "if first:", "if True:"),
    (POOL, "streams", "holds_no", STREAMS, "self.close()", "pass"),
    (POOL, "streams", "open_keeps", STREAMS, "connection) <= 2", "connection) <= 99"),
    (PERSISTENT, "wire", "nothing_else", BASE, "and not _readable(", "and _readable("),
    (PERSISTENT, "migrations", "each_role", MIGRATE, "if other in limits:", "if False:"),
    (PERSISTENT, "migrations", "postgresql", MIGRATE, 'in ("default", "direct")', "is not None"),
    (PERSISTENT, "counted", "threads", SERVE, 'os.environ["WEB_THREADS"] = ', "str"),
    (POOL, "counted", "workers", SERVE, 'os.environ["WEB_CONCURRENCY"] = ', "str"),
    (PERSISTENT, "refused", "in_time", HEALTH, "if CONNECTING not in ran and", "if True or"),
    (POOL, "patience", "told_at_once", ATTEMPTS, "client.fail(", "str("),
    (POOL, "patience", "ends_its_threads", ATTEMPTS, "if self.pool.closed:", "if False:"),
]  # fmt: skip


@pytest.mark.parametrize("flip", FLIPS, ids=[f"{flip[1]}-{flip[2]}" for flip in FLIPS])
def test_a_missing_mend_is_seen(
    flip: tuple[dict[str, str], str, str, str, str, str], bake: Bake, tmp_path: Path
) -> None:
    answers, module, tests, name, old, new = flip
    project = prepare(answers, (module,), "5.2", bake, tmp_path)
    file = project / name
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old} is not in {name}"
    file.write_text(text.replace(old, new), encoding="utf-8")

    done = shell(f".venv/bin/pytest -q -x -k {tests} tests/test_{module}.py", project, "5.2")

    # 1: tests ran and some failed. Anything else would be a project that does not run at all.
    assert done.returncode == 1, done.stdout
