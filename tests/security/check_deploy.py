"""Django's check of a deployment in each of these projects, from a process that has Django loaded.

It reads the folder and the environment of each as JSON from the standard input, and prints what
Django has to say of it.
"""

from __future__ import annotations

import io
import json
import os
import sys
from contextlib import redirect_stderr, redirect_stdout

from django.core.management import call_command


def check(project: str, variables: dict[str, str]) -> str:
    os.chdir(project)
    sys.path.insert(0, project)
    os.environ |= variables
    with redirect_stderr(io.StringIO()) as said, redirect_stdout(said):
        try:
            __import__("django").setup()
            call_command("check", "--deploy", "--fail-level=WARNING")
        except BaseException as error:
            return f"{said.getvalue()}{error!r}"
    return said.getvalue()


def main() -> None:
    for name, project, variables in json.load(sys.stdin):
        # Settings are read once in a process.
        if not (child := os.fork()):
            print(json.dumps([name, check(project, variables)]), flush=True)
            os._exit(0)
        os.waitpid(child, 0)


main()
