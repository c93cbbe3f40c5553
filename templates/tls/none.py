"""TLS on the way to the database: encrypted, with a certificate that nobody can check."""

from typing import Any

# The weakest that the database is reached with.
SSLMODE = "{{ tls.sslmode }}"
STRENGTH = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")


def options(given: dict[str, Any]) -> dict[str, str]:
    """Options of libpq: what the URL says, and at least SSLMODE."""
    sslmode = given.get("sslmode", SSLMODE)
    if sslmode in STRENGTH:  # else libpq says that it is unknown
        sslmode = max(sslmode, SSLMODE, key=STRENGTH.index)
    return {"sslmode": sslmode}
