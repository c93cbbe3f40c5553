"""Hard texts as answers: rendered unchanged in files that parse, or refused; never executed."""

from __future__ import annotations

import ast
import json
import keyword
import re
import shlex
import sys
import tomllib
from collections.abc import Callable
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from combinations import defaults_of
from conftest import QUESTIONS, TEMPLATE
from cookiecutter.cli import main
from cookiecutter.main import cookiecutter
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from pgconnections_generator.answers import connection_plan
from pgconnections_generator.checks import NUMBERS
from pgconnections_generator.names import derived_slug

PARSERS: dict[str, Callable[[str], Any]] = {
    ".py": lambda text: compile(ast.parse(text), "rendered", "exec"),
    ".toml": tomllib.loads,
    ".json": json.loads,
    ".yaml": yaml.safe_load,
    ".yml": yaml.safe_load,
    ".ini": lambda text: ConfigParser(interpolation=None).read_string(text),
}

# Every text that would be executed somewhere leaves a file of this name.
SHELL = "$(touch x) `touch x`; touch x & touch x | touch x || touch x > x"

ACCEPTED = [
    """It's "mine" '' "" ''' \"""",
    "'",
    '"',
    "\\",
    r"C:\new \t \u0041 \x41 \N{BULLET} \" \' \\",
    SHELL,
    f"'; touch x; '\"; touch x; \"{SHELL[:30]}",
    "; rm -rf . #",
    "__import__('os').system('touch x')",
    '"""\n'.strip() + " + open('x', 'w').close() + " + '"""',
    "x: - y & *z ! | > % @ # ? , [] {} ~",
    "- item",
    "&anchor *alias !tag !!python/object:x",
    "# heading ## heading #",
    "null",
    "]]] [tool.x] = '''",
    "<< EOF << 'EOF' <<< x",
    "<b>bold</b> <script>x</script> &amp; &copy; &#65; <!-- x -->",
    "*bold* _low_ `code` ~~struck~~ [link](x) ![image](x) <http://example.org> :tada: | a |",
    "1. item",
    "--- === +++",
    "}} %} #} {x} {0} ${HOME} %(x)s %s $HOME",
    "=a=b",
    "--no-input",
    "שירות של דוגמה (v2) قاعدة البيانات",
    "👩‍💻 🏳️‍🌈 e\u0301 नमस्\u200dते \u200fא",
    "  two  spaces \u00a0 and \u3000 others  ",
    "é" * 100,
]

REFUSED = [
    # the text, the beginning of the sentence, what would be accepted
    ("", "project_name is empty", "My Service"),
    (" \u3000 ", "project_name is empty", "My Service"),
    ("a" * 101, "project_name has 101 characters, and at most 100 are accepted", "a" * 100),
    ("a" * 9999, "project_name has 9999 characters, and at most 100 are accepted", "a" * 100),
    *(
        (text, f"project_name contains {tag}, which cookiecutter would run as a template", clean)
        for text, tag, clean in [
            ("{{ 7*7 }}", "{{", "7*7"),
            ("{{ cookiecutter.__class__ }} mine", "{{", "cookiecutter.__class__ mine"),
            ("{% raw %}", "{%", "raw"),
            ("{# comment #}", "{#", "comment"),
            ("{{", "{{", "My Service"),
            ("{}}{{{%{", "{{", "{ {"),
        ]
    ),
    *(
        (f"one{chr(code)}two", f"project_name contains the control character U+{code:04X}", clean)
        for codes, clean in [
            ((0x00, 0x07, 0x08, 0x09, 0x0A, 0x0B, 0x0C, 0x1B, 0x7F, 0x85, 0x9B), "one two"),
            ((0x2028, 0x2029, 0x202A, 0x202E, 0x2066, 0x2069, 0xD800, 0xDFFF), "one two"),
        ]
        for code in codes
    ),
    (
        "My Service\r\nx = 1\n",
        "project_name contains the control character U+000D",
        "My Service x = 1",
    ),
]


@pytest.fixture
def tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run cookiecutter in a new folder, with these arguments and what is typed."""
    config = tmp_path / "config.yaml"
    folders = {"replay_dir": str(tmp_path / "replay"), "cookiecutters_dir": str(tmp_path)}
    config.write_text(json.dumps(folders))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    def _tell(*arguments: str, stdin: str | None = None) -> Result:
        runner = CliRunner(env={"COOKIECUTTER_CONFIG": str(config)})
        return runner.invoke(main, [str(TEMPLATE), *arguments], input=stdin)

    return _tell


def contents(project: Path) -> dict[str, str]:
    return {
        path.relative_to(project).as_posix(): path.read_bytes().decode()
        for path in project.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[str, str]]:
    """The files of a project of each hosting target, with a name that nothing has to quote."""
    output = tmp_path_factory.mktemp("plain")
    for target in QUESTIONS["hosting_target"]:
        cookiecutter(
            str(TEMPLATE),
            no_input=True,
            extra_context={"project_slug": "mine", **defaults_of(target)},
            output_dir=str(output / target),
            default_config=True,
        )
    return lambda target: contents(output / target / "mine")


def assert_rendered(project: Path, name: str, plain: dict[str, str]) -> None:
    """Every file parses and shows the name unchanged, or does not depend on it."""
    files = contents(project)
    for path, text in files.items():
        PARSERS.get(Path(path).suffix, str)(text)

    assert tomllib.loads(files["pyproject.toml"])["project"]["description"] == name
    assert heading(files["README.md"]) == name.strip()
    named = {"pyproject.toml", "README.md", "pgconnections/answers.json"}
    if "app.json" in files:
        assert json.loads(files["app.json"])["name"] == name[:30].strip()
        named.add("app.json")
    assert files.keys() == plain.keys()
    assert {path for path in files if files[path] != plain[path]} == named


def heading(readme: str) -> str:
    """What the first heading shows; in it is nothing but text."""
    opening, inline, *_ = MarkdownIt("commonmark").parse(readme)
    assert (opening.type, opening.tag) == ("heading_open", "h1")
    assert {child.type for child in inline.children} <= {"text", "text_special"}
    return "".join(child.content for child in inline.children)


@pytest.mark.parametrize("name", ACCEPTED)
def test_name_on_the_command_line(
    tell: Callable[..., Result], tmp_path: Path, plain: Any, name: str
) -> None:
    others = ["project_slug=mine", "hosting_target=heroku"]
    done = tell("--no-input", f"project_name={name}", *others)
    assert (done.exit_code, done.stderr) == (0, "")
    assert_rendered(tmp_path / "here" / "mine", name, plain("heroku"))
    assert list(tmp_path.rglob("x")) == []


@pytest.mark.parametrize("name", ACCEPTED)
def test_name_at_the_prompt(
    tell: Callable[..., Result], tmp_path: Path, plain: Any, name: str
) -> None:
    done = tell(stdin=f"{name}\nmine\n" + 8 * "\n")
    assert (done.exit_code, done.stderr) == (0, "")
    # The prompt itself takes the spaces off the ends.
    assert_rendered(tmp_path / "here" / "mine", name.strip(), plain("docker-compose"))
    assert list(tmp_path.rglob("x")) == []


def assert_refused(done: Result, tmp_path: Path, problem: str, accepted: str) -> None:
    if "control character" in problem:
        problem += ", and only one line of plain text is accepted"
    _, error, sentence = done.stderr.partition("Error: ")
    assert (done.exit_code, error) == (2, "Error: ")
    assert sentence.startswith(
        f"{problem}; accepted would be project_name={shlex.quote(accepted)}. To repeat all other "
    )
    assert sentence.count("\n") == 1
    assert list((tmp_path / "here").iterdir()) == []
    assert list(tmp_path.rglob("x")) == []


@pytest.mark.parametrize(("name", "problem", "accepted"), REFUSED)
def test_refused_name_on_the_command_line(
    tell: Callable[..., Result], tmp_path: Path, name: str, problem: str, accepted: str
) -> None:
    done = tell("--no-input", f"project_name={name}")
    assert_refused(done, tmp_path, problem, accepted)


# A line end is the end of what is typed, nothing is the default, and a terminal sends UTF-8.
TYPED = [row for row in REFUSED if row[0] and not re.search("[\r\n\ud800-\udfff]", row[0])]


@pytest.mark.parametrize(("name", "problem", "accepted"), TYPED)
def test_refused_name_at_the_prompt(
    tell: Callable[..., Result], tmp_path: Path, name: str, problem: str, accepted: str
) -> None:
    done = tell(stdin=f"{name}\n" + 9 * "\n")
    assert_refused(done, tmp_path, problem, accepted)


CODE = [
    SHELL,
    "{{ 7*7 }}",
    "{% raw %}",
    "4; import os",
    "4\n5",
    "'",
    '"',
    "\\",
    "\0",
    "\u202e4",
    "🚀",
]


@pytest.mark.parametrize("text", CODE)
@pytest.mark.parametrize("question", ["project_slug", *NUMBERS])
def test_other_answers(
    tell: Callable[..., Result], tmp_path: Path, question: str, text: str
) -> None:
    """Of these, only an identifier and numbers are rendered."""
    done = tell("--no-input", f"{question}={text}")
    _, error, sentence = done.stderr.partition("Error: ")
    assert (done.exit_code, error) == (2, "Error: ")
    assert sentence.startswith(f"{question} ") and sentence.count("\n") == 1
    assert "49" not in sentence
    assert list((tmp_path / "here").iterdir()) == []
    assert list(tmp_path.rglob("x")) == []


# --- the slug of a name ------------------------------------------------------------------------

WORDS = st.sampled_from([*keyword.kwlist, *sorted(sys.stdlib_module_names), "user", "pg_x", "aux"])
TEXTS = (
    st.text(max_size=120)
    | st.text("abc XYZ019_-.&#;xé", max_size=120)
    | st.text(st.characters(categories=["Cs", "Cc", "Zl", "Lo", "So"]), max_size=20)
    | WORDS
)


@settings(max_examples=500, deadline=None, derandomize=True)
@given(TEXTS)
@example("")
@example("&#99999999999999999999;")
@example("&#xffffffffffffffff; &bogus;")
@example("pg_" + 60 * "x")
@example("Django")
def test_derived_slug_is_legal(name: str) -> None:
    slug = derived_slug(name)
    # Spelled out once more, as the rule of the code under test may be wrong.
    assert slug.isascii() and slug.isidentifier() and slug == slug.lower() and len(slug) <= 50
    assert not slug.startswith("_") and not keyword.iskeyword(slug)
    assert slug not in sys.stdlib_module_names
    assert connection_plan({"project_slug": slug}) is None


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("My Service", "my_service"),
        ("  My -- Service!  ", "my_service"),
        ("Ünïcödé Straße", "unicode_strasse"),
        ("2 Fast", "service_2_fast"),
        ("🚀", "service"),
        ("Tests", "tests_service"),
        ("Order", "order_service"),
        ("PG Tool", "service_pg_tool"),
        ("A &amp; B", "a_amp_b"),
        ("word " * 20, "word_word_word_word_word_word_word_word"),
    ],
)
def test_derived_slug(name: str, slug: str) -> None:
    assert derived_slug(name) == slug
