"""TLS on the way to the database: encrypted, with a certificate that nobody can check."""

from typing import Any

from pgconnections.backend.address import SSLMODES

# The weakest that the database is reached with.
SSLMODE = "{{ tls.sslmode }}"


def options(given: dict[str, Any]) -> dict[str, str]:
    """Options of libpq: what the URL says, and at least SSLMODE."""
    sslmode = max(given.get("sslmode", SSLMODE), SSLMODE, key=SSLMODES.index)
    return {"sslmode": sslmode}
