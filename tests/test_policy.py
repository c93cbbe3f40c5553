"""What a team allows, on each road, and in a fork."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from conftest import TEMPLATE
from renderings import commit, copy_of_the_template, new_user, run

POLICY = {
    "hosting_target": ["docker-compose", "heroku"],
    "pooling": ["recommended", "persistent", "pgbouncer"],
    "database_limit": 200,
}


@pytest.fixture
def user(tmp_path: Path) -> dict[str, str]:
    return new_user(tmp_path / "home") | {"PYTHONDONTWRITEBYTECODE": "1"}


def config(folder: Path, policy: object) -> Path:
    file = folder / "team.yaml"
    file.write_text(yaml.safe_dump({"pgconnections": policy}))
    return file


@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        (["hosting_target=render"], "hosting_target must be one of docker-compose, heroku by the"),
        (["pooling=none"], "pooling must be one of recommended, persistent, pgbouncer by the"),
        (["database_limit=201"], "database_limit is at most 200 by the policy in "),
        (["web_threads=60"], "pooling=recommended would be psycopg-pool, and by the policy in "),
        (["web_threads=5"], ""),
    ],
)
def test_policy(user: dict[str, str], tmp_path: Path, answers: list[str], sentence: str) -> None:
    file = config(tmp_path, POLICY)
    command = ["cookiecutter", TEMPLATE, "--no-input", "--config-file", file, *answers]
    done = run(*command, cwd=tmp_path, env=user)

    assert done.returncode == (2 if sentence else 0), done.stderr
    assert sentence in done.stderr and "Traceback" not in done.stderr
    assert (tmp_path / "my_service").exists() == (not sentence)


@pytest.mark.parametrize(
    ("policy", "sentence"),
    [
        ({"pooling": ["persistant"]}, "has pooling: ['persistant'], and not a list of some of "),
        ({"pooling": "persistent"}, "has pooling: 'persistent', and not a list of some of "),
        ({"database_limit": "many"}, "has database_limit: 'many', and not a number"),
        ({"threads": 4}, "has 'threads', and only "),
        (["pooling"], "must be a list of questions, not ['pooling']"),
    ],
)
def test_a_policy_with_a_mistake(
    user: dict[str, str], tmp_path: Path, policy: object, sentence: str
) -> None:
    env = user | {"COOKIECUTTER_CONFIG": str(config(tmp_path, policy))}
    done = run("cookiecutter", TEMPLATE, "--no-input", cwd=tmp_path, env=env)

    assert done.returncode == 2
    assert f"Error: the policy in {tmp_path / 'team.yaml'} {sentence}" in done.stderr


def test_replay_and_cruft_obey_it(user: dict[str, str], tmp_path: Path) -> None:
    clone = copy_of_the_template(tmp_path / "clone")
    done = run("cruft", "create", clone, "--no-input", cwd=tmp_path, env=user)
    assert done.returncode == 0, done.stderr
    project = tmp_path / "my_service"
    commit(project)
    env = user | {"COOKIECUTTER_CONFIG": str(config(tmp_path, POLICY))}
    sentence = "pooling must be one of recommended, persistent, pgbouncer by the policy in "

    update = ["cruft", "update", "--skip-apply-ask", "--variables-to-update"]
    updated = run(*update, '{"pooling": "none"}', cwd=project, env=env)
    assert (updated.returncode, sentence in updated.stderr) == (2, True), updated.stderr

    recorded = project / "pgconnections" / "answers.json"
    recorded.write_text(recorded.read_text().replace('"persistent"', '"none"'))
    replay = ["cookiecutter", clone, "-f", "--replay-file", recorded]
    replayed = run(*replay, cwd=tmp_path, env=env)
    assert (replayed.returncode, sentence in replayed.stderr) == (2, True), replayed.stderr


def test_a_fork(user: dict[str, str], tmp_path: Path) -> None:
    """With shortened lists, and a policy of its own."""
    fork = copy_of_the_template(tmp_path / "fork")
    file = fork / "cookiecutter.json"
    asked = json.loads(file.read_text(encoding="utf-8"))
    asked["hosting_target"] = ["heroku", "kubernetes"]
    asked["pooling"] = ["recommended", "persistent", "pgbouncer"]
    file.write_text(json.dumps(asked))
    (fork / "policy.json").write_text('{"web_instances": 2}')
    rendered = ["cookiecutter", fork, "--no-input"]

    done = run(*rendered, cwd=tmp_path, env=user)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "my_service" / "Procfile").exists()
    many = run(*rendered, "web_instances=3", "project_slug=other", cwd=tmp_path, env=user)
    assert "web_instances is at most 2 by the policy in policy.json, not 3" in many.stderr
    pool = run(*rendered, "server=asgi", "project_slug=other", cwd=tmp_path, env=user)
    assert "would be psycopg-pool, and by the policy in cookiecutter.json it must" in pool.stderr
    assert (many.returncode, pool.returncode) == (2, 2)
