"""The connection budget: which part of a service may hold how many PostgreSQL connections.

    usable = database_limit - kept_back            the server keeps some connections back
    budget = usable - other_connections            what is left for the web processes
    peak   = instances_at_once x web_processes x per_process

Direct connections fit when peak <= budget. Behind a pooler the web processes are its clients, and
its server connections have to fit: pool_size x poolers <= budget, unless the clients are fewer.

Here is what is known, and what a plan says; `planning.py` divides. The rendered project has only
the numbers of its own choice; tests compare the two.
"""

from __future__ import annotations

from dataclasses import dataclass

# PostgreSQL accepts no larger max_connections.
MAX_CONNECTIONS = 262_143
# Clients of one PgBouncer. Each takes a file descriptor and some memory; beyond this, run several.
MAX_CLIENTS = 10_000

RANGES = {
    "database_limit": (1, MAX_CONNECTIONS),
    "web_instances": (1, 1_000),
    "web_processes": (1, 1_000),
    "web_threads": (1, 1_000),
    "other_connections": (1, MAX_CONNECTIONS),
}

POOLERS = ("pgbouncer", "provider-pooler")
POOLS = ("psycopg-pool", "django-db-connection-pool", "django-postgrespool2")
POOLINGS = ("recommended", "none", "persistent", *POOLS, *POOLERS)

REASONS = {
    "none": "every request opens and closes a connection of its own: the slowest choice, "
    "and the simplest",
    "persistent": "each thread keeps its connection: the fastest choice, "
    "with nothing between Django and the database",
    "psycopg-pool": "the threads of a process share the connections of Django's own pool",
    "pgbouncer": "all processes share the server connections of PgBouncer",
    "provider-pooler": "all processes share the server connections of the provider's pooler",
    "django-db-connection-pool": "the threads of a process share a SQLAlchemy pool",
    "django-postgrespool2": "the threads of a process share a SQLAlchemy pool, through psycopg2",
}


@dataclass(frozen=True)
class ProviderPooler:
    """The pooler that the hosting provider runs beside the database."""

    pool_mode: str  # "transaction", or "session", which counts as direct connections
    sized_by: str  # "provider", "you", or "unknown", where each client may hold a connection
    pool_percent: int = 100  # its server connections, in percent of database_limit: at most
    poolers: int = 1  # that run at once, each with a pool of its own
    max_client_conn: int | None = None  # in total; None where the provider publishes no number
    plans: tuple[int, ...] = ()  # database_limit of the plans that have it; () where all have
    plans_without: tuple[int, ...] = ()  # database_limit of the plans that do not

    def available(self, database_limit: int) -> bool:
        if not self.plans:
            return True
        return (
            min(self.plans) <= database_limit <= max(self.plans)
            and database_limit not in self.plans_without
        )


@dataclass(frozen=True)
class Answers:
    """What is known of the service. Numbers are connections in total unless they say otherwise."""

    database_limit: int  # connections that the database plan allows
    reserved: int  # of those, kept back by the server: at least so many
    other_connections: int  # held by workers, cron jobs, shells and migrations
    pooling: str
    server: str  # "wsgi", "wsgi-gunicorn" or "asgi"
    web_instances: int  # the most that ever run
    web_processes: int  # per instance
    web_threads: int  # per process; under ASGI, requests that use the database at once
    reserved_percent: int = 0  # and at least this part of database_limit
    overlap_percent: int = 100  # instances alive at once during a deploy, in percent
    connections_per_instance: int | None = None  # that the host allows at most
    pgbouncer_per_instance: bool = False  # else one PgBouncer serves all instances
    provider_pooler: ProviderPooler | None = None

    @property
    def kept_back(self) -> int:
        """Connections that the server or the provider keeps for itself, in total."""
        return max(self.reserved, -(-self.database_limit * self.reserved_percent // 100))

    @property
    def instances_at_once(self) -> int:
        """Old and new instances together during a deploy, rounded up."""
        return max(self.web_instances, -(-self.web_instances * self.overlap_percent // 100))


@dataclass(frozen=True)
class Plan:
    """How the limit is divided. `pooling` is never "recommended" here."""

    answers: Answers
    pooling: str
    reason: str
    usable: int  # in total
    budget: int  # for the web processes, in total
    per_process: int  # connections that one web process may hold
    peak: int  # connections of all web processes while a deploy overlaps
    pool_size: int = 0  # server connections of one pooler; 0 without one
    poolers: int = 0  # poolers that run at once
    lookups: int = 0  # connections of one pooler to look passwords up

    @property
    def pooled(self) -> bool:
        """Whether a pooler stands between Django and the database."""
        return self.poolers > 0

    @property
    def transaction_mode(self) -> bool:
        """Whether the next transaction may run on another server connection."""
        provider = self.pooling == "provider-pooler" and self.answers.provider_pooler
        return provider.pool_mode == "transaction" if provider else self.pooled

    @property
    def own_backend(self) -> bool:
        """Whether connections are reused by Django itself, with the health check of base.py."""
        return self.pooling in ("persistent", "psycopg-pool") or self.pooled

    @property
    def process_pool(self) -> bool:
        """Whether each process has Django's own pool, of psycopg."""
        return self.pooling == "psycopg-pool" or (self.pooled and self.answers.server == "asgi")

    @property
    def queue_pool(self) -> bool:
        """Whether each process has a pool of SQLAlchemy."""
        return self.pooling in ("django-db-connection-pool", "django-postgrespool2")

    @property
    def topology(self) -> str:
        """Where the poolers are that the plan counts."""
        a = self.answers
        if self.pooling == "pgbouncer" and a.pgbouncer_per_instance:
            return f"a PgBouncer beside each of {self.poolers} instances"
        if self.pooling == "pgbouncer":
            return "one PgBouncer for all instances"
        poolers = "one pooler" if self.poolers == 1 else f"{self.poolers} poolers"
        return f"{poolers} of the provider" if self.pooled else "no pooler"

    @property
    def clients(self) -> int:
        """Connections of the web to one pooler, at most."""
        # Beside each instance it serves that one; else it may be the only one that is left.
        return self.peak // self.poolers if self.pooling == "pgbouncer" else self.peak

    @property
    def max_client_conn(self) -> int:
        """Clients that one PgBouncer accepts: those of the plan, and at least its default."""
        return max(100, self.clients + self.answers.other_connections)

    @property
    def server_connections(self) -> int:
        """Connections of the web that PostgreSQL itself sees at the worst moment, in total."""
        # A pooler opens no more than it has clients, but keeps them while others have the clients.
        pool = min(self.pool_size, self.clients) + self.lookups
        return self.poolers * pool if self.pooled else self.peak

    @property
    def of_the_role(self) -> int:
        """Connections that the role of the service may have to open at once, in total."""
        lookups = self.poolers * self.lookups  # by a role of their own
        return self.server_connections - lookups + self.answers.other_connections

    @property
    def spare(self) -> int:
        """Connections that nothing is planned to use, in total."""
        return self.budget - self.server_connections
