"""One run of a cell: a new database, two workers, and load at a given rate."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import redis

from benchmarks.cells.worker import DISPATCH, WORKERS, key
from benchmarks.overhead.fairway_chain import STEPS
from benchmarks.overhead.measuring import WorkerProcess
from benchmarks.servers import PASSWORD, new_database, value_of
from infra.local import postgres, valkey
from infra.local.installation import API_ROLE, WORKER_ROLE
from infra.local.ports import choose_ports
from infra.local.supervisor import Supervisor
from infra.migrate import give_login, migrate
from layers.adapters.postgres.catalog import PostgresCatalog
from layers.adapters.postgres.database import Database
from layers.adapters.postgres.store import PostgresStore
from layers.domain.errors import StoreUnreachable
from layers.domain.message import Arrival
from layers.ports.rows import NewFile

TICK_S = 0.1
MOST_PER_TICK = 500  # files
MOST_CONNECTIONS = 400
LONGEST_OUTAGE_S = 120.0
BACKLOG = 400  # files that are not done, while the load keeps the backlog constant
BURST_S, BURST_OF = 2.0, 4
CLEAN_STOP_S = 10.0


@dataclass(frozen=True)
class Servers:
    """PostgreSQL with a limit of 400 connections, and Valkey, for all runs."""

    postgres_port: int
    redis_url: str
    supervisor: Supervisor
    may_start: threading.Event  # set while the supervisor may restart PostgreSQL


@contextmanager
def servers(folder: Path) -> Iterator[Servers]:
    ports = choose_ports(folder / "ports.json", ("postgres", "valkey"), 0)
    program = postgres.prepare(folder / "postgres", PASSWORD, folder / "initdb.log")
    server = postgres.declare(folder / "postgres", program, ports["postgres"], PASSWORD)
    may_start = threading.Event()
    may_start.set()

    def before_start() -> None:
        may_start.wait(LONGEST_OUTAGE_S)
        postgres.clear_leftovers(folder / "postgres" / "data")

    argv = [*server.argv, "-c", f"max_connections={MOST_CONNECTIONS}"]
    supervisor = Supervisor(folder)
    try:
        supervisor.start(
            [replace(server, argv=argv, before_start=before_start), valkey.declare(folder, ports["valkey"], PASSWORD)]
        )
        yield Servers(ports["postgres"], valkey.redis_url(ports["valkey"], PASSWORD), supervisor, may_start)
    finally:
        may_start.set()
        supervisor.stop()


class CellRun:
    """A new database with a tenant and a batch, its workers, and its load.

    `rate` is the load in files per second; without it, the load keeps the backlog at BACKLOG files.
    """

    def __init__(self, servers: Servers, rate: float | None, kill_every_s: float = 0.0) -> None:
        self.rate = rate or 0.0
        self.kill_every_s = kill_every_s
        self.postgres_may_start = servers.may_start
        self._servers = servers
        self.owner_url = new_database(servers.postgres_port)
        self.database = self.owner_url.rsplit("/", 1)[1]
        self.admin_url = postgres.database_url(servers.postgres_port, PASSWORD, "postgres")
        migrate(self.owner_url)
        for role in (API_ROLE, WORKER_ROLE):
            give_login(self.owner_url, role, PASSWORD)
        address = lambda role: postgres.database_url(servers.postgres_port, PASSWORD, self.database, role)  # noqa: E731
        self.worker_url = address(WORKER_ROLE)
        self._owner = Database(self.owner_url)
        self._catalog = PostgresCatalog(Database(address(API_ROLE)))
        self._store = PostgresStore(Database(self.worker_url))
        self._topics: Any = redis.Redis.from_url(servers.redis_url)
        self._topics.flushdb()
        self._tenant_id = str(value_of(self._owner, "INSERT INTO tenants (name) VALUES ('t') RETURNING tenant_id"))
        with self._catalog.transaction() as catalog:
            catalog.act_as(self._tenant_id)
            dataset = catalog.create_dataset("d", {"type": "object", "properties": {}})
            batch = catalog.create_batch(str(dataset.dataset_id), allow_duplicates=True)
            assert batch
            self._batch = batch
        self._workers: dict[int, WorkerProcess] = {}
        self._load_ended = threading.Event()
        self._producer = threading.Thread(target=self._produce, daemon=True)
        self._files_due = self._files_sent = 0.0
        self._bursts_since: float | None = None
        self._current_rate = rate

    @property
    def postgres_pid(self) -> int:
        return self._servers.supervisor.pids()["postgres"]

    # --- workers -------------------------------------------------------------------------------------

    def start(self, number: int) -> None:
        """Start the worker with this number, from 0."""
        environment = {
            **os.environ,
            "FAIRWAY_DATABASE_URL": self.worker_url,
            "FAIRWAY_REDIS_URL": self._servers.redis_url,
        }
        argv = [sys.executable, "-m", "benchmarks.cells.worker", f"w{number}"]
        self._workers[number] = WorkerProcess(argv, environment)

    def kill(self, number: int) -> None:
        self._workers.pop(number).kill()

    def stop(self) -> float:
        """Stop all workers with SIGTERM. Returns the seconds until all have ended. Raises SystemExit if one does not."""
        if len(self._workers) < WORKERS:
            raise SystemExit("a killed worker was not restarted")
        began = time.monotonic()
        for worker in self._workers.values():
            worker.process.send_signal(signal.SIGTERM)
        for worker in self._workers.values():
            if worker.process.wait(CLEAN_STOP_S) != 0:
                raise SystemExit(f"a worker ended with {worker.process.returncode}")
        return time.monotonic() - began

    def close(self) -> None:
        self._load_ended.set()
        for worker in self._workers.values():
            worker.kill()
        self._owner.close()

    def start_load(self) -> None:
        self._producer.start()

    def stop_load(self) -> None:
        self._load_ended.set()
        self._producer.join(60)

    # --- load ----------------------------------------------------------------------------------------

    def announce(self, count: int) -> None:
        """Create files and report their arrival. Raises SystemExit if the store does not recover."""
        described = [NewFile("a.txt", 1)] * count
        with self._catalog.transaction() as catalog:
            catalog.act_as(self._tenant_id)
            rows = catalog.create_files(self._batch, described, 3600)
        for _ in range(round(LONGEST_OUTAGE_S / TICK_S)):
            with suppress(StoreUnreachable):
                self._store.arrive([Arrival(row.object_key) for row in rows])
                self._topics.lpush(key(DISPATCH), "{}")
                return
            time.sleep(TICK_S)
        raise SystemExit(f"the store did not recover within {LONGEST_OUTAGE_S:.0f} s")

    @contextmanager
    def load(self, rate: float, *, in_bursts: bool = False) -> Iterator[None]:
        """Change the load during the block."""
        before, self._current_rate = self._current_rate, rate
        self._bursts_since = time.monotonic() if in_bursts else None
        try:
            yield
        finally:
            self._current_rate, self._bursts_since = before, None

    def _produce(self) -> None:
        """Announce files until the load ends. Files that could not be announced are announced later."""
        before = time.monotonic()
        while not self._load_ended.wait(TICK_S):
            now = time.monotonic()
            self._files_due += self._due(now - before, now)
            before = now
            count = min(int(self._files_due - self._files_sent), MOST_PER_TICK)
            if count > 0:
                with suppress(StoreUnreachable):
                    self.announce(count)
                    self._files_sent += count

    def _due(self, seconds: float, now: float) -> float:
        """The number of files that became due in the last `seconds`."""
        if self._current_rate is None:
            return max(0, BACKLOG - self.left())
        if self._bursts_since is None:
            return seconds * self._current_rate
        is_in_burst = (now - self._bursts_since) % (BURST_S * BURST_OF) < BURST_S
        return seconds * self._current_rate * BURST_OF * is_in_burst

    # --- results -------------------------------------------------------------------------------------

    def left(self) -> int:
        """The number of files that are not done; 1 while the database cannot be reached."""
        with suppress(StoreUnreachable):
            return int(value_of(self._owner, "SELECT count(*) FROM files WHERE state <> 'done'"))
        return 1

    def now(self) -> Any:
        """The time of the database. Waits until it can be reached."""
        while True:
            with suppress(StoreUnreachable):
                return value_of(self._owner, "SELECT clock_timestamp()")
            time.sleep(TICK_S)

    def rate_between(self, since: Any, until: Any) -> float:
        """Files done per second between two times of the database."""
        query = (
            "SELECT count(*) / extract(epoch FROM %(until)s::timestamptz - %(since)s::timestamptz)::float8 FROM attempts"
            " WHERE step = 'third' AND outcome = 'done' AND ended_at BETWEEN %(since)s AND %(until)s"
        )
        return float(value_of(self._owner, query, since=since, until=until))

    def faults(self) -> list[str]:
        """Inconsistencies: lost files, doubled effects, and rows that contradict each other."""
        row = self._owner.row("SELECT lost, doubled FROM audit(NULL, %(steps)s, '{}')", steps=list(STEPS))
        assert row
        found = {name: count for name, count in row.items() if count}
        rows = self._owner.rows("SELECT finding, count FROM audit_findings(NULL, %(steps)s, '{}')", steps=list(STEPS))
        found |= {row["finding"]: row["count"] for row in rows}
        return [f"{name}: {count}" for name, count in found.items()]
