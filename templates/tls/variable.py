"""TLS on the way to the database: the certificate is from the provider's own authority."""

import functools
import os
import tempfile
from typing import Any

from pgconnections.backend.address import SSLMODES
from pgconnections.backend.environment import ConfigurationError

# The weakest that the database is reached with.
SSLMODE = "{{ tls.sslmode }}"
# The variable with the certificate of that authority, as text.
CERTIFICATE = "{{ tls.sslrootcert }}"


def options(given: dict[str, Any]) -> dict[str, str]:
    """Options of libpq: what the URL says, and at least SSLMODE."""
    sslmode = max(given.get("sslmode", SSLMODE), SSLMODE, key=SSLMODES.index)
    return {"sslmode": sslmode, "sslrootcert": given.get("sslrootcert") or certificate_file()}


@functools.cache
def certificate_file() -> str:
    """The certificate in a file, from which alone libpq reads it; made once per process."""
    text = os.environ.get(CERTIFICATE, "").replace("\\n", "\n")
    if "BEGIN CERTIFICATE" not in text:
        raise ConfigurationError(
            f"{CERTIFICATE} is not set: the certificate of the database's authority is expected, "
            "as text that begins with -----BEGIN CERTIFICATE-----."
        )
    with tempfile.NamedTemporaryFile("w", suffix=".pem", delete=False) as file:
        file.write(text)
    os.chmod(file.name, 0o644)  # no secret, and PgBouncer may run as another user
    return file.name
