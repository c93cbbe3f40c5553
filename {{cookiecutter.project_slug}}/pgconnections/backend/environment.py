"""What the environment says: numbers, booleans and lists.

Every mistake in it is a ConfigurationError with one sentence, which manage.py and serve.py print
without a traceback. It is no ImproperlyConfigured, since those of Django have to keep theirs.
"""

import os

BOOLEANS = dict.fromkeys(("1", "true", "yes", "on"), True)
BOOLEANS |= dict.fromkeys(("0", "false", "no", "off"), False)


class ConfigurationError(Exception):
    """One sentence: which variable is wrong, and what would be accepted."""


def required(variable: str, expected: str) -> str:
    """The text of a variable that has no default."""
    if text := os.environ.get(variable):
        return text
    raise ConfigurationError(f"{variable} is not set: {expected}.")


def number(variable: str, default: int, *, most: int) -> int:
    """A whole number from 1 to `most`."""
    text = os.environ.get(variable) or str(default)
    digits = text.isascii() and text.isdecimal() and len(text) <= 100
    if digits and 1 <= (value := int(text)) <= most:
        return value
    shown = repr(text) if len(text) <= 40 else f"{text[:40]!r}... ({len(text)} characters)"
    raise ConfigurationError(f"{variable} must be a whole number from 1 to {most}, not {shown}.")


def boolean(variable: str, *, default: bool) -> bool:
    text = os.environ.get(variable)
    if not text:
        return default
    if text.lower() in BOOLEANS:
        return BOOLEANS[text.lower()]
    raise ConfigurationError(f"{variable} must be one of {', '.join(BOOLEANS)}, not {text!r}.")


def words(variable: str) -> list[str]:
    """A list that is separated by commas; empty where the variable is not set."""
    return [word for each in os.environ.get(variable, "").split(",") if (word := each.strip())]
