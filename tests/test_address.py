"""How a service reads the address of its database: every way to name it, and every mistake."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import Bake
from projects import environment, install

# Of what is read, with `require` as the floor: a URL, other variables, and what comes of them.
READ = """
import json, os, sys
from pgconnections.backend import address
from pgconnections.backend.environment import ConfigurationError
floor = lambda given: {"sslmode": "floor"}
results = []
for variables in json.load(sys.stdin):
    os.environ.update(variables)
    try:
        entry = address.database("URL", tls=floor)
        found = {name: entry[name] for name in ("HOST", "PORT", "NAME")}
        results.append([found, entry["OPTIONS"].get("sslmode"), entry["OPTIONS"]])
    except ConfigurationError as error:
        results.append(str(error))
    for name in variables:
        del os.environ[name]
print(json.dumps(results))
"""


@pytest.fixture(scope="module")
def project(bake: Bake, tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = tmp_path_factory.mktemp("address") / "my_service"
    shutil.copytree(bake(), project)
    install(project, "5.2")
    return project


def read(project: Path, variables: list[dict[str, str]]) -> list:
    done = subprocess.run(
        [".venv/bin/python", "-c", READ],
        cwd=project,
        env=environment(project, "5.2"),
        input=json.dumps(variables),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


FAR = [
    {"URL": "postgres://u:p@db.example.com/name?sslmode=disable"},
    {"URL": "postgres://u:p@/name?host=db.example.com&sslmode=disable"},
    {"URL": "postgres://u:p@localhost/name?host=db.example.com&sslmode=disable"},
    {"URL": "postgres://u:p@/name?host=/run/postgresql,db.example.com&sslmode=disable"},
    {"URL": "postgres://u:p@localhost,db.example.com/name?sslmode=disable"},
    {"URL": "postgres://u:p@localhost/name?hostaddr=192.0.2.1&sslmode=disable"},
    {"URL": "postgres://u:p@/name?service=far&sslmode=disable"},
    {"URL": "postgres:///name?sslmode=disable", "PGHOST": "db.example.com"},
    {"URL": "postgres:///name?sslmode=disable", "PGHOSTADDR": "192.0.2.1"},
    {"URL": "postgres:///name?sslmode=disable", "PGSERVICE": "far"},
    {"URL": "postgres://u:p@[2001:db8::1]:5432/name?sslmode=disable"},
]
NEAR = [
    {"URL": "postgres://u:p@localhost/name?sslmode=disable"},
    {"URL": "postgres://u:p@[::1]:5432,127.0.0.1/name?sslmode=disable"},
    {"URL": "postgres://u:p@%2Fcloudsql%2Fa/name?sslmode=disable"},
    {"URL": "postgres:///name?host=/run/postgresql&sslmode=disable"},
]


def test_the_floor_of_tls_holds_for_every_way_to_name_a_server(project: Path) -> None:
    far, near = read(project, FAR), read(project, NEAR)

    assert [sslmode for _, sslmode, _ in far] == ["floor"] * len(FAR)
    assert [sslmode for _, sslmode, _ in near] == ["disable"] * len(NEAR)


def test_several_hosts(project: Path) -> None:
    urls = [
        "postgres://u:p%40s@h1:5433,h2/name?target_session_attrs=any",
        "postgres://h1,[::1]:5433/name",
        "postgres:///name?host=h1,h2&port=5432,5433",
    ]
    first, second, third = read(project, [{"URL": url} for url in urls])

    assert first[0] == {"HOST": "h1,h2", "PORT": "5433,5432", "NAME": "name"}
    assert second[0] == {"HOST": "h1,::1", "PORT": "5432,5433", "NAME": "name"}
    assert third[0] == {"HOST": "h1,h2", "PORT": "5432,5433", "NAME": "name"}
    # Of several the one that takes writes, unless the URL says otherwise.
    attributes = [options["target_session_attrs"] for *_, options in (first, second, third)]
    assert attributes == ["any", "read-write", "read-write"]


MISTAKES = {
    "postgis://u:p@db/name": "URL must be a URL that begins with postgres://.",
    "sqlite://:memory:": "URL must be a URL that begins with postgres://.",
    "'postgres://u:p@db/name'": "URL must be a URL that begins with postgres://.",
    " postgres://u:p@db/name": "URL must be a URL that begins with postgres://.",
    "postgres://u:p@db/name\n": r"URL contains '\n', which a URL has to write as %0A.",
    "postgres://u:p q@db/name": "URL contains ' ', which a URL has to write as %20.",
    "postgres://u:p@db": "URL names no database: postgres://host/name is expected.",
    "postgres://u:p@h1:many,h2/name": (
        "URL is no database URL: in user and password, all but letters, digits and -._~ has to be "
        "escaped."
    ),
}


def test_every_mistake_is_one_sentence(project: Path) -> None:
    assert read(project, [{"URL": url} for url in MISTAKES]) == list(MISTAKES.values())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('for name in ("host", "hostaddr", "service")', 'for name in ("host", "host", "service")'),
        ("return not named[2] and ", "return "),
        ('os.environ.get(f"PG{name.upper()}", "")', '""'),
    ],
)
def test_a_hole_in_the_floor_is_seen(
    bake: Bake, project: Path, tmp_path: Path, old: str, new: str
) -> None:
    copy = tmp_path / "my_service"
    shutil.copytree(project, copy, symlinks=True)
    file = copy / "pgconnections" / "backend" / "address.py"
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1
    file.write_text(text.replace(old, new), encoding="utf-8")

    assert {sslmode for _, sslmode, _ in read(copy, FAR)} == {"floor", "disable"}
