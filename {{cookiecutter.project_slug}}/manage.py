#!/usr/bin/env python
"""Django's command line."""

import contextlib
import os
import sys
from pathlib import Path

from django.core.management import execute_from_command_line

from pgconnections.backend.environment import ConfigurationError

# While dev.py runs, what is not set is what it has there; nothing else ever makes this file.
DEVELOPMENT = Path(__file__).resolve().parent / ".postgres" / "environment"

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    with contextlib.suppress(OSError):
        for line in DEVELOPMENT.read_text().splitlines():
            name, _, value = line.partition("=")
            os.environ.setdefault(name, value)
    try:
        execute_from_command_line(sys.argv)
    except ConfigurationError as error:
        sys.exit(f"{error}")
