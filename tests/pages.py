"""Tables in docs/ that tests measure: printed after a run, and written with --write-docs."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from conftest import QUESTIONS, TEMPLATE


@dataclass(frozen=True)
class Table:
    """The first `key` cells of a row say what is measured, the others what was seen."""

    page: str
    columns: tuple[str, ...]
    key: int
    # By what the rows are sorted; where it is the same for all, new ones come last.
    order: Callable[[list[str]], Any] = lambda row: 0

    @property
    def head(self) -> str:
        return line(self.columns) + line(["---"] * len(self.columns))

    def markdown(self, rows: list[list[str]]) -> str:
        return self.head + "".join(map(line, rows))

    def rows(self) -> list[list[str]]:
        """Those on the page."""
        return [each[2:-3].split(" | ") for each in self._page()[1]]

    def write(self, rows: list[list[str]]) -> None:
        """Put these rows on the page, in place of those that measured the same."""
        known = {tuple(row[: self.key]): row for row in [*self.rows(), *rows]}
        before, _, after = self._page()
        text = before + self.markdown(sorted(known.values(), key=self.order)) + after
        (TEMPLATE / "docs" / self.page).write_text(text, encoding="utf-8")

    def _page(self) -> tuple[str, list[str], str]:
        """What is before the table, its rows, and what is after it."""
        text = (TEMPLATE / "docs" / self.page).read_text(encoding="utf-8")
        assert text.count(self.head) == 1, f"{self.page} has not this table:\n{self.head}"
        before, _, rest = text.partition(self.head)
        rows = list(itertools.takewhile(lambda each: each[0] == "|", rest.splitlines(True)))
        return before, rows, rest.removeprefix("".join(rows))


def by_choices(row: list[str]) -> tuple[int, int]:
    """In the order of cookiecutter.json."""
    target, pooling = QUESTIONS["hosting_target"], QUESTIONS["pooling"]
    return target.index(row[0].strip("`")), pooling.index(row[1])


def line(cells: list[str] | tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |\n"


TABLES = {
    "deploys": Table(
        "deploys.md",
        (
            *("`hosting_target`", "pooling", "instances of those at once x processes x threads"),
            *("refused", "limit", "usable", "planned", "peak", "requests", "errors"),
        ),
        key=2,
        order=by_choices,
    ),
    "faults": Table(
        "pgbouncer.md",
        (
            *("PgBouncer", "server", "fault", "requests", "lost in it", "failed later"),
            *("longest, s", "back after, s"),
        ),
        key=3,
    ),
    "clients": Table(
        "pgbouncer.md",
        ("PgBouncer", "clients", "budget", "peak", "answers", "seconds"),
        key=2,
    ),
    "changes": Table(
        "changes.md",
        (
            *("road", "change", "requests", "failed", "longest, s", "last failure, s after"),
            "connections left",
        ),
        key=2,
    ),
    # bench/servers.py measures these two.
    "servers": Table(
        "servers.md",
        (
            *("server", "pooling", "view", "requests/s", "of gthread", "per CPU, of gthread"),
            *("busiest", "p50, ms", "p99, ms", "errors", "MB", "opened", "peak"),
        ),
        key=3,
    ),
    "distances": Table(
        "servers.md",
        (
            *("server", "pooling", "0 ms, 8", "0 ms, 64", "2 ms, 8", "2 ms, 64", "2 ms, 512"),
            *("10 ms, 8", "10 ms, 64"),
        ),
        key=2,
    ),
    "prepared": Table("pgbouncer.md", ("PgBouncer", "query", "ms without", "times with"), key=2),
}
