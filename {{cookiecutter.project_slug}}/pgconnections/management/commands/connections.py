"""`manage.py connections`: who holds the connections of the database, against the limit."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from pgconnections.settings import BUDGET

HOLDERS = """
SELECT coalesce(usename, '?'), coalesce(nullif(application_name, ''), '?'),
       coalesce(state, '?'), count(*)
FROM pg_stat_activity
WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
GROUP BY 1, 2, 3
ORDER BY 4 DESC, 1, 2, 3
"""


class Command(BaseCommand):
    help = "Shows who holds the connections; fails when they are more than the limit allows."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--database", default="{{ 'direct' if plan.pooled else 'default' }}")

    def handle(self, *args: Any, database: str, **options: Any) -> None:
        with connections[database].cursor() as cursor:
            cursor.execute(HOLDERS)
            holders = cursor.fetchall()
        for user, application, state, count in holders:
            self.stdout.write(f"{count:6}  {user}  {application}  {state}")
        used = sum(count for *_, count in holders)
        sentence = f"{used} connections are open, and the limit leaves {BUDGET.usable} to all"
        if used > BUDGET.usable:
            raise CommandError(sentence)
        self.stdout.write(sentence)
