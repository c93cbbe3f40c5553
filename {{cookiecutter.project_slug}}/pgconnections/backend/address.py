"""The addresses of databases, as the environment says them."""

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import dj_database_url
from django.utils.functional import lazy

from pgconnections import SERVICE
from pgconnections.backend.environment import ConfigurationError, required

# Options of libpq where the URL has none.
LIBPQ = {
    "application_name": SERVICE,
    # Seconds to wait for a server that does not answer, when connecting.
    "connect_timeout": 5,
    # Notice a dead peer: after so many seconds of silence probe so many times, so many seconds
    # apart; give up on unanswered data after so many milliseconds.
    "keepalives_idle": 30,
    "keepalives_count": 3,
    "keepalives_interval": 5,
    "tcp_user_timeout": 15_000,
}
# Of several hosts the one that takes writes, and none that was demoted, where no pooler is between;
# ?target_session_attrs=any is for reading from a replica.
WRITES = {"target_session_attrs": "read-write"}
SSLMODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
# What an image is built with, where no database is.
BUILD_COMMANDS = {"collectstatic", "compilemessages", "makemessages"}


def database(
    *variables: str,
    tls: Callable[[dict[str, Any]], dict[str, str]] | None = None,
    pooler: bool = False,
    **options: Any,
) -> dict[str, Any]:
    """The address in the first of these variables that is set, as an entry of DATABASES.

    Options of the URL, as ?sslmode=verify-full, win over those here; but where `tls` gives the
    weakest that is allowed, they do not weaken it, unless the database is on this machine.
    """
    variable = next((name for name in variables if os.environ.get(name)), variables[0])
    if sys.argv[1:] and sys.argv[1] in BUILD_COMMANDS:
        url = "postgres:///no-database-while-building"  # so no certificate either
    else:
        url = required(variable, "postgres://user:password@host:5432/name is expected")
    if not url.startswith(("postgres://", "postgresql://")):
        raise ConfigurationError(f"{variable} must be a URL that begins with postgres://.")
    if wrong := re.search(r"[#\s]", url):
        written = f"{wrong[0]!r}, which a URL has to write as {quote(wrong[0])}"
        raise ConfigurationError(f"{variable} contains {written}.")
    try:
        entry = parse(url)
    except ValueError:  # whose text may quote a part of the URL, as the password
        expected = "in user and password, all but letters, digits and -._~ has to be escaped"
        raise ConfigurationError(f"{variable} is no database URL: {expected}.") from None
    defaults = LIBPQ if pooler else LIBPQ | WRITES
    options = entry["OPTIONS"] = defaults | options | entry["OPTIONS"]
    if not entry["NAME"] and "service" not in options:
        raise ConfigurationError(f"{variable} names no database: postgres://host/name is expected.")
    entry["PASSWORD"] = entry["PASSWORD"] or password()
    if options.get("sslmode", SSLMODES[0]) not in SSLMODES:
        raise ConfigurationError(f"sslmode in {variable} must be one of {', '.join(SSLMODES)}.")
    if tls and not on_this_machine(entry):
        options |= tls(options)
    return entry


def parse(url: str) -> dict[str, Any]:
    """An entry of DATABASES; a URL may have several hosts, as h1:5432,h2:5432."""
    [(before, hosts, after)] = re.findall(r"^(.*?//(?:[^/?]*@)?)([^/?]*)(.*)", url)
    entry: dict[str, Any] = {"OPTIONS": {}}
    entry |= dj_database_url.parse(before + after if "," in hosts else url)
    if "," in hosts:
        parts = [urlsplit(f"//{host}") for host in hosts.split(",")]
        entry["HOST"] = ",".join(unquote(part.hostname or "") for part in parts)
        entry["PORT"] = ",".join(str(part.port or 5432) for part in parts)
    # What libpq takes from either place is looked for in one.
    for option, name in {"host": "HOST", "port": "PORT", "dbname": "NAME"}.items():
        entry[name] = entry["OPTIONS"].pop(option, entry[name])
    return entry


def on_this_machine(entry: dict[str, Any]) -> bool:
    """Whether libpq stays here, whatever way the servers are named."""
    given = {"host": entry["HOST"], **entry["OPTIONS"]}
    named = [
        str(given.get(name) or os.environ.get(f"PG{name.upper()}", ""))
        for name in ("host", "hostaddr", "service")
    ]
    here = ("", "localhost", "127.0.0.1", "::1")
    hosts = ",".join(named[:2]).split(",")
    return not named[2] and all(each in here or each.startswith(("/", "@")) for each in hosts)


def password() -> Any:
    """For URLs that have none: any characters, in the environment or in a file, which is read at
    each use: at the start, and for each new connection."""
    file = os.environ.get("DATABASE_PASSWORD_FILE")
    if file and read_password(file):
        return lazy(read_password, str)(file)
    return os.environ.get("DATABASE_PASSWORD", "")


def read_password(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8").rstrip("\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error.reason
        raise ConfigurationError(f"DATABASE_PASSWORD_FILE cannot be read: {reason}.") from None
