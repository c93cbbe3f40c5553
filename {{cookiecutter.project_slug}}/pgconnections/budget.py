"""The connection budget: which part of the service may hold how many PostgreSQL connections.

Arithmetic only: standard library, no settings, no input or output. The questions of the template,
the settings, the web server and the tests all import this one file, so they cannot disagree.

    usable = database_limit - kept_back            the server keeps some connections back
    budget = usable - other_connections            what is left for the web processes
    peak   = instances_at_once x web_processes x per_process

Direct connections fit when peak <= budget. Behind a pooler the web processes are its clients, and
its server connections have to fit: pool_size x poolers <= budget, unless the clients are fewer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

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


class BudgetError(ValueError):
    """The answers do not fit together.

    `problem` says why, with the numbers. `changes` are alternatives, the best first; each alone
    makes the answers fit.
    """

    def __init__(self, problem: str, changes: list[dict[str, int | str]]) -> None:
        self.problem = problem
        self.changes = changes
        super().__init__(f"{problem}; accepted would be {self.accepted()}.")

    def accepted(self) -> str:
        alternatives = [
            " and ".join(f"{name}={value}" for name, value in change.items())
            for change in self.changes
        ]
        *most, last = alternatives
        return f"{', '.join(most)}{' or ' if most else ''}{last}"


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
    server: str  # "wsgi" or "asgi"
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


def connection_plan(answers: Answers) -> Plan:
    """Divide the limit, or raise a BudgetError that says which answers would fit."""
    plan = _find(answers)
    if plan is None:
        raise BudgetError(_problem(answers), _advice(answers))
    return plan


def _find(answers: Answers) -> Plan | None:
    """The plan for any answers, or None when there is none."""
    if _out_of_range(answers) or _conflict(answers):
        return None
    return _recommended(answers) if answers.pooling == "recommended" else _plan(answers)


def _recommended(answers: Answers) -> Plan | None:
    """The fastest choice that fits, with as little as possible between Django and the database."""
    for pooling in ("persistent", "psycopg-pool", "provider-pooler", "pgbouncer"):
        plan = _find(replace(answers, pooling=pooling))
        if plan is None:
            continue
        room = f"{plan.peak} of the {plan.budget} connections left for the web"
        if pooling == "persistent":
            why = f"at peak its threads hold {room}"
        elif pooling == "psycopg-pool" and answers.server == "asgi":
            why = f"under ASGI only a pool both reuses and bounds; at peak it holds {room}"
        elif pooling == "psycopg-pool":
            why = f"one per thread would not fit, at peak the pools hold {room}"
        else:
            why = f"not even one connection per process would fit into {plan.budget}"
        return replace(plan, reason=f"{REASONS[pooling]}; {why}")
    return None


def _plan(answers: Answers) -> Plan | None:
    """The division for a resolved choice, or None when it does not fit."""
    a = answers
    usable = a.database_limit - a.kept_back
    budget = usable - a.other_connections
    processes_at_once = a.instances_at_once * a.web_processes

    per_process = a.web_threads
    if a.pooling in POOLS:
        # More connections than threads would idle; fewer make threads wait for each other.
        per_process = min(a.web_threads, max(budget, 0) // processes_at_once)
        if a.connections_per_instance:
            per_process = min(per_process, a.connections_per_instance // a.web_processes)
    peak = processes_at_once * per_process
    pool_size = poolers = lookups = 0
    fits = 0 < per_process and peak <= budget
    if a.connections_per_instance and a.pooling not in POOLERS:
        fits = fits and a.web_processes * per_process <= a.connections_per_instance

    if a.pooling == "pgbouncer":
        poolers = a.instances_at_once if a.pgbouncer_per_instance else 1
        # Beside an instance it knows the one password; else it asks the database for each.
        lookups = 0 if a.pgbouncer_per_instance else 1
        pool_size = max(budget, 0) // poolers - lookups
        fits = pool_size > 0 and peak // poolers <= MAX_CLIENTS
    elif a.pooling == "provider-pooler" and a.provider_pooler:
        pooler = a.provider_pooler
        poolers, clients = pooler.poolers, pooler.max_client_conn
        pool_size = _pool_size(a, budget, peak)
        if pooler.pool_mode == "session":
            # Each client holds a connection.
            clients = min(pool_size * poolers, clients or pool_size * poolers)
        fits = 0 < pool_size and poolers * min(pool_size, peak) <= budget
        fits = fits and (clients is None or peak <= clients)

    if not fits:
        return None
    sizes = (usable, budget, per_process, peak, pool_size, poolers, lookups)
    return Plan(a, a.pooling, REASONS[a.pooling], *sizes)


def _pool_size(answers: Answers, budget: int, peak: int) -> int:
    """Server connections of one of the provider's poolers."""
    pooler = answers.provider_pooler
    if pooler.sized_by == "unknown":
        return peak
    most = answers.database_limit * pooler.pool_percent // 100
    if pooler.sized_by == "you":
        most = min(most, max(budget, 0))
    return most // pooler.poolers


def _out_of_range(answers: Answers) -> dict[str, int | str]:
    """The nearest legal value of each answer that has none."""
    nearest: dict[str, int | str] = {}
    for name, (lowest, highest) in RANGES.items():
        value = getattr(answers, name)
        if not lowest <= value <= highest:
            nearest[name] = min(max(value, lowest), highest)
    if answers.pooling not in POOLINGS:
        nearest["pooling"] = "recommended"
    return nearest


def _conflict(answers: Answers) -> str | None:
    """Why this choice cannot work at all, whatever the sizes are."""
    if answers.pooling == "persistent" and answers.server == "asgi":
        return (
            "pooling=persistent does not work with server=asgi: each request runs in a thread of "
            "its own, so its connection is never reused and stays open"
        )
    if answers.pooling == "provider-pooler":
        pooler = answers.provider_pooler
        if pooler is None:
            return "this hosting target has no pooler of its own"
        if not pooler.available(answers.database_limit):
            return (
                f"the provider's pooler comes with plans of {min(pooler.plans)} to "
                f"{max(pooler.plans)} connections, and not with one of "
                f"database_limit={answers.database_limit}"
            )
    return None


def _problem(answers: Answers) -> str:
    """What is wrong, with the sum."""
    for name in _out_of_range(answers):
        value = getattr(answers, name)
        if name == "pooling":
            return f"pooling must be one of {', '.join(POOLINGS)}, not {value!r}"
        lowest, highest = RANGES[name]
        # Python refuses to write out the very long ones.
        shown = value if value.bit_length() <= 128 else f"a number of {value.bit_length()} bits"
        return f"{name} must be from {lowest} to {highest}, not {shown}"
    if conflict := _conflict(answers):
        return conflict

    a = answers
    budget = a.database_limit - a.kept_back - a.other_connections
    left = (
        f"database_limit {a.database_limit} - {a.kept_back} reserved by the server "
        f"- {a.other_connections} other_connections = {budget}"
    )
    if budget < 1:
        return f"no connection is left for the web processes: {left}"
    processes = a.instances_at_once * a.web_processes
    instances = f"{a.web_instances} web_instances"
    if a.instances_at_once != a.web_instances:
        instances = f"{a.instances_at_once} instances while a deploy overlaps ({instances})"
    cap = a.connections_per_instance
    each = 1 if a.pooling in POOLS else a.web_threads
    if cap and a.pooling not in POOLERS and a.web_processes * each > cap:
        return (
            f"{a.pooling} needs {a.web_processes * each} connections per instance "
            f"({a.web_processes} web_processes x {each}), but the host allows {cap} to each"
        )
    if a.pooling in POOLS:
        return (
            f"{a.pooling} needs {processes} connections, one for each process "
            f"({instances} x {a.web_processes} web_processes), but only {budget} are left: {left}"
        )
    needed = (
        f"{processes * a.web_threads} connections at peak "
        f"({instances} x {a.web_processes} web_processes x {a.web_threads} web_threads)"
    )
    if a.pooling in ("none", "persistent"):
        return f"{a.pooling} needs {needed}, but only {budget} are left: {left}"
    if a.pooling == "provider-pooler":
        return _pooler_problem(a, budget, needed, left)
    if budget < a.instances_at_once and a.pgbouncer_per_instance:
        return f"PgBouncer needs a connection for each of {instances}, but {left}"
    if budget < 2 and not a.pgbouncer_per_instance:
        return f"PgBouncer needs 2 connections, one of them to look passwords up, but {left}"
    if a.pgbouncer_per_instance:
        needed = (
            f"{a.web_processes * a.web_threads} per instance "
            f"({a.web_processes} web_processes x {a.web_threads} web_threads)"
        )
    return f"one PgBouncer serves {MAX_CLIENTS} clients, and these would be {needed}"


def _pooler_problem(a: Answers, budget: int, needed: str, left: str) -> str:
    """What is wrong with the provider's pooler, with the sum."""
    pooler, peak = a.provider_pooler, a.instances_at_once * a.web_processes * a.web_threads
    pool = _pool_size(a, budget, peak) * pooler.poolers
    if pool < 1:
        return f"the provider's pooler needs a connection in each of {pooler.poolers}, but {left}"
    if pooler.max_client_conn and peak > pooler.max_client_conn:
        return f"the provider's pooler serves {pooler.max_client_conn} clients, and not {needed}"
    if pooler.pool_mode == "session" and peak > pool:
        return (
            f"the provider's pooler is in session mode, where each client holds one of its {pool} "
            f"connections, and these are {needed}"
        )
    if pooler.pool_mode == "session" or pooler.sized_by == "unknown":
        why = "is in session mode" if pooler.pool_mode == "session" else "has no published size"
        return (
            f"the provider's pooler {why}, so each client counts as a connection, "
            f"and these are {needed}, but {left}"
        )
    takes = min(pool, pooler.poolers * peak)
    return f"the provider's pooler takes {takes} connections for {needed}, but {left}"


def _advice(answers: Answers) -> list[dict[str, int | str]]:
    """Changes that make the answers fit: each alternative alone, found by trying it."""
    legal = _out_of_range(answers)
    if legal:
        clamped = replace(answers, **legal)
        return [legal] if _find(clamped) else [legal | more for more in _advice(clamped)]

    singles: list[dict[str, int | str]] = [{"pooling": "recommended"}, {"server": "wsgi"}]
    for name in ("web_threads", "web_processes", "web_instances", "other_connections"):
        singles.append({name: _nearest(answers, name, largest=True)})
    accepted = [change for change in singles if _find(replace(answers, **change))]
    if limit := _smallest_limit(answers):
        accepted.append({"database_limit": limit})
    if accepted:
        return accepted
    if answers.pooling != "recommended":
        resolved: dict[str, int | str] = {"pooling": "recommended"}
        more = _advice(replace(answers, **resolved))
        return [_needed(answers, resolved | change) for change in more]

    together: dict[str, int | str] = {}
    for name in ("other_connections", "web_threads", "web_processes", "database_limit"):
        candidate = replace(answers, **together)
        together[name] = _nearest(candidate, name, largest=name != "database_limit")
    return [_needed(answers, together)]


def _needed(answers: Answers, change: dict[str, int | str]) -> dict[str, int | str]:
    """The change without the parts that it fits without."""
    for name in list(change):
        fewer = {other: value for other, value in change.items() if other != name}
        if _find(replace(answers, **fewer)):
            change = fewer
    return change


def _smallest_limit(answers: Answers) -> int | None:
    """The smallest larger limit that fits while the other answers stay, or None."""
    candidates = [_nearest(answers, "database_limit", largest=False)]
    if answers.pooling == "provider-pooler" and answers.provider_pooler:
        # Not every plan has a pooler, so there are gaps that the binary search cannot see.
        candidates = sorted({*candidates, *answers.provider_pooler.plans})
    for limit in candidates:
        if limit > answers.database_limit and _find(replace(answers, database_limit=limit)):
            return limit
    return None


def _nearest(answers: Answers, name: str, *, largest: bool) -> int:
    """The largest (or smallest) value that fits while the others stay; else the end of the range.

    A larger limit never holds fewer, and smaller sizes never need more: a binary search finds it.
    """
    lowest, highest = RANGES[name]
    value = getattr(answers, name)
    low, high = (lowest, value) if largest else (value, highest)
    while low < high:
        middle = (low + high + largest) // 2
        fits = _find(replace(answers, **{name: middle})) is not None
        if largest:
            low, high = (middle, high) if fits else (low, middle - 1)
        else:
            low, high = (low, middle) if fits else (middle + 1, high)
    return low
