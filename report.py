#!/usr/bin/env python3
"""What a Django project does with its PostgreSQL connections, without running or changing it.

    python3 report.py path/to/project --limit 20 --instances 2

reads its settings as text, and what starts its web server, and says what it finds as `manage.py
check` does: the exit status is 1 when there is something of --fail-level or worse. It needs Python
3.11 and nothing else, so it can look at many repositories in CI.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LEVELS = {"INFO": "INFOS", "WARNING": "WARNINGS", "ERROR": "ERRORS"}
KEYS = ("CONN_MAX_AGE", "CONN_HEALTH_CHECKS", "DISABLE_SERVER_SIDE_CURSORS", "pool")
MODULE = re.compile(r"""DJANGO_SETTINGS_MODULE['"]?[\s,=\]]+['"]?([A-Za-z_][\w.]*)""")
# What says that a PgBouncer, or a pooler of a provider, is between.
POOLER = re.compile(r"pgbouncer|:6432\b|pooler\.supabase|-pooler\.|CONNECTION_POOL_URL", re.I)
# What may lead to PostgreSQL: its engine, or a URL whose scheme is elsewhere.
POSTGRESQL = re.compile(r"postg|DATABASE_URL|dj_database_url|env\.db", re.I)
SERVERS = re.compile(r"\b(gunicorn|uvicorn|daphne|hypercorn|granian|uwsgi)\b(?!\s*[=<>~\[,\"'])")
# Files that may have the command of the web server.
STARTERS = ("Procfile", "Dockerfile*", "compose*.y*ml", "docker-compose*.y*ml", "render.yaml")
STARTERS += ("fly.toml", "app.json", "railway.json", "*.sh", "gunicorn*.py")
UNKNOWN = "not a plain value"


@dataclass
class Message:
    level: str
    id: str
    text: str
    hint: str = ""

    def __str__(self) -> str:
        hint = f"\n\tHINT: {self.hint}" if self.hint else ""
        return f"?: (pgconnections.{self.id}) {self.text}{hint}"


@dataclass
class Found:
    """What the settings and the files that start the server say."""

    files: list[Path] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)  # of the last place that says it
    wrong_level: list[str] = field(default_factory=list)
    adopted: bool = False
    postgresql: bool = False
    asgi: bool = False
    pooler: str = ""
    server: str = ""
    workers: int | None = None
    threads: int | None = None


def settings_files(project: Path, module: str) -> Iterator[Path]:
    """The file of the module, after those that it takes everything from."""
    for root in (project, *sorted(path.parent for path in project.glob("*/manage.py"))):
        path = root / module.replace(".", "/")
        file = next((each for each in (path.with_suffix(".py"), path / "__init__.py")
                     if each.is_file()), None)  # fmt: skip
        if file is None:
            continue
        package = module.split(".") if file.name == "__init__.py" else module.split(".")[:-1]
        for node in parsed(file).body:
            if isinstance(node, ast.ImportFrom) and any(name.name == "*" for name in node.names):
                base = package[: len(package) - node.level + 1] if node.level else []
                name = ".".join([*base, *([node.module] if node.module else [])])
                if name != module:
                    yield from settings_files(project, name)
        yield file
        return


def parsed(file: Path) -> ast.Module:
    try:
        return ast.parse(file.read_text(encoding="utf-8", errors="replace"))
    except SyntaxError:
        return ast.Module([], [])


def value(node: ast.expr) -> Any:
    """A plain value, or the default of a call as env.int("X", default=60)."""
    if isinstance(node, ast.Call):
        defaults = [each.value for each in node.keywords if each.arg == "default"]
        node = next(iter([*defaults, *node.args[1:2]]), node)
    try:
        plain = ast.literal_eval(node)
    except ValueError:
        return True if isinstance(node, ast.Dict) else UNKNOWN
    # The environment has text only, and so may its default.
    return int(plain) if isinstance(plain, str) and plain.isdecimal() else plain


def read_settings(file: Path, found: Found) -> None:
    tree = parsed(file)
    options = {
        id(entry)
        for node in ast.walk(tree)
        if isinstance(node, ast.Dict)
        for key, entry in zip(node.keys, node.values, strict=True)
        if isinstance(key, ast.Constant) and key.value == "OPTIONS"
    }
    for node in ast.walk(tree):
        pairs: list[tuple[Any, ast.expr]] = []
        if isinstance(node, ast.Dict):
            pairs = [
                (key.value, entry)
                for key, entry in zip(node.keys, node.values, strict=True)
                if isinstance(key, ast.Constant)
            ]
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
                    pairs.append((target.slice.value, node.value))
                elif isinstance(target, ast.Name) and target.id in KEYS[:3]:
                    found.wrong_level.append(f"{target.id} is in the settings")
                elif isinstance(target, ast.Name) and target.id == "ASGI_APPLICATION":
                    found.asgi = True
        elif isinstance(node, ast.Call):
            pairs = [(each.arg and each.arg.upper(), each.value) for each in node.keywords]
        for key, entry in pairs:
            if key in KEYS[:3] and id(node) in options:
                found.wrong_level.append(f"{key} is in OPTIONS")
            elif key in KEYS:
                found.values[key] = value(entry)


def read_starters(project: Path, found: Found) -> None:
    files = [file for pattern in STARTERS for file in sorted(project.glob(pattern))]
    for file in files:
        text = file.read_text(encoding="utf-8", errors="replace")
        if not found.pooler and POOLER.search(text):
            found.pooler = file.name
        line = next((each for each in text.splitlines() if SERVERS.search(each)), "")
        if line and not line.lstrip().startswith(("#", "RUN")) and not found.server:
            found.server = SERVERS.findall(line)[0]
            found.asgi |= bool(re.search(r"uvicorn|daphne|hypercorn|asgi", line))
        line = text if file.suffix == ".py" else line
        for name, flags in (
            ("workers", r"--workers|-w\b|^workers"),
            ("threads", r"--threads|^threads"),
        ):
            if said := re.search(rf"(?:{flags})[\s=]+(\d+)", line, re.MULTILINE):
                setattr(found, name, int(said[1]))


def find(project: Path, module: str | None) -> Found | None:
    for name in ("manage.py", "*/manage.py", "pytest.ini", "pyproject.toml", "setup.cfg"):
        for file in sorted(project.glob(name)):
            if not module and (said := MODULE.search(file.read_text(errors="replace"))):
                module = said[1]
    found = Found(list(dict.fromkeys(settings_files(project, module or ""))) if module else [])
    if not found.files:
        return None
    for file in found.files:
        read_settings(file, found)
        text = file.read_text(encoding="utf-8", errors="replace")
        found.adopted |= "pgconnections.settings" in text
        found.postgresql |= bool(POSTGRESQL.search(text))
        if not found.pooler and POOLER.search(text):
            found.pooler = file.name
    read_starters(project, found)
    return found


def messages(found: Found, limit: int | None, instances: int, reserved: int) -> Iterator[Message]:
    age, pool = found.values.get("CONN_MAX_AGE", 0), found.values.get("pool")
    checks = found.values.get("CONN_HEALTH_CHECKS", False)
    cursors = found.values.get("DISABLE_SERVER_SIDE_CURSORS", False)
    workers, threads = found.workers or 1, found.threads or 1
    peak = instances * workers * threads
    sizes = f"instances {instances} x workers {workers} x threads {threads} = {peak} connections"
    yield Message(
        "INFO", "I201",
        f"{found.files[-1]}: CONN_MAX_AGE {age}, health checks {checks}, pool {bool(pool)}, "
        f"pooler {found.pooler or 'none'}, server {found.server or 'unknown'}; {sizes}.",
    )  # fmt: skip
    if found.adopted or not found.postgresql:
        why = "It has adopted: manage.py check says more" if found.adopted else "No PostgreSQL"
        yield Message("INFO", "I202", f"{why}.")
        return
    for sentence in dict.fromkeys(found.wrong_level):
        yield Message("ERROR", "E105", f"{sentence}, where Django does not look for it.",
                      "It belongs into the entry of DATABASES, beside ENGINE.")  # fmt: skip
    if pool and age != 0:
        yield Message("ERROR", "E106", f"There is a pool, and CONN_MAX_AGE {age}: the first query "
                      "will raise ImproperlyConfigured.", "Set CONN_MAX_AGE to 0.")  # fmt: skip
    if age != 0 and found.asgi and found.server != "gunicorn":
        yield Message("ERROR", "E107", f"CONN_MAX_AGE is {age} under ASGI, where a connection is "
                      "never reused and stays open.", "Set it to 0, or use a pool.")  # fmt: skip
    if found.pooler and cursors is False:
        yield Message("WARNING", "W203", f"{found.pooler} names a pooler, and server-side cursors "
                      "are on.", "In transaction mode: DISABLE_SERVER_SIDE_CURSORS.")  # fmt: skip
    if (age != 0 or pool) and checks is False:
        yield Message("WARNING", "W201", "Connections are kept, and nothing sees that one is dead.",
                      "Set CONN_HEALTH_CHECKS to True.")  # fmt: skip
    if age == 0 and not pool:
        yield Message("WARNING", "W202", "Each request opens a connection of its own.",
                      "Adopt, with CONN_MAX_AGE or a pool that fits the limit.")  # fmt: skip
    if limit is not None and peak > limit - reserved:
        yield Message("ERROR", "E201", f"{sizes}, and the limit {limit} leaves {limit - reserved}.",
                      "Fewer threads, a pool, or a pooler: adopt with these numbers.")  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("project", type=Path, help="the folder of manage.py, or the one above")
    parser.add_argument("--settings", help="the settings module, where manage.py has another")
    parser.add_argument("--limit", type=int, help="connections that the database plan allows")
    parser.add_argument("--instances", type=int, default=1, help="the most that ever run")
    parser.add_argument("--reserved", type=int, default=6, help="of the limit, for all else")
    parser.add_argument("--fail-level", choices=LEVELS, default="ERROR")
    given = parser.parse_args()
    found = find(given.project, given.settings)
    if found is None:
        said = [Message("ERROR", "E202", f"No settings were found in {given.project}.",
                        "Name their module by --settings.")]  # fmt: skip
    else:
        said = list(messages(found, given.limit, given.instances, given.reserved))
    print("System check identified some issues:", file=sys.stderr)
    for level in reversed(LEVELS):
        if of_this := [message for message in said if message.level == level]:
            print(f"\n{LEVELS[level]}:", *of_this, sep="\n", file=sys.stderr)
    print(f"\nSystem check identified {len(said)} issues (0 silenced).", file=sys.stderr)
    levels = list(LEVELS)
    worst = max(levels.index(message.level) for message in said)
    return int(worst >= levels.index(given.fail_level))


if __name__ == "__main__":
    sys.exit(main())
