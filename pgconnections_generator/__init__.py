"""What Jinja needs to render the template: facts of the hosting target, checks, and the plan.

Each module imports only from those above it:

    budget         what is known of a service, and what a plan says
    planning       divides the limit among the processes
    refusals       why answers do not fit, with the sum
    advice         the plan, or the answers that would fit
    template       the folders of the template, and its questions
    version        which version of the template is loaded
    facts          what is known of a hosting target
    caller         how cookiecutter or cruft was called
    texts          what people read
    names          the names of a service
    adoption       what is asked about a project that exists
    defaults       the answers to all questions
    checks         what each answer may be
    policy         what a team allows
    recorded       the answers as a project keeps them, and an update of it
    surroundings   what is wrong around the answers
    command        the command that repeats the answers
    answers        a plan, or one sentence
    plain          texts without a tag
    sharing        what adopt/ includes of the project folder
    jinja          context, variables and filters
"""

import re
import sys

import click
import cookiecutter


def needs(what: str, this: str) -> None:
    sentence = f"this template needs {what}, and this is {this}"
    if "cruft._cli" in sys.modules:  # whose click may be another one
        click.echo(f"Error: {sentence}", err=True)
        raise SystemExit(2)
    raise click.UsageError(sentence)


if sys.version_info < (3, 11):  # noqa: UP036 (older ones can read this file)
    this = ".".join(map(str, sys.version_info[:3]))
    needs("Python 3.11 or newer for cookiecutter", f"Python {this}")
# 2.1.1 does not know includes; 2.2.0 calls itself 2.1.2.
if [int(number) for number in re.findall("[0-9]+", cookiecutter.__version__)[:3]] < [2, 1, 2]:
    needs("cookiecutter 2.2 or newer", f"cookiecutter {cookiecutter.__version__}")

# Bytecode is neither left in the template nor believed: it tells versions apart by the second.
before = sys.dont_write_bytecode, sys.pycache_prefix
sys.dont_write_bytecode, sys.pycache_prefix = True, __file__
try:
    from .jinja import ConnectionsExtension
    from .version import is_current
finally:
    sys.dont_write_bytecode, sys.pycache_prefix = before

__all__ = ["ConnectionsExtension", "is_current"]
