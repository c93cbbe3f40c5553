"""What is wrong around the answers: names that no question has, a configuration file with a choice
that there is not, a folder that exists already."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import caller
from .adoption import check_not_adopted
from .advice import BudgetError
from .budget import Plan
from .checks import check_choice, check_questions, choices
from .recorded import check_no_mixture, check_update
from .template import FOLDER, adopts, questions


class BadConfiguration(BudgetError):
    """A choice in the user's configuration file does not exist. `kept` is what else it says, of
    which cookiecutter has dropped all that comes after."""

    def __init__(self, error: BudgetError, kept: dict[str, Any]) -> None:
        super().__init__(error.problem, error.changes)
        self.kept = kept


def check_surroundings(answers: Mapping[str, Any]) -> None:
    """Refuse what the answers alone do not show, while nothing is written yet."""
    check_update(answers)
    called = caller.arguments()
    # cruft update has no folder of its own to write to, and all answers in the project.
    if "output_dir" not in called or called.get("replay") or not caller.asking():
        return
    if not answers:  # once, before the first question
        check_questions(called.get("extra_context") or {})
        _check_configuration()
    if adopts() and not called.get("overwrite_if_exists"):
        check_not_adopted()
    elif "project_slug" in answers and not called["overwrite_if_exists"]:
        _check_folder(Path(called["output_dir"]), str(answers["project_slug"]))


def check_folder_again(plan: Plan, answers: Mapping[str, Any]) -> None:
    """Refuse to skip files in a folder that has been rendered with other answers."""
    if output := caller.arguments().get("output_dir"):
        check_no_mixture(
            Path(output, FOLDER if adopts() else str(answers["project_slug"])), plan, answers
        )


def _check_configuration() -> None:
    said = {name: told for name, told in caller.default_context().items() if name in questions()}
    wrong = {}
    for name, possible in choices().items():
        try:
            if name in said:
                check_choice(
                    name,
                    said[name],
                    possible,
                    f", in the default_context of {caller.config_file()}",
                )
        except BudgetError as error:
            wrong[name] = error
    if wrong:
        first = next(iter(wrong.values()))
        kept = {name: told for name, told in said.items() if name not in wrong}
        raise BadConfiguration(first, kept)


def _check_folder(output: Path, slug: str) -> None:
    if (output / slug).exists():
        others = (f"{slug[:45]}_{number}" for number in itertools.count(2))
        free = next(other for other in others if not (output / other).exists())
        raise BudgetError(
            f"the folder {os.path.normpath(output / slug)} exists already, and only "
            "--overwrite-if-exists writes into it",
            [{"project_slug": free}],
        )
