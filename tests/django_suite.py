"""Run Django's own tests of its database layer on stock Django and on the backend of a project.

    .venv/bin/python tests/django_suite.py
    .venv/bin/python tests/django_suite.py --django 6 --choice psycopg-pool backends transactions

It needs a PostgreSQL with the extensions that come with it, as a package of Debian has them:
--postgres is the folder of its programs. It fetches the sdist of the Django that a rendered project
locks, by pip, and says which tests end in another way. It takes some minutes for each choice, so it
is no part of the run of pytest.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from conftest import SHARED, TEMPLATE
from cookiecutter.main import cookiecutter
from projects import DJANGO, install

LABELS = (
    *("backends", "transactions", "transaction_hooks", "db_utils", "postgres_tests"),
    *("servers", "asgi", "migrations"),
)
# Stock Django, and what the project makes of it, in the same circumstances.
POOL = {"min_size": 1, "max_size": 4, "timeout": 15}
CHOICES = {
    "persistent": ("pgconnections.backend", {"CONN_MAX_AGE": 60}),
    "psycopg-pool": ("pgconnections.pooled", {"CONN_MAX_AGE": 0, "OPTIONS": {"pool": POOL}}),
}
OURS = {"CONN_HEALTH_CHECKS": True, "CONN_TRUSTED_FOR": 30, "CONN_PATIENCE": 10}
# They have is_usable() say no on a connection that is there, which the look at the socket sees.
MOCKED = "backends.base.test_base.ConnectionHealthChecksTests.test_"
EXPECTED = {
    f"{MOCKED}health_checks_enabled",
    f"{MOCKED}set_autocommit_health_checks_enabled",
}
SETTINGS = """\
import json, os
entry = json.loads(os.environ["ENTRY"])
DATABASES = {"default": entry, "other": json.loads(os.environ["ENTRY"])}
SECRET_KEY = "only for tests"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
USE_TZ = False
"""
# In the project: a server for all runs, until the standard input ends.
SERVER = """
import sys, tempfile
from pathlib import Path
from tests import postgres
postgres.programs = lambda: Path(sys.argv[1])
folder = Path(tempfile.mkdtemp())
server = postgres.start(folder, "only-for-this-run", fsync="off", max_connections=100)
print(server.port, flush=True)
sys.stdin.read()
server.stop()
"""


def sources(version: str, folder: Path) -> Path:
    """The tests of this version of Django."""
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary=django"]
    pip += ["--ignore-requires-python", f"django=={version}"]
    subprocess.run(pip, cwd=folder, check=True)
    [archive] = folder.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    [tests] = folder.glob("[dD]jango-*/tests")
    (tests / "suite_settings.py").write_text(SETTINGS)
    return tests


def results(
    tests: Path, project: Path, entry: dict[str, object], labels: list[str]
) -> dict[str, str]:
    """How each test ended, by its name."""
    command = [project / ".venv/bin/python", "runtests.py", "--settings=suite_settings", "-v2"]
    done = subprocess.run(
        [*command, "--parallel=1", "--noinput", *labels],
        cwd=tests,
        env=os.environ | {"ENTRY": json.dumps(entry), "PYTHONPATH": str(project)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    ended = re.findall(
        r"^\w+ \(([\w.]+)\)(?:\n.*?)?? \.\.\. .*?(ok|skipped|FAIL|ERROR|expected failure)\b",
        done.stdout,
        re.MULTILINE | re.DOTALL,
    )
    seen = dict(ended)
    # What fails outside of a test, or in the midst of what others print.
    seen |= {name: kind for kind, name in re.findall(r"^(ERROR|FAIL): .*\(([\w.]+)\)", done.stdout,
                                                     re.MULTILINE)}  # fmt: skip
    if not re.search(r"^Ran \d+ tests", done.stdout, re.MULTILINE):
        sys.exit(done.stdout[-5000:])
    print(re.findall(r"^Ran \d+ tests.*$|^(?:OK|FAILED).*$", done.stdout, re.MULTILINE))
    return seen


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--django", choices=DJANGO, action="append")
    parser.add_argument("--choice", choices=CHOICES, action="append")
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    parser.add_argument("--postgres", default=installed[-1] if installed else None)
    parser.add_argument("labels", nargs="*", default=LABELS)
    asked = parser.parse_args()
    if asked.postgres is None:
        parser.error("no PostgreSQL is in /usr/lib/postgresql: --postgres=FOLDER is needed")
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    os.environ.setdefault(SHARED, str(folder))
    differences = 0
    for django in asked.django or DJANGO:
        here = folder / django.replace(".", "_")
        answers = {"pooling": "psycopg-pool"}
        made = {"no_input": True, "default_config": True, "output_dir": str(here)}
        project = Path(cookiecutter(str(TEMPLATE), extra_context=answers, **made))
        install(project, django, "jinja2", "pyyaml")
        python = project / ".venv/bin/python"
        version = subprocess.check_output(
            [python, "-c", "import django; print(django.__version__)"], text=True
        ).strip()
        tests = sources(version, here)
        server = subprocess.Popen(
            [python, "-c", SERVER, asked.postgres], cwd=project, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        port = server.stdout.readline().strip()
        try:
            for choice in asked.choice or CHOICES:
                differences += compare(choice, version, port, tests, project, list(asked.labels))
        finally:
            server.stdin.close()
            server.wait()
    return int(differences > 0)


def compare(
    choice: str, version: str, port: str, tests: Path, project: Path, labels: list[str]
) -> int:
    engine, circumstances = CHOICES[choice]
    place = {"HOST": "127.0.0.1", "PORT": port, "USER": "postgres", "NAME": "postgres"}
    entry = {**place, "PASSWORD": "only-for-this-run", **circumstances}
    stock = results(tests, project, entry | {"ENGINE": "django.db.backends.postgresql"}, labels)
    ours = results(tests, project, entry | OURS | {"ENGINE": engine}, labels)
    print(f"Django {version}, {choice}: {len(stock)} tests; stock {dict(Counter(stock.values()))}")
    unlike = [name for name in sorted({*stock, *ours}) if stock.get(name) != ours.get(name)]
    for name in unlike:
        print(f"  {name}: stock {stock.get(name)}, ours {ours.get(name)}")
    return len([name for name in unlike if name not in EXPECTED])


if __name__ == "__main__":
    sys.exit(main())
