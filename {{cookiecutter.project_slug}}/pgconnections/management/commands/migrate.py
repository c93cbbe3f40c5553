"""`manage.py migrate`, in one session{% if plan.pooled %} around the pooler{% endif %} and with all the time that it needs."""

{% if plan.pooled %}
from argparse import ArgumentParser
{% endif %}
from typing import Any

{% if plan.transaction_mode %}
from django.core.management.base import CommandError
{% endif %}
from django.core.management.commands import migrate
from django.db import connections
{% if plan.transaction_mode %}

from pgconnections.checks import behind_a_pooler
{% endif %}


class Command(migrate.Command):
{% if plan.pooled %}
    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.set_defaults(database="direct")

{% endif %}
    def handle(self, *args: Any, **options: Any) -> None:
        connection = connections[options["database"]]
{% if plan.transaction_mode %}
        if behind_a_pooler(connection):
            raise CommandError(
                f"{connection.alias!r} leads through a pooler, where the migrations would not have "
                "one session: use --database=direct, with the URL of the database itself."
            )
{% endif %}
        with connection.cursor() as cursor:
            # Its role may have a limit for the time that a statement takes.
            cursor.execute("SET statement_timeout = 0")
        super().handle(*args, **options)
