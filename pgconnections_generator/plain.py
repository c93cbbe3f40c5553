"""Texts without a tag: most names and many files. Jinja would translate each to Python, to get it
back unchanged, which takes longer than to render all others."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Any

from jinja2 import Environment, Template

from .names import TAGS


class PlainTemplate(Template):
    """A template whose code may be its text, where that is all that it renders."""

    @classmethod
    def from_code(
        cls,
        environment: Environment,
        code: Any,
        globals: MutableMapping[str, Any],
        uptodate: Callable[[], bool] | None = None,
    ) -> Template:
        if not isinstance(code, str):
            return super().from_code(environment, code, globals, uptodate)
        module = {"name": None, "__file__": None, "blocks": {}, "debug_info": ""}
        return cls.from_module_dict(
            environment, module | {"root": lambda _: (text for text in [code])}, globals
        )


def keep_plain_texts(environment: Environment, known: Callable[[], dict[str, str]]) -> None:
    """Leave texts without a tag, and those whose rendering is known, to PlainTemplate, and all
    others to Jinja."""
    jinja_compiles = environment.compile

    def compile(source: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(source, str):
            return jinja_compiles(source, *args, **kwargs)
        if not TAGS.search(source):
            return source
        if "|" not in source and source in (texts := known()):
            return texts[source]
        return jinja_compiles(source, *args, **kwargs)

    environment.compile = compile
    environment.template_class = PlainTemplate
