"""`manage.py migrate`, with all the time that it needs."""

from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import connections

from pgconnections.settings import BUDGET


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        connection = connections[options["database"]]
{% include "pooling/_migrate/_session.py" %}
        super().handle(*args, **options)


{% include "pooling/_migrate/_roles.py" %}
