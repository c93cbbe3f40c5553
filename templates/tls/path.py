"""TLS on the way to the database: the certificate is from the provider's own authority."""

from typing import Any

from pgconnections.backend.address import SSLMODES

# The weakest that the database is reached with.
SSLMODE = "{{ tls.sslmode }}"
# The certificate of that authority; the deploy files put it there.
SSLROOTCERT = "{{ tls.sslrootcert }}"


def options(given: dict[str, Any]) -> dict[str, str]:
    """Options of libpq: what the URL says, and at least SSLMODE."""
    sslmode = max(given.get("sslmode", SSLMODE), SSLMODE, key=SSLMODES.index)
    return {"sslmode": sslmode, "sslrootcert": given.get("sslrootcert", SSLROOTCERT)}
