"""From answers to a plan, or to one sentence with the command that repeats all other answers.

Cookiecutter prints a `click.UsageError` as one sentence and exits with 2. Everything is checked
when a template is about to be rendered with the answers. The first of these moments is the
default of the next question, the last one the name of the project's folder: so nothing has been
written yet, whether the answers come from prompts, the command line, a replay file or cruft.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

import click

from . import caller
from .advice import BudgetError
from .budget import Plan
from .checks import plan_of
from .command import command, shell
from .defaults import completed
from .names import TAGS
from .policy import check_policy
from .surroundings import BadConfiguration, check_folder_again, check_surroundings
from .template import questions
from .texts import shown


def connection_plan(answers: Mapping[str, Any]) -> Plan | None:
    """Check the answers given so far; the plan once all are there, else None.

    Raises click.UsageError with one sentence, and with the command that repeats all other answers.
    """
    try:
        check_surroundings(answers)
        # What the command line says about questions to come: final without prompts, else the
        # defaults of the prompts, refused before they are asked for.
        if caller.context() and (given := caller.given()):
            plan_of({**given, **answers} if caller.params().get("no_input") else given)
        plan = plan_of(answers)
        check_policy(answers, plan)
        if plan is not None:
            check_folder_again(plan, answers)
        return plan
    except BudgetError as error:
        refuse(error, answers)


def refuse(refused: BudgetError, answers: Mapping[str, Any]) -> NoReturn:
    answers, options = {**caller.given(), **answers}, ()
    if isinstance(refused, BadConfiguration):
        answers, options = {**refused.kept, **answers}, ("--default-config",)
    # What was refused may have hidden something else, and the command has to work.
    changes = dict(refused.changes[0])
    for _ in questions():
        asked = {**answers, **changes}
        asked = {name: asked[name] for name in questions() if name in asked}
        try:
            plan_of(asked)
            plan_of(completed(asked, caller.default_context()))
            break
        except BudgetError as error:
            changes |= error.changes[0]
    alternatives = refused.changes if changes == refused.changes[0] else [changes]
    quoted = [{name: shell(new) for name, new in change.items()} for change in alternatives]
    accepted = BudgetError(refused.problem, quoted).accepted()
    repeat = command({**answers, **changes}, changes, *options)
    _exit(
        f"{refused.problem}; accepted would be {accepted or 'the same without it'}. "
        f"To repeat all other answers: {repeat}"
    )


def refuse_tags(source: str) -> None:
    """Refuse to run an answer: cookiecutter renders those of the command line as templates."""
    connection_plan(caller.given())
    # Not from the command line, so from the user's configuration file.
    _exit(
        f"an answer contains {TAGS.findall(source)[0]}, which cookiecutter would run as a "
        f"template: {shown(source)}; accepted would be the same text without it."
    )


def refuse_delimiter(name: str, found: str) -> None:
    """Refuse tags of another kind, which no look at the answers would find."""
    _exit(
        f"_jinja2_env_vars sets {name} to {shown(found)}, and cookiecutter would run what stands "
        "there in an answer as a template; accepted would be the same without it."
    )


def _exit(sentence: str) -> NoReturn:
    """Refuse the answers: cookiecutter prints the sentence of this error and exits with 2."""
    context = caller.context()
    if context and caller.tool(context) == "cruft":
        # It would draw a box around the sentence, and so break the command in it into lines; or
        # show a traceback, where its click is another one.
        click.echo(f"{context.get_usage()}\n\nError: {sentence}", err=True)
        raise SystemExit(2)
    raise click.UsageError(sentence)
