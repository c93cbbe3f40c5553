"""The server that runs this process, as far as it can be seen from inside: gunicorn, or ASGI."""

import ast
import itertools
import logging
import os
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from django.core.checks import CheckMessage

logger = logging.getLogger(__name__)

Sizes = tuple[int, int]


def _frames() -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe()
    while frame := frame.f_back if frame else None:
        yield frame


def gunicorn() -> Sizes | None:
    """Workers and threads of the gunicorn that loads this project now, in one of its workers."""
    for frame in _frames():
        worker: Any = frame.f_locals.get("self")
        if frame.f_code.co_name == "init_process" and hasattr(worker, "cfg"):
            return worker.cfg.workers, threads_of(worker.cfg.worker_class_str, worker.cfg.threads)
    return None


def threads_of(worker_class: str, threads: int) -> int:
    """Those of one worker: class `sync` has one, whatever else is set; an event loop has no number
    of its own."""
    return 1 if worker_class == "sync" else threads


def is_asgi() -> bool:
    """Whether an ASGI application is being made in this process."""
    return any(frame.f_code.co_name == "get_asgi_application" for frame in _frames())


def configured() -> Sizes | None:
    """Workers and threads that gunicorn.conf.py in this folder and GUNICORN_CMD_ARGS say, where
    they are plain numbers. None where they say neither."""
    said: dict[str, Any] = {}
    if (file := Path("gunicorn.conf.py")).is_file():
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
                names = [each.id for each in node.targets if isinstance(each, ast.Name)]
                said |= dict.fromkeys(names, node.value.value)
    words = shlex.split(os.environ.get("GUNICORN_CMD_ARGS", "").replace("=", " "))
    flags = {"-w": "workers", "--workers": "workers", "--threads": "threads"}
    pairs = itertools.pairwise(words)
    said |= {flags[flag]: int(value) for flag, value in pairs if flag in flags}
    if not {"workers", "threads"} & said.keys():
        return None
    workers = said.get("workers", int(os.environ.get("WEB_CONCURRENCY") or 1))
    return workers, said.get("threads", 1)


def warn(check: Callable[[], list[CheckMessage]]) -> None:
    """A web server runs no checks: say to its log what they would say."""
    if gunicorn() or is_asgi():
        for message in check():
            logger.error("%s", " ".join(str(message).split()))
