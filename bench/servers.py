"""Compare web servers, each with the ways to reuse connections that it can have.

    .venv/bin/python bench/servers.py [--quick] [--only NAME ...] [--write-docs]

renders the projects, starts all of the servers on a real PostgreSQL, and loads them in turn, each
in slices beside one of gunicorn with threads: the ratio to that is what two runs agree on. It needs
Linux with two cores that have nothing else to do. docs/servers.md has the method and the tables.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))

from house import BENCH, OTHER_CORE, House, delayed, pin, running, wait_for
from measuring import Bench, Measured
from pages import TABLES
from services import Service, services
from summary import machine, tables
from variants import BASE, FULL, ONCE, QUICK, ROWS, Instance, Row, Stage
from watch import Watch

RESULTS = BENCH / "results"


def main() -> None:
    options = arguments()
    among, stages = (ONCE, QUICK) if options.quick else (ROWS, FULL)
    rows = [row for row in among if row == BASE or named(row, options.only)]
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="servers-") as folder:
        Path(folder).chmod(0o755)  # PostgreSQL may have to read in it as another user
        say("rendering and installing")
        house = House(Path(folder), instances(rows))
        found = [cell for group in groups(stages) for cell in measure(house, group, rows)]
    said = f"{time.monotonic() - begun:.0f} s in all"
    report = {"machine": machine(), "took": said, "cells": found}
    part = options.quick or options.only
    path = RESULTS / ("servers-part.json" if part else "servers.json")
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    say(f"{said}; {path}")
    for name, lines in tables(found).items():
        print(f"\n{TABLES[name].markdown(lines)}")
        if options.write_docs:
            TABLES[name].write(lines)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one stage, in less than two minutes")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="rows with this in their name")
    parser.add_argument("--write-docs", action="store_true", help="write the tables of the page")
    options = parser.parse_args()
    if options.write_docs and (options.quick or options.only):
        parser.error("--write-docs writes what a whole run measured: without --quick and --only")
    if not hasattr(os, "sched_setaffinity") or len(os.sched_getaffinity(0)) < 2:
        parser.error("Linux and two cores are needed: one for the servers, one for all else")
    return options


def named(row: Row, names: list[str] | None) -> bool:
    return names is None or any(name in ", ".join(row.cells) for name in names)


def instances(rows: list[Row]) -> list[Instance]:
    return list(dict.fromkeys(row.instance for row in rows))


def groups(stages: tuple[Stage, ...]) -> list[list[Stage]]:
    """Those without a delay have the database itself in front of them, not the longer way to it."""
    near = [stage for stage in stages if stage.delay == 0]
    far = [stage for stage in stages if stage.delay > 0]
    return [group for group in (near, far) if group]


def measure(house: House, stages: list[Stage], rows: list[Row]) -> list[dict[str, Any]]:
    """Start all that these stages need, and load it in each."""
    needed = {BASE}.union(*(stage.rows(tuple(rows)) for stage in stages))
    rows = [row for row in rows if row in needed]
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(house.database(len(instances(rows))))
        ports, delays = {"persistent": server.port}, []
        if any(row.instance.pooling == "pgbouncer" for row in rows):
            ports["pgbouncer"] = stack.enter_context(house.pgbouncer(server.port))
        if stages[0].delay:
            for pooling, port in ports.items():
                command, ports[pooling] = delayed(port)
                pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
                delays.append(stack.enter_context(running(command, **pipes)))
                wait_for(ports[pooling], delays[-1])
        ports["psycopg-pool"] = ports["persistent"]
        say("starting the servers")
        alive = stack.enter_context(services(house, instances(rows), ports))
        for each in (os.getpid(), server.process.pid):
            pin(each, OTHER_CORE)
        watch = Watch(house.postgres, server.url(house.postgres.SUPERUSER, "postgres"))
        stack.callback(watch.stop)
        bench = Bench(house.wrk, alive)
        cells = []
        for stage in stages:
            for delay in delays:
                print(stage.delay, file=delay.stdin, flush=True)
                delay.stdout.readline()
            if stage == stages[0]:
                for row in rows:
                    bench.warm(row)
            found = bench.stage(stage, stage.rows(tuple(rows)), say)
            cells += [cell(stage, row, seen) for row, seen in found.items()]
        opened = watch.opened()
        for each in cells:
            instance = next(row.instance for row in rows if row.cells == each["row"])
            each |= counts(alive[instance], opened, watch.peak)
        return cells


def cell(stage: Stage, row: Row, seen: Measured) -> dict[str, Any]:
    place = {"row": row.cells, "delay_ms": stage.delay, "clients": stage.clients}
    return place | {"direct": row.direct} | seen.summary()


def counts(service: Service, opened: dict[str, int], peak: dict[str, int]) -> dict[str, int]:
    """In all stages with the same start."""
    return {
        "opened": opened[service.database],
        "peak": peak[service.database],
        "memory_mb": round(service.memory() / 2**20),
    }


def say(text: str) -> None:
    print(f"{datetime.now():%H:%M:%S} {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
