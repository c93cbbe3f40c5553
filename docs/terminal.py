"""Make docs/terminal.svg, the picture of the README, from a real generation and a real test run."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

TEMPLATE = Path(__file__).resolve().parent.parent
ANSWERS = ["database_limit=20", "web_threads=16"]

# Rich's own frame names a font by its address on the web; any monospaced one will do.
SVG = """<svg xmlns="http://www.w3.org/2000/svg" xml:space="preserve"
     viewBox="0 0 {width} {height}">
<style>text {{ font-family: monospace; font-size: {char_height}px }} {styles}</style>
<defs><clipPath id="{unique_id}-clip-terminal"><rect width="100%" height="100%" /></clipPath>
{lines}</defs>
<rect width="100%" height="100%" rx="8" fill="#292929" />
<g transform="translate(12, 12)">{backgrounds}<g class="{unique_id}-matrix">{matrix}</g></g>
</svg>
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        cookiecutter = [sys.executable, "-m", "cookiecutter", str(TEMPLATE), "--no-input", *ANSWERS]
        said = run(cookiecutter, folder)
        project = Path(folder, "my_service")
        test = re.search(r"test it:  (.+)", said)[1]
        tested = run(["sh", "-c", test], project)
    console = Console(record=True, width=118, file=io.StringIO())
    prompt(console, f"cookiecutter gh:<owner>/cookiecutter-django-connections {' '.join(ANSWERS)}")
    console.print(Text(said.partition("Next,")[0].rstrip() + "\n"))
    prompt(console, ".venv/bin/pytest")
    console.print(Text(tested[tested.index("=== connections, as") - 19 :].rstrip()))
    svg = console.export_svg(title="", code_format=SVG, unique_id="terminal")
    (TEMPLATE / "docs" / "terminal.svg").write_text(svg, encoding="utf-8")


def prompt(console: Console, command: str) -> None:
    console.print(Text("$ ", "bold green") + Text(command, "bold"))


def run(command: list[str], folder: str | Path) -> str:
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    main()
