"""`manage.py connections`: who holds the connections of the database, against the limit."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from pgconnections.settings import BUDGET

# An ordinary role sees of other roles that they are there, and in which database: not their type.
HOLDERS = """
SELECT coalesce(usename, '?'), coalesce(nullif(application_name, ''), '?'),
       coalesce(state, '?'), count(*)
FROM pg_stat_activity
WHERE datname IS NOT NULL AND pid <> pg_backend_pid()
GROUP BY 1, 2, 3
ORDER BY 4 DESC, 1, 2, 3
"""


class Command(BaseCommand):
    help = "Shows who holds the connections; fails when they are more than the limit allows."

    def add_arguments(self, parser: ArgumentParser) -> None:
        around_the_pooler = "direct" if "direct" in settings.DATABASES else "default"
        parser.add_argument("--database", default=around_the_pooler)

    def handle(self, *args: Any, database: str, **options: Any) -> None:
        with connections[database].cursor() as cursor:
            cursor.execute(HOLDERS)
            holders = cursor.fetchall()
        for user, application, state, count in holders:
            self.stdout.write(f"{count:6}  {user}  {application}  {state}")
        used = sum(count for *_, count in holders)
        usable = BUDGET.limit - BUDGET.reserved
        sentence = f"{used} connections are open, and the limit leaves {usable} to all"
        if used > usable:
            raise CommandError(sentence)
        self.stdout.write(sentence)
