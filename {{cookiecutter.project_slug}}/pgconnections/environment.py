"""What the environment says: the numbers of the budget and the addresses of the databases.

Every mistake in it is an ImproperlyConfigured with one sentence, which manage.py and
gunicorn.conf.py print without a traceback.
"""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

from pgconnections import embedded{% if tls %}, tls{% endif %}

from pgconnections.answers import ANSWERS, SERVICE, VARIABLES
from pgconnections.budget import BudgetError, Plan, connection_plan

DEBUG = os.environ.get("DEBUG", "0") == "1"


def budget() -> Plan:
    """The division of the limit among what the environment says will run."""
    changed = {}
    for answer, variable in VARIABLES.items():
        if text := os.environ.get(variable):
            if not text.isdecimal():
                raise ImproperlyConfigured(f"{variable} must be a whole number, not {text!r}.")
            changed[answer] = int(text)
    try:
        return connection_plan(replace(ANSWERS, **changed))
    except BudgetError as error:
        # The choice of pooling is made; only numbers can change without a new render.
        numbers = [change for change in error.changes if change.keys() <= VARIABLES.keys()]
        sentence = str(BudgetError(error.problem, numbers or error.changes))
        for answer, variable in VARIABLES.items():
            sentence = sentence.replace(answer, variable)
        raise ImproperlyConfigured(sentence) from None


def database(*variables: str) -> dict[str, Any]:
    """The address in the first of these variables that is set, as an entry of DATABASES.

{% if tls %}
    Options of the URL win over the defaults here, but none makes TLS weaker than tls.py says,
    unless the database is on this machine.
{% else %}
    Options of the URL, as ?sslmode=verify-full&sslrootcert=..., win over the defaults here.
{% endif %}
    """
    hint = ""
    variable = next((name for name in variables if os.environ.get(name)), variables[0])
    url = os.environ.get(variable)
    if not url and DEBUG:
        url = embedded.running_url()
        hint = "; python dev.py starts a database for development"
    if not url:
        raise ImproperlyConfigured(
            f"{variable} is not set: postgres://user:password@host:5432/name is expected{hint}."
        )
    if "#" in url:
        raise ImproperlyConfigured(f"{variable} contains #, which a URL has to write as %23.")
    try:
        entry: dict[str, Any] = dict(dj_database_url.parse(url))
    except ValueError as error:
        raise ImproperlyConfigured(f"{variable} is no database URL: {error}") from None

    entry["PASSWORD"] = entry["PASSWORD"] or password()

    defaults: dict[str, Any] = {
        "application_name": SERVICE,
        # Seconds to wait for a server that does not answer, when connecting.
        "connect_timeout": 5,
        # Notice a dead peer: probe after this many seconds of silence, give up on unanswered data
        # after this many milliseconds.
        "keepalives_idle": 30,
        "tcp_user_timeout": 15_000,
    }
    entry["OPTIONS"] = defaults | entry.get("OPTIONS", {})
{% if tls %}
    local = entry["HOST"] in ("", "localhost", "127.0.0.1", "::1") or entry["HOST"].startswith("/")
    if not local:
        entry["OPTIONS"] |= tls.options(entry["OPTIONS"])
{% endif %}
    return entry


def password() -> str:
    """For URLs that have none: any characters, in the environment or in a file."""
    file = os.environ.get("DATABASE_PASSWORD_FILE")
    if file is None:
        return os.environ.get("DATABASE_PASSWORD", "")
    try:
        return Path(file).read_text(encoding="utf-8").rstrip("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(f"DATABASE_PASSWORD_FILE cannot be read: {error}") from None
