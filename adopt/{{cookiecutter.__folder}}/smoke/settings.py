"""The settings of this project. Only the address of its PostgreSQL databases is that of the smoke
tests, and there is one more view."""

import json
import os
from importlib import import_module

theirs = import_module(os.environ["SMOKE_SETTINGS"])
globals().update({name: getattr(theirs, name) for name in dir(theirs) if name.isupper()})

# Options that belong to the address.
OPTIONS_OF_THE_ADDRESS = {"passfile", "service", "sslcert", "sslkey", "sslmode", "sslrootcert"}

DATABASES = theirs.DATABASES
for entry in DATABASES.values():
    if not entry["ENGINE"].endswith(("sqlite3", "spatialite", "mysql", "oracle", "dummy")):
        entry |= json.loads(os.environ["SMOKE_ADDRESS"])
        options = entry.setdefault("OPTIONS", {})
        for name in OPTIONS_OF_THE_ADDRESS & options.keys():
            del options[name]

ALLOWED_HOSTS = [*getattr(theirs, "ALLOWED_HOSTS", []), "localhost"]
MIDDLEWARE = [*getattr(theirs, "MIDDLEWARE", []), "pgconnections.smoke.view.middleware"]
# Requests come by HTTPS where a header of the proxy can say so; else none of them is redirected.
SECURE_SSL_REDIRECT = bool(
    getattr(theirs, "SECURE_SSL_REDIRECT", False)
    and getattr(theirs, "SECURE_PROXY_SSL_HEADER", None)
)
