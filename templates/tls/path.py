"""TLS on the way to the database: the certificate is from the provider's own authority."""

from typing import Any

# The weakest that the database is reached with.
SSLMODE = "{{ tls.sslmode }}"
# The certificate of that authority; the deploy files put it there.
SSLROOTCERT = "{{ tls.sslrootcert }}"
STRENGTH = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")


def options(given: dict[str, Any]) -> dict[str, str]:
    """Options of libpq: what the URL says, and at least SSLMODE."""
    sslmode = given.get("sslmode", SSLMODE)
    if sslmode in STRENGTH:  # else libpq says that it is unknown
        sslmode = max(sslmode, SSLMODE, key=STRENGTH.index)
    return {"sslmode": sslmode, "sslrootcert": given.get("sslrootcert", SSLROOTCERT)}
