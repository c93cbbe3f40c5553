"""Short slices of load in turn, each beside one of the base, and what follows from them."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any

from load import Load, load
from services import Service
from variants import BASE, Instance, Row, Stage

# Rows between two slices of the base.
BETWEEN = 4


@dataclass(frozen=True)
class Slice:
    load: Load
    # Seconds of CPU that the service used for a request, and the part of its busiest process.
    cpu: float
    busiest: float


@dataclass
class Measured:
    """All slices of a row, and those of the base beside them."""

    slices: list[Slice] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    cpus: list[float] = field(default_factory=list)

    def add(self, own: Slice, before: Slice, after: Slice) -> None:
        """The base is the mean of its slices before and after."""
        self.slices.append(own)
        self.rates.append(2 * own.load.rate / (before.load.rate + after.load.rate))
        self.cpus.append((before.cpu + after.cpu) / (2 * own.cpu))

    def summary(self) -> dict[str, Any]:
        loads = [each.load for each in self.slices]
        return {
            "requests_per_second": round(median(each.rate for each in loads)),
            "ratio": spread(self.rates),
            "p50_ms": round(median(each.p50 for each in loads), 1),
            "p99_ms": round(median(each.p99 for each in loads), 1),
            "errors": sum(each.errors for each in loads),
            "requests": sum(each.requests for each in loads),
            "cpu_us_per_request": round(median(each.cpu for each in self.slices) * 1e6),
            "cpu_ratio": spread(self.cpus),
            "busiest": round(median(each.busiest for each in self.slices), 2),
            "slices": [
                {"rate": round(load.rate), "p99_ms": load.p99, "ratio": round(ratio, 3)}
                for load, ratio in zip(loads, self.rates, strict=True)
            ],
        }


def spread(values: list[float]) -> list[float]:
    """The median, and the quartiles around it."""
    ordered = sorted(values)
    quarter = len(ordered) // 4
    return [round(each, 2) for each in (median(ordered), ordered[quarter], ordered[-1 - quarter])]


class Bench:
    def __init__(self, wrk: Path, services: dict[Instance, Service]) -> None:
        self.wrk = wrk
        self.services = services

    def warm(self, row: Row) -> None:
        """All threads of all processes have served, and have their connections."""
        load(self.wrk, self.services[row.instance].url(row.view), clients=64, seconds=1)
        settle(self.services[row.instance])

    def slice(self, row: Row, stage: Stage) -> Slice:
        service = self.services[row.instance]
        before = service.cpu()
        seen = load(self.wrk, service.url(row.view), stage.clients, stage.seconds)
        used = [after - before.get(pid, 0) for pid, after in service.cpu().items()]
        settle(service)
        if not seen.requests:  # counted as one, so that there is a ratio
            seen = replace(seen, requests=1, errors=stage.clients)
        return Slice(seen, sum(used) / seen.requests, max(used) / max(sum(used), 0.01))

    def stage(
        self, stage: Stage, rows: list[Row], say: Callable[[str], None]
    ) -> dict[Row, Measured]:
        found = {row: Measured() for row in (BASE, *rows)}
        for number in range(stage.rounds):
            order = random.sample(rows, len(rows))
            base = self.slice(BASE, stage)
            for some in (order[at : at + BETWEEN] for at in range(0, len(order), BETWEEN)):
                own = {row: self.slice(row, stage) for row in some}
                after = self.slice(BASE, stage)
                for row in some:
                    found[row].add(own[row], base, after)
                # What the base differs from itself is what the method cannot see.
                found[BASE].add(after, base, base)
                base = after
            say(f"{stage.name}: {number + 1} of {stage.rounds} rounds")
        return found


def settle(service: Service) -> None:
    """Until requests whose clients have left are done: they would slow the next slice down."""
    used = sum(service.cpu().values())
    for _ in range(100):
        time.sleep(0.05)
        before, used = used, sum(service.cpu().values())
        if used - before < 0.015:
            return
