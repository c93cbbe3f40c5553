"""Render the template with given answers."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cookiecutter.main import cookiecutter

TEMPLATE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TEMPLATE))

QUESTIONS = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))

Bake = Callable[..., Path]


@pytest.fixture(scope="session")
def bake(tmp_path_factory: pytest.TempPathFactory) -> Bake:
    """Render a project with these answers and return its folder.

    The same answers give the same folder again: a test that changes files takes a copy.
    """

    @functools.cache
    def _bake(**answers: str | int) -> Path:
        output = tmp_path_factory.mktemp("baked")
        project = cookiecutter(
            str(TEMPLATE),
            no_input=True,
            extra_context=answers,
            output_dir=str(output),
            default_config=True,
        )
        return Path(project)

    return _bake
