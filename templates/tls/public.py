"""TLS on the way to the database: the certificate is from an authority that everybody trusts."""

from typing import Any

import certifi

# The weakest that the database is reached with.
SSLMODE = "{{ tls.sslmode }}"
STRENGTH = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")


def options(given: dict[str, Any]) -> dict[str, str]:
    """Options of libpq: what the URL says, and at least SSLMODE."""
    sslmode = given.get("sslmode", SSLMODE)
    if sslmode in STRENGTH:  # else libpq says that it is unknown
        sslmode = max(sslmode, SSLMODE, key=STRENGTH.index)
    # Not "system": the library in the wheels of psycopg looks for it where no system has it.
    return {"sslmode": sslmode, "sslrootcert": given.get("sslrootcert", certifi.where())}
