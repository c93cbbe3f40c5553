"""What a run found, as tables of docs/servers.md, and where it was found."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from typing import Any

from house import BENCH, VENV, run
from uv import find_uv_bin
from variants import FULL


def tables(cells: list[dict[str, Any]]) -> dict[str, list[list[str]]]:
    """All of the nearest stage, and the ratio in each of the others."""
    main = [each for each in cells if (each["delay_ms"], each["clients"]) == (2, 8)]
    servers = [
        [
            *each["row"],
            *(str(each["requests_per_second"]), ratio(each["ratio"]), ratio(each["cpu_ratio"])),
            *(
                f"{each['busiest']:.0%}",
                str(each["p50_ms"]),
                str(each["p99_ms"]),
                str(each["errors"]),
            ),
            *(str(each["memory_mb"]), str(each["opened"]), str(each["peak"])),
        ]
        for each in main
    ]
    if len({(each["delay_ms"], each["clients"]) for each in cells}) == 1:
        return {"servers": servers}
    ratios: dict[tuple[str, ...], dict[tuple[float, int], str]] = {}
    for each in cells:
        if each["direct"]:
            row = ratios.setdefault(tuple(each["row"][:2]), {})
            row[each["delay_ms"], each["clients"]] = ratio(each["ratio"])
    places = [(stage.delay, stage.clients) for stage in FULL]
    distances = [[*row, *(own[place] for place in places)] for row, own in ratios.items()]
    return {"servers": servers, "distances": distances}


def ratio(values: list[float]) -> str:
    middle, low, high = values
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def machine() -> dict[str, Any]:
    """Where and with what this was measured."""
    packages = run(find_uv_bin(), "pip", "freeze", f"--python={VENV}").split()
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
        "commit": run("git", "-C", BENCH, "rev-parse", "--short", "HEAD").strip(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[1], 1),
        "system": platform.platform(terse=True),
        "python": run(VENV / "bin" / "python", "--version").split()[1],
        "packages": packages,
    }
