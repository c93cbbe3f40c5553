"""Start the web server of this instance, with the sizes of the connection budget.

    python -m pgconnections.serve

It loads the settings before the server does, so that a mistake in them is one sentence. The server
then takes the place of this process, in a fresh interpreter: a reload finds what has changed.
"""

import contextlib
import os
import socket
import sys
from importlib import import_module

from pgconnections.backend.environment import ConfigurationError
from pgconnections.budget import Budget


def main() -> None:
    try:
        settings = import_module(os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings"))
        if not settings.ALLOWED_HOSTS:
            raise ConfigurationError("ALLOWED_HOSTS is not set: host names are expected.")
        if settings.DEBUG and not os.environ.get("HOST"):
            os.environ["HOST"] = "127.0.0.1"  # its pages tell all to whoever asks
        arguments = server()
    except ConfigurationError as error:
        sys.exit(f"{error}")
    os.execv(sys.executable, [sys.executable, "-m", *arguments, *sys.argv[1:]])


def server() -> list[str]:
    """The command line of the web server."""
    from pgconnections.settings import BUDGET

    host, port = os.environ.get("HOST") or everywhere(), os.environ.get("PORT") or "8000"
{% include "server/" ~ cookiecutter.server ~ ".py" %}


{% include "server/_count.py" %}


def everywhere() -> str:
    """All addresses of this machine: of both families, where one socket takes both."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as probe:
        if not probe.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY):
            return "[::]"
    return "0.0.0.0"


if __name__ == "__main__":
    main()
