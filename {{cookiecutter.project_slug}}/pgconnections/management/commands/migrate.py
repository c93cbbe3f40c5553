"""`manage.py migrate`, in one session{% if plan.pooled %} around the pooler{% endif %} and with all the time that it needs."""

{% if plan.pooled %}
from argparse import ArgumentParser
{% endif %}
from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import connections

{% if plan.transaction_mode %}
from pgconnections.checks import shares_sessions
{% endif %}
from pgconnections.settings import BUDGET


class Command(migrate.Command):
{% if plan.pooled %}
    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.set_defaults(database="direct")

{% endif %}
    def handle(self, *args: Any, **options: Any) -> None:
        connection = connections[options["database"]]
{% if plan.transaction_mode %}
        if shares_sessions(connection):
            raise CommandError(
                f"{connection.alias!r} leads through a transaction pooler, where migrations would "
                "not have one session: use --database=direct, with the URL of the database itself."
            )
{% endif %}
        with connection.cursor() as cursor:
            cursor.execute("SELECT rolname, rolconnlimit FROM pg_roles WHERE rolname = USER")
            role, limit = cursor.fetchone()
            needed = BUDGET.of_the_role
            if 0 <= limit < needed:  # -1 is no limit
                raise CommandError(
                    f"The role {role} may open {limit} connections, but needs {needed} by the "
                    f"budget: ALTER ROLE {role} CONNECTION LIMIT {needed}."
                )
            # The role may have limits for the time that these take. That for locks stays: while a
            # migration waits for one, everybody else waits behind it.
            cursor.execute("SET statement_timeout = 0")
            cursor.execute("SET idle_in_transaction_session_timeout = 0")
        super().handle(*args, **options)
