"""The addresses of databases, as the environment says them."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dj_database_url

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
SSLMODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
# What an image is built with, where no database is.
BUILD_COMMANDS = {"collectstatic", "compilemessages", "makemessages"}


def database(
    *variables: str, tls: Callable[[dict[str, Any]], dict[str, str]] | None = None
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
    if "#" in url:
        raise ConfigurationError(f"{variable} contains #, which a URL has to write as %23.")
    if not url.startswith(("postgres://", "postgresql://")):
        raise ConfigurationError(f"{variable} must be a URL that begins with postgres://.")
    try:
        entry: dict[str, Any] = dict(dj_database_url.parse(url))
    except ValueError:  # whose text may quote a part of the URL, as the password
        expected = "in user and password, all but letters, digits and -._~ has to be escaped"
        raise ConfigurationError(f"{variable} is no database URL: {expected}.") from None
    entry["PASSWORD"] = entry["PASSWORD"] or password()
    entry["OPTIONS"] = LIBPQ | entry.get("OPTIONS", {})
    if entry["OPTIONS"].get("sslmode", SSLMODES[0]) not in SSLMODES:
        raise ConfigurationError(f"sslmode in {variable} must be one of {', '.join(SSLMODES)}.")
    local = entry["HOST"] in ("", "localhost", "127.0.0.1", "::1") or entry["HOST"].startswith("/")
    if tls and not local:
        entry["OPTIONS"] |= tls(entry["OPTIONS"])
    return entry


def password() -> str:
    """For URLs that have none: any characters, in the environment or in a file."""
    file = os.environ.get("DATABASE_PASSWORD_FILE")
    if not file:
        return os.environ.get("DATABASE_PASSWORD", "")
    try:
        return Path(file).read_text(encoding="utf-8").rstrip("\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error.reason
        raise ConfigurationError(f"DATABASE_PASSWORD_FILE cannot be read: {reason}.") from None
