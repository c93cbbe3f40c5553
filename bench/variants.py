"""What is compared: web servers, ways to reuse connections, kinds of view; and under which load."""

from __future__ import annotations

from dataclasses import dataclass

# Of each instance, and of each process of it.
PROCESSES, THREADS = 2, 4


@dataclass(frozen=True)
class Server:
    name: str
    # The answer to the question `server` that its project is rendered with.
    answer: str
    # Each in its own way, with an access log where it has one.
    command: tuple[str, ...]
    # With uvloop and httptools, which the template does not ask for.
    compiled: bool = False
    # One with all of the threads where a server can have no more.
    processes: int = PROCESSES

    @property
    def threads(self) -> int:
        """Per process."""
        return PROCESSES * THREADS // self.processes

    @property
    def poolings(self) -> tuple[str, ...]:
        direct = () if self.answer == "asgi" else ("persistent",)
        return (*direct, "psycopg-pool", "pgbouncer")

    def views(self, pooling: str) -> tuple[str, ...]:
        both = self.answer == "asgi" and pooling == "psycopg-pool"
        return ("sync", "async") if both else ("sync",)


# Those of the template run by its own command.
SERVE = ("python", "-m", "pgconnections.serve")
UVICORN_WORKER = (
    *("gunicorn", "--bind=127.0.0.1:{port}", f"--workers={PROCESSES}", "--access-logfile=-"),
    *("--worker-class=uvicorn_worker.UvicornWorker", "config.asgi"),
)
UVICORN = ("uvicorn", "--port={port}", f"--workers={PROCESSES}", "config.asgi:application")
GRANIAN = ("granian", "--port={port}", f"--workers={PROCESSES}", "--http=1", "--access-log")
GRANIAN_WSGI = (
    *GRANIAN,
    "--interface=wsgi",
    f"--blocking-threads={THREADS}",
    "config.wsgi:application",
)
GRANIAN_ASGI = (*GRANIAN, "--interface=asginl", "config.asgi:application")
WAITRESS = (
    *("waitress-serve", "--listen=127.0.0.1:{port}", f"--threads={PROCESSES * THREADS}"),
    "config.wsgi:application",
)
HYPERCORN = (
    *("hypercorn", "--bind=127.0.0.1:{port}", f"--workers={PROCESSES}", "--access-logfile=-"),
    "config.asgi:application",
)

SERVERS = (
    Server("`wsgi-gunicorn`: gunicorn gthread", "wsgi-gunicorn", SERVE),
    Server("`wsgi`: gunicorn asgi, and threads", "wsgi", SERVE),
    Server("granian, WSGI", "wsgi-gunicorn", GRANIAN_WSGI),
    Server("waitress, 1 process", "wsgi-gunicorn", WAITRESS, processes=1),
    Server("`asgi`: gunicorn asgi", "asgi", SERVE),
    Server("gunicorn, uvicorn worker", "asgi", UVICORN_WORKER),
    Server("gunicorn, uvicorn worker, compiled", "asgi", UVICORN_WORKER, compiled=True),
    Server("uvicorn, compiled", "asgi", UVICORN, compiled=True),
    Server("granian, ASGI, compiled", "asgi", GRANIAN_ASGI, compiled=True),
    Server("hypercorn", "asgi", HYPERCORN),
)


@dataclass(frozen=True)
class Instance:
    """A server that runs, with its own database."""

    server: Server
    pooling: str

    @property
    def name(self) -> str:
        return f"{self.server.name}, {self.pooling}"


@dataclass(frozen=True)
class Row:
    instance: Instance
    view: str

    @property
    def cells(self) -> list[str]:
        return [self.instance.server.name, self.instance.pooling, self.view]

    @property
    def direct(self) -> bool:
        """Whether it is measured at each distance and with each number of clients."""
        return self.instance.pooling != "pgbouncer" and self.view == "sync"


ROWS = tuple(
    Row(Instance(server, pooling), view)
    for server in SERVERS
    for pooling in server.poolings
    for view in server.views(pooling)
)
# All ratios are to this one.
BASE = ROWS[0]
# Each server with the first of its poolings.
ONCE = tuple({row.instance.server: row for row in reversed(ROWS)}.values())[::-1]


@dataclass(frozen=True)
class Stage:
    # Milliseconds to the database and back.
    delay: float
    clients: int
    # Slices of each row, and the seconds of each: more than the slowest takes for all clients once.
    rounds: int
    seconds: float = 0.5
    # Only the rows that are measured everywhere.
    direct: bool = True

    @property
    def name(self) -> str:
        return f"{self.delay:g} ms, {self.clients} clients"

    def rows(self, among: tuple[Row, ...]) -> list[Row]:
        return [row for row in among if row != BASE and (row.direct or not self.direct)]


FULL = (
    Stage(0, 8, rounds=6),
    Stage(0, 64, rounds=4),
    Stage(2, 8, rounds=9, direct=False),
    Stage(2, 64, rounds=4),
    Stage(2, 512, rounds=3, seconds=2),
    Stage(10, 8, rounds=3),
    Stage(10, 64, rounds=3),
)
# In less than two minutes, each server once.
QUICK = (Stage(2, 8, rounds=4),)
