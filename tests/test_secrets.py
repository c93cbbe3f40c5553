"""No rendered file has a secret: all that looks like one is a placeholder or a name."""

from __future__ import annotations

from pathlib import Path

import pytest
from combinations import LEGAL, Combination
from conftest import Bake
from detect_secrets import SecretsCollection
from detect_secrets.settings import default_settings

# What a reader has to replace, and what only the tests and the embedded PostgreSQL use.
PLACEHOLDERS = {"PASSWORD", "password", "p%23ss", "p#ss", "only-for-tests-"}
# Where a secret is looked up by its name, and the name of a method.
NAMES = (
    *("secret-key", "database-url", "database-direct-url", "scram-sha-256"),
    *("{slug}", "{slug}-db-app", "{slug}-db-ca", "{slug}-server-ca"),
    *("DATABASE_PASSWORD", "PGBOUNCER_PASSWORD"),
)


def secrets_in(project: Path) -> dict[str, str]:
    """What looks like a secret, and the file that has it."""
    found = {}
    with default_settings():
        for path in project.rglob("*"):
            if path.is_file():
                secrets = SecretsCollection()
                secrets.scan_file(str(path))
                for _, secret in secrets:
                    found[secret.secret_value] = path.relative_to(project).as_posix()
    return found


@pytest.mark.parametrize(
    "combination",
    [
        each
        for each in LEGAL
        if each.server == "wsgi" and each.pooling in ("none", "pgbouncer", "provider-pooler")
    ],
    ids=lambda each: each.id,
)
def test_no_secret_is_rendered(bake: Bake, combination: Combination) -> None:
    project = bake(**combination.answers())
    names = {name.format(slug=project.name.replace("_", "-")) for name in NAMES}

    found = secrets_in(project)
    secrets = {value: found[value] for value in found.keys() - PLACEHOLDERS - names}
    assert secrets == {}, "a name under which a host keeps a secret belongs into NAMES"


def test_a_secret_is_found(tmp_path: Path) -> None:
    files = {
        "a.env": "DATABASE_PASSWORD='hunter2'\n",
        "b.yaml": "url: postgres://me:Tr0ub4dor@db.example.com/mine\n",
        "c.pem": "-----BEGIN PRIVATE KEY-----\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)

    assert set(secrets_in(tmp_path).values()) == set(files)
