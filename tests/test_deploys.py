"""Deploy each hosting target on a simulated host, under load; refuse what is a step too large."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import TEMPLATE, Bake
from deploys import Deploy, deploys, simulate
from pages import TABLES
from renderings import new_user, run

EVERY_DEPLOY = pytest.mark.parametrize("deploy", [pytest.param(d, id=d.id) for d in deploys()])


@EVERY_DEPLOY
def test_a_deploy_under_load(
    deploy: Deploy, bake: Bake, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    project = tmp_path / "my_service"
    shutil.copytree(bake(**deploy.answers), project)

    seen = simulate(deploy, project, "5.2")
    record_property("deploys", deploy.cells(seen))

    plan = deploy.plan
    assert seen["errors"] == 0
    assert seen["requests"] > 20
    # One migration runs beside the two generations.
    assert 1 < seen["peak"] <= plan.server_connections + 1 <= plan.usable
    assert seen["peak"] > plan.server_connections / 2, "the load did not fill the connections"


@EVERY_DEPLOY
def test_a_step_larger_is_refused(deploy: Deploy, tmp_path: Path) -> None:
    answers = [f"{name}={value}" for name, value in deploy.refused.items()]
    env = new_user(tmp_path / "home")

    done = run("cookiecutter", TEMPLATE, "--no-input", *answers, cwd=tmp_path, env=env)

    assert done.returncode == 2
    assert "accepted would be" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_the_page_of_simulated_deploys_is_of_these_layouts() -> None:
    rows = TABLES["deploys"].rows()

    assert [row[:-3] for row in rows] == [deploy.cells() for deploy in deploys()], (
        "make it again: .venv/bin/pytest tests/test_deploys.py --write-docs"
    )
    for *_, planned, peak, requests, errors in rows:
        assert int(peak) <= int(planned) + 1 and int(requests) > 20 and errors == "0"
