"""TLS on the way to the database: the certificate is from an authority that everybody trusts."""

from typing import Any

import certifi

from pgconnections.backend.address import SSLMODES

# The weakest that the database is reached with.
SSLMODE = "{{ tls.sslmode }}"


def options(given: dict[str, Any]) -> dict[str, str]:
    """Options of libpq: what the URL says, and at least SSLMODE."""
    sslmode = max(given.get("sslmode", SSLMODE), SSLMODE, key=SSLMODES.index)
    # Not "system": the library in the wheels of psycopg looks for it where no system has it.
    return {"sslmode": sslmode, "sslrootcert": given.get("sslrootcert", certifi.where())}
