"""`manage.py migrate`, in one session around the pooler and with all the time that it needs."""

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.core.management.commands import migrate
from django.db import connections

{% if plan.transaction_mode %}
from pgconnections.backend.checks import shares_sessions
{% endif %}
from pgconnections.settings import BUDGET


class Command(migrate.Command):
    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.set_defaults(database="direct")

    def handle(self, *args: Any, **options: Any) -> None:
        connection = connections[options["database"]]
{% if plan.transaction_mode %}
        if connection.vendor == "postgresql" and shares_sessions(connection):
            raise CommandError(
                f"{connection.alias!r} leads through a transaction pooler, where migrations would "
                "not have one session: use --database=direct, with the URL of the database itself."
            )
{% endif %}
{% include "pooling/_migrate/_session.py" %}
        super().handle(*args, **options)


{% include "pooling/_migrate/_roles.py" %}
