"""One run of a cell: a database of its own, two workers, and load offered at a rate."""

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
from benchmarks.overhead.measuring import Worker
from benchmarks.overhead.ours import STEPS
from benchmarks.parts import PASSWORD, new_database, one
from infra.local import postgres, valkey
from infra.local.embedded import API_ROLE, WORKER_ROLE
from infra.local.ports import choose_ports
from infra.local.supervisor import Supervisor
from infra.migrate import give_login, migrate
from layers.adapters.postgres.catalog import PostgresCatalog
from layers.adapters.postgres.database import Database
from layers.adapters.postgres.store import PostgresStore
from layers.domain.errors import StoreUnreachable
from layers.domain.message import Arrival

TICK_S = 0.1
MOST_AT_ONCE = 500
MOST_CONNECTIONS = 400
LONGEST_AWAY_S = 120.0
DEEP = 400  # files that wait or are at work, where the load goes by what is done of it
BURST_S, BURST_OF = 2.0, 4
CLEAN_STOP_S = 10.0


@dataclass(frozen=True)
class Servers:
    """PostgreSQL that takes 400 connections, and Valkey, for all runs."""

    postgres_port: int
    redis_url: str
    supervisor: Supervisor
    may_start: threading.Event  # whether PostgreSQL is started again where it has ended


@contextmanager
def servers(folder: Path) -> Iterator[Servers]:
    ports = choose_ports(folder / "ports.json", ("postgres", "valkey"), 0)
    program = postgres.prepare(folder / "postgres", PASSWORD, folder / "initdb.log")
    server = postgres.declare(folder / "postgres", program, ports["postgres"], PASSWORD)
    may_start = threading.Event()
    may_start.set()

    def before_start() -> None:
        may_start.wait(LONGEST_AWAY_S)
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


class World:
    """A fresh database with a tenant and a batch, and workers on it. Without a rate the load keeps a backlog as it is."""

    def __init__(self, on: Servers, rate: float | None, killed_each_s: float = 0.0) -> None:
        self.rate = rate or 0.0
        self.killed_each_s = killed_each_s
        self.postgres_may_start = on.may_start
        self._servers = on
        self.owner_url = new_database(on.postgres_port)
        self.database = self.owner_url.rsplit("/", 1)[1]
        self.admin_url = postgres.database_url(on.postgres_port, PASSWORD, "postgres")
        migrate(self.owner_url)
        for role in (API_ROLE, WORKER_ROLE):
            give_login(self.owner_url, role, PASSWORD)
        address = lambda role: postgres.database_url(on.postgres_port, PASSWORD, self.database, role)  # noqa: E731
        self.worker_url = address(WORKER_ROLE)
        self._owner = Database(self.owner_url)
        self._catalog = PostgresCatalog(Database(address(API_ROLE)))
        self._store = PostgresStore(Database(self.worker_url))
        self._topics: Any = redis.Redis.from_url(on.redis_url)
        self._topics.flushdb()
        self._tenant_id = str(one(self._owner, "INSERT INTO tenants (name) VALUES ('t') RETURNING tenant_id"))
        with self._catalog.transaction() as catalog:
            catalog.be(self._tenant_id)
            dataset = catalog.create_dataset("d", {"type": "object", "properties": {}})
            given = {"allow_duplicates": True, "expand_archives": False, "priority": "normal"}
            self._batch: Any = catalog.row("create_batch", dataset_id=dataset["dataset_id"], **given)
        self._workers: dict[int, Worker] = {}
        self._enough = threading.Event()
        self._producer = threading.Thread(target=self._offer, daemon=True)
        self._offered = self._sent = 0.0
        self._bursts_since: float | None = None
        self._now_offering = rate

    @property
    def postgres_pid(self) -> int:
        return self._servers.supervisor.pids()["postgres"]

    # --- workers -------------------------------------------------------------------------------------

    def start(self, place: int) -> None:
        environment = {
            **os.environ,
            "FAIRWAY_DATABASE_URL": self.worker_url,
            "FAIRWAY_REDIS_URL": self._servers.redis_url,
        }
        argv = [sys.executable, "-m", "benchmarks.cells.worker", f"w{place}", str(place)]
        self._workers[place] = Worker(argv, environment)

    def kill(self, place: int) -> None:
        self._workers.pop(place).kill()

    def stop(self) -> float:
        """Seconds until all workers ended by themselves. Raises SystemExit where one does not."""
        if len(self._workers) < WORKERS:
            raise SystemExit("a worker that was killed did not start again")
        began = time.monotonic()
        for worker in self._workers.values():
            worker.process.send_signal(signal.SIGTERM)
        for worker in self._workers.values():
            if worker.process.wait(CLEAN_STOP_S) != 0:
                raise SystemExit(f"a worker ended with {worker.process.returncode}")
        return time.monotonic() - began

    def close(self) -> None:
        self._enough.set()
        for worker in self._workers.values():
            worker.kill()
        self._owner.close()

    def start_offering(self) -> None:
        self._producer.start()

    def stop_offering(self) -> None:
        self._enough.set()
        self._producer.join(60)

    # --- load ----------------------------------------------------------------------------------------

    def announce(self, count: int) -> None:
        described = [{"name": "a.txt", "size_bytes": 1}] * count
        with self._catalog.transaction() as catalog:
            catalog.be(self._tenant_id)
            rows = catalog.create_files(self._batch, described, 3600)
        for _ in range(round(LONGEST_AWAY_S / TICK_S)):
            with suppress(StoreUnreachable):
                self._store.arrive([Arrival(row["object_key"]) for row in rows])
                self._topics.lpush(key(DISPATCH), "{}")
                return
            time.sleep(TICK_S)
        raise SystemExit("the store did not come back")

    @contextmanager
    def offering(self, rate: float, *, in_bursts: bool = False) -> Iterator[None]:
        before, self._now_offering = self._now_offering, rate
        self._bursts_since = time.monotonic() if in_bursts else None
        try:
            yield
        finally:
            self._now_offering, self._bursts_since = before, None

    def _offer(self) -> None:
        """Announce files until told to stop; what could not be sent is sent later."""
        then = time.monotonic()
        while not self._enough.wait(TICK_S):
            now = time.monotonic()
            self._offered += self._due(now - then, now)
            then = now
            count = min(int(self._offered - self._sent), MOST_AT_ONCE)
            if count > 0:
                with suppress(StoreUnreachable):
                    self.announce(count)
                    self._sent += count

    def _due(self, seconds: float, now: float) -> float:
        """How many files more are to come for these last seconds."""
        if self._now_offering is None:
            return max(0, DEEP - self.left())
        if self._bursts_since is None:
            return seconds * self._now_offering
        is_in_burst = (now - self._bursts_since) % (BURST_S * BURST_OF) < BURST_S
        return seconds * self._now_offering * BURST_OF * is_in_burst

    # --- what came of it -----------------------------------------------------------------------------

    def left(self) -> int:
        with suppress(StoreUnreachable):
            return int(one(self._owner, "SELECT count(*) FROM files WHERE state <> 'done'"))
        return 1

    def now(self) -> Any:
        while True:
            with suppress(StoreUnreachable):
                return one(self._owner, "SELECT clock_timestamp()")
            time.sleep(TICK_S)

    def rate_between(self, since: Any, until: Any) -> float:
        """Files done a second."""
        query = (
            "SELECT count(*) / extract(epoch FROM %(until)s::timestamptz - %(since)s::timestamptz)::float8 FROM attempts"
            " WHERE step = 'third' AND outcome = 'done' AND ended_at BETWEEN %(since)s AND %(until)s"
        )
        return float(one(self._owner, query, since=since, until=until))

    def faults(self) -> list[str]:
        """What does not add up: files lost, effects doubled, rows that contradict each other."""
        row = self._owner.row("SELECT lost, doubled FROM audit(NULL, %(steps)s, '{}')", steps=list(STEPS))
        assert row
        found = {name: count for name, count in row.items() if count}
        rows = self._owner.rows("SELECT finding, count FROM audit_findings(NULL, %(steps)s, '{}')", steps=list(STEPS))
        found |= {one["finding"]: one["count"] for one in rows}
        return [f"{name}: {count}" for name, count in found.items()]
