"""The printed commands run as pasted, however cookiecutter or cruft was started, and from where."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest
from renderings import copy_of_the_template, new_user
from uv import find_uv_bin

SCRIPTS = sysconfig.get_path("scripts")
SCRIPT = Path(SCRIPTS, "cookiecutter")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A git clone of the working tree, as cruft needs one."""
    return copy_of_the_template(tmp_path_factory.mktemp("template"))


@pytest.fixture
def terminal(tmp_path: Path) -> dict[str, str]:
    """The environment of a terminal in which uvx and pipx are installed, and no cookiecutter."""
    programs = tmp_path / "programs"
    programs.mkdir()
    uvx = f'exec "{find_uv_bin()}" tool run'
    for name, command in {"uvx": uvx, "pipx": f"{uvx} pipx"}.items():
        (programs / name).write_text(f'#!/bin/sh\n{command} "$@"\n')
        (programs / name).chmod(0o755)
    system = [path for path in os.defpath.split(os.pathsep) if path]
    env = new_user(tmp_path / "home") | {
        "PATH": os.pathsep.join([str(programs), *system]),
        "PYTHONDONTWRITEBYTECODE": "1",
        # What was downloaded once for the tests.
        "UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR", str(Path("~/.cache/uv").expanduser())),
        "UV_PYTHON": sys.executable,
        "PIPX_DEFAULT_PYTHON": sys.executable,
    }
    env.pop("VIRTUAL_ENV", None)
    env.pop("UV", None)
    return env


def shell(command: str, folder: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Paste the command into a terminal that is in this folder."""
    folder.mkdir(exist_ok=True)
    return subprocess.run(
        command,
        shell=True,
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


def repeated(done: subprocess.CompletedProcess[str]) -> str:
    """The command at the end of a refusal."""
    assert done.returncode == 2, done.stderr
    return re.search(r"To repeat all other answers: (.*)", done.stderr)[1]


ANSWERS = "--no-input web_threads=0"
REPEATED = "--no-input web_threads=1"


@pytest.mark.parametrize(
    ("typed", "printed"),
    [
        # A virtual environment that is not activated, by its path from here or from anywhere.
        (f"{SCRIPT}", f"{SCRIPT}"),
        (f"../..{SCRIPT}", f"{SCRIPT}"),
        (f"{sys.executable} -m cookiecutter", f"{sys.executable} -m cookiecutter"),
        ("uvx cookiecutter", "uvx cookiecutter"),
        ("uvx --from cookiecutter cookiecutter", "uvx cookiecutter"),
        ("pipx run cookiecutter", "pipx run cookiecutter"),
    ],
    ids=["path", "relative path", "python -m", "uvx", "uvx --from", "pipx run"],
)
def test_the_command_starts_what_was_started(
    terminal: dict[str, str], template: Path, tmp_path: Path, typed: str, printed: str
) -> None:
    here = tmp_path / "here"
    if typed.startswith("../.."):
        typed = os.path.relpath(SCRIPT, here)

    command = repeated(shell(f"{typed} {template} {ANSWERS}", here, terminal))

    assert command == f"{printed} {template} {REPEATED}"
    done = shell(command, tmp_path / "elsewhere", terminal)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == ["my_service"]


def test_a_name_alone_where_the_terminal_finds_it(
    terminal: dict[str, str], template: Path, tmp_path: Path
) -> None:
    terminal["PATH"] += os.pathsep + SCRIPTS

    done = shell(f"cookiecutter {template} {ANSWERS}", tmp_path / "here", terminal)

    assert repeated(done) == f"cookiecutter {template} {REPEATED}"


def test_a_path_where_the_terminal_finds_another(
    terminal: dict[str, str], template: Path, tmp_path: Path
) -> None:
    other = tmp_path / "programs" / "cookiecutter"
    other.write_text("#!/bin/sh\necho another one\n")
    other.chmod(0o755)

    done = shell(f"{SCRIPT} {template} {ANSWERS}", tmp_path / "here", terminal)

    assert repeated(done) == f"{SCRIPT} {template} {REPEATED}"


def test_what_uv_puts_on_the_path_of_its_program_only(
    terminal: dict[str, str], template: Path, tmp_path: Path
) -> None:
    """As `uv run cookiecutter` in a project does."""
    terminal |= {"PATH": SCRIPTS + os.pathsep + terminal["PATH"], "UV": find_uv_bin()}

    done = shell(f"cookiecutter {template} {ANSWERS}", tmp_path / "here", terminal)

    assert repeated(done) == f"{SCRIPT} {template} {REPEATED}"


# --- the folder of the project -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "folder"),
    [
        ("", "my_service"),
        ("-o .", "my_service"),
        ("-o ..", "../my_service"),
        ("-o 'my projects/'", "'my projects/my_service'"),
        ("""-o "it's" """, """'it'"'"'s/my_service'"""),
    ],
    ids=["default", "here", "above", "space", "quote"],
)
@pytest.mark.parametrize("tool", ["cookiecutter", "cruft create"])
def test_next_names_the_folder_as_it_is_typed(
    terminal: dict[str, str], template: Path, tmp_path: Path, tool: str, options: str, folder: str
) -> None:
    if tool == "cruft create":
        options = options.replace("-o", "--output-dir")
        (tmp_path / "here" / "my projects").mkdir(parents=True)
        (tmp_path / "here" / "it's").mkdir()
    here = tmp_path / "here"

    done = shell(f"{SCRIPTS}/{tool} {template} --no-input {options}", here, terminal)

    assert done.returncode == 0, done.stderr
    assert re.search("^Next, in (.*)/:$", done.stdout, re.MULTILINE)[1] == folder
    assert shell(f"cd {folder}/ && cat manage.py", here, terminal).returncode == 0


Tell = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def tell(terminal: dict[str, str], tmp_path: Path) -> Tell:
    """Run cookiecutter in a folder that has a project called my_service already."""
    mine = tmp_path / "here" / "my_service"
    mine.mkdir(parents=True)
    (mine / "manage.py").write_text("# My own manage.py")
    terminal["PATH"] += os.pathsep + SCRIPTS

    def _tell(command: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            shell=True,
            cwd=tmp_path / "here",
            env=terminal,
            input=stdin,
            capture_output=True,
            text=True,
        )

    return _tell


EXISTS = (
    "Error: the folder {folder} exists already, and only --overwrite-if-exists writes into it; "
    "accepted would be project_slug=my_service_2. To repeat all other answers: {command}\n"
)


@pytest.mark.parametrize(
    ("command", "stdin", "folder", "repeat"),
    [
        (
            "cookiecutter {template} --no-input",
            "",
            "my_service",
            "cookiecutter {template} --no-input project_name='My Service' "
            "project_slug=my_service_2",
        ),
        (
            "cookiecutter {template} --no-input -s web_threads=5 -o .",
            "",
            "my_service",
            "cookiecutter {template} --no-input --skip-if-file-exists --output-dir {here} "
            "project_name='My Service' project_slug=my_service_2 web_threads=5",
        ),
        (
            "cookiecutter {template}",
            "Shop\nmy_service\n",
            "my_service",
            "cookiecutter {template} project_name=Shop project_slug=my_service_2",
        ),
        (
            "cruft create {template} --no-input --output-dir ../here",
            "",
            "../here/my_service",
            "cruft create {template} --no-input --output-dir {here} --extra-context "
            """'{{"project_name": "My Service", "project_slug": "my_service_2"}}'""",
        ),
    ],
    ids=["cookiecutter", "options", "prompts", "cruft"],
)
def test_a_folder_that_exists(
    tell: Tell, template: Path, tmp_path: Path, command: str, stdin: str, folder: str, repeat: str
) -> None:
    here = tmp_path / "here"
    done = tell(command.format(template=template), stdin)

    assert done.returncode == 2
    expected = EXISTS.format(folder=folder, command=repeat.format(template=template, here=here))
    assert done.stderr.endswith(expected)
    assert "[3/10]" not in done.stdout
    assert [path.name for path in here.rglob("*")] == ["my_service", "manage.py"]
    # The command goes on.
    assert tell(done.stderr.split("answers: ")[1], 10 * "\n").returncode == 0
    assert (here / "my_service_2" / "manage.py").exists()


def test_a_folder_that_exists_may_be_written_into(
    tell: Tell, template: Path, tmp_path: Path
) -> None:
    manage = tmp_path / "here" / "my_service" / "manage.py"

    done = tell(f"cookiecutter {template} --no-input -f -s")
    assert (done.returncode, done.stderr) == (0, "")
    assert manage.read_text() == "# My own manage.py"

    done = tell(f"cookiecutter {template} --no-input --overwrite-if-exists")
    assert (done.returncode, done.stderr) == (0, "")
    assert manage.read_text() != "# My own manage.py"


def test_the_next_name_that_is_free(tell: Tell, template: Path, tmp_path: Path) -> None:
    for name in ("my_service_2", "my_service_3", "s" * 50):
        (tmp_path / "here" / name).mkdir()

    done = tell(f"cookiecutter {template} --no-input")
    assert "accepted would be project_slug=my_service_4." in done.stderr
    done = tell(f"cookiecutter {template} --no-input project_slug={'s' * 50}")
    assert f"accepted would be project_slug={'s' * 45}_2." in done.stderr
