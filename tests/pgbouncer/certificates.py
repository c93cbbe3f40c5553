"""A certificate authority, and a PostgreSQL with certificates of it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme
from tests.postgres import Server, give
from tests.service import PASSWORD

from tests import postgres as dev_postgres

HOST = "127.0.0.1"
# The host of the certificate, the authority that is trusted, and whether that is right.
SERVERS = [
    pytest.param(HOST, "ca.pem", True, id="right"),
    pytest.param(HOST, "other-ca.pem", False, id="another authority"),
    pytest.param("other.example", "ca.pem", False, id="another host name"),
]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="tls-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def write(folder: Path, name: str, certificate: trustme.LeafCert) -> tuple[Path, Path]:
    """The certificate and its key, which only their owner may read."""
    chain, key = folder / f"{name}.pem", folder / f"{name}.key"
    chain.write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
    key.write_bytes(certificate.private_key_pem.bytes())
    key.chmod(0o600)
    give(key)
    return chain, key


@pytest.fixture(scope="module")
def authority(folder: Path) -> trustme.CA:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    trustme.CA().cert_pem.write_to_path(folder / "other-ca.pem")
    return authority


@pytest.fixture(scope="module")
def postgres_with_tls(folder: Path, authority: trustme.CA) -> Iterator[Callable[[str], Server]]:
    """A PostgreSQL whose certificate is for this host name."""
    # The one of the other tests has no TLS.
    own, dev_postgres.programs = (
        dev_postgres.programs,
        lambda: Path(os.environ["POSTGRES_WITH_TLS"]),
    )
    servers: dict[str, Server] = {}

    def start(host: str) -> Server:
        if host not in servers:
            chain, key = write(folder, host, authority.issue_cert(host))
            certificate = {"ssl": "on", "ssl_cert_file": chain, "ssl_key_file": key}
            servers[host] = dev_postgres.start(folder / f"server-{host}", PASSWORD, **certificate)
        return servers[host]

    yield start
    for server in servers.values():
        server.stop()
    dev_postgres.programs = own
