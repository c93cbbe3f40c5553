"""The same answers give the same bytes, offline and fast, and touch no file that is there."""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import TEMPLATE, Bake
from renderings import (
    A_FEW,
    copy_of_the_template,
    new_user,
    run,
    snapshot,
)

Answers = dict[str, str | int]

# Python imports this module by itself when it starts, in the hooks as well.
NO_NETWORK = """
import socket

def refuse(*arguments, **options):
    raise OSError("there is no network in this test")

socket.socket.connect = socket.socket.connect_ex = refuse
socket.getaddrinfo = socket.gethostbyname = refuse
"""

RENDER_ALL = """
import json, sys
from cookiecutter.main import cookiecutter

template, output, every = json.load(sys.stdin)
for number, answers in enumerate(every):
    cookiecutter(
        template,
        no_input=True,
        extra_context=answers,
        output_dir=f"{output}/{number}",
        default_config=True,
    )
"""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A git clone, into which Python may write its bytecode."""
    return copy_of_the_template(tmp_path_factory.mktemp("template"))


@pytest.fixture
def user(tmp_path: Path) -> dict[str, str]:
    return new_user(tmp_path / "home")


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a process that reaches no other, at another place and time."""
    folder = tmp_path_factory.mktemp("no-network")
    (folder / "sitecustomize.py").write_text(NO_NETWORK)
    return new_user(folder / "home") | {
        "PYTHONPATH": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "20",
        "LC_ALL": "C",
        "TZ": "Pacific/Auckland",
    }


@pytest.fixture(scope="module")
def elsewhere(offline: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A few renderings once more, by another process."""
    every = [rendering.values[0] for rendering in A_FEW]
    return render_all(every, tmp_path_factory.mktemp("elsewhere"), offline)


def render_all(every: list[Answers], output: Path, env: dict[str, str]) -> list[Path]:
    subprocess.run(
        [sys.executable, "-c", RENDER_ALL],
        input=json.dumps([str(TEMPLATE), str(output), every]),
        env=env,
        stdout=subprocess.DEVNULL,
        text=True,
        check=True,
    )
    return [next((output / str(number)).iterdir()) for number in range(len(every))]


@pytest.mark.parametrize("answers", A_FEW)
def test_the_same_answers_give_the_same_bytes(
    bake: Bake, answers: Answers, elsewhere: list[Path]
) -> None:
    number = [rendering.values[0] for rendering in A_FEW].index(answers)
    here, there = bake(**answers), elsewhere[number]

    assert here.name == there.name
    assert snapshot(here) == snapshot(there)


def test_the_order_of_sets_does_not_show(
    bake: Bake, offline: dict[str, str], tmp_path: Path
) -> None:
    """Two names come in the same order in half of all processes, so several are asked."""
    answers: Answers = {"hosting_target": "heroku", "pooling": "pgbouncer"}
    expected = snapshot(bake(**answers))

    for seed in "123456":
        env = offline | {"PYTHONHASHSEED": seed}
        assert snapshot(render_all([answers], tmp_path / seed, env)[0]) == expected


def test_rendering_needs_no_network(offline: dict[str, str], tmp_path: Path) -> None:
    ask = "import socket; socket.create_connection(('127.0.0.1', 9))"
    refused = subprocess.run(
        [sys.executable, "-c", ask], env=offline, capture_output=True, text=True
    )
    assert "there is no network in this test" in refused.stderr

    done = run("cookiecutter", TEMPLATE, "--no-input", cwd=tmp_path, env=offline)
    assert (done.returncode, done.stderr) == (0, "")


def test_no_bytecode_is_rendered(template: Path, user: dict[str, str], tmp_path: Path) -> None:
    """The template brings the generator, and Python likes to cache what it imports.

    Twice, because the first time may fill the cache and the second render it.
    """
    for _ in range(2):
        done = run(
            "cookiecutter", template, "--no-input", "--overwrite-if-exists", cwd=tmp_path, env=user
        )
        assert done.returncode == 0, done.stderr

    caches = [*tmp_path.rglob("__pycache__"), *template.glob("*/**/__pycache__")]
    assert caches == []


def test_cruft_finds_no_difference(template: Path, user: dict[str, str], tmp_path: Path) -> None:
    created = run("cruft", "create", template, "--no-input", cwd=tmp_path, env=user)
    assert created.returncode == 0, created.stderr

    diff = run("cruft", "diff", cwd=tmp_path / "my_service", env=user)
    assert (diff.returncode, diff.stdout, diff.stderr) == (0, "", "")


def test_generating_takes_no_longer_than_the_tool(
    template: Path, user: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """At most twice the time in which cookiecutter tells its version, which is mostly imports. The
    time of the processor, hook included: that of the clock is also that of the other workers."""
    commands = {"version": ["--version"], "generate": [".", "--no-input", "-f", "-o", tmp_path]}
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(11):
        for name, arguments in commands.items():
            begin = processor_time()
            done = run("cookiecutter", *arguments, cwd=template, env=user)
            seconds[name].append(processor_time() - begin)
            assert done.returncode == 0, done.stderr
    # The first of each fills Python's caches.
    version, generate = (statistics.median(each[1:]) for each in seconds.values())
    with capsys.disabled():
        print(
            f"\ncookiecutter . --no-input: {generate:.2f} s, {generate / version:.2f} times "
            f"the {version:.2f} s of cookiecutter --version",
            file=sys.stderr,  # which a worker of pytest-xdist still has
        )

    assert generate <= 2 * version


def processor_time() -> float:
    """Seconds that the ended children of this process took of it."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime


def test_refused_answers_change_no_file_that_is_there(user: dict[str, str], tmp_path: Path) -> None:
    project = tmp_path / "my_service"
    project.mkdir()
    (project / "manage.py").write_text("# My own manage.py")
    before = snapshot(project)

    env = user | {"PYTHONDONTWRITEBYTECODE": "1"}
    refused = ["--no-input", "--overwrite-if-exists", "server=asgi", "pooling=persistent"]
    done = run("cookiecutter", TEMPLATE, *refused, cwd=tmp_path, env=env)

    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert snapshot(project) == before
