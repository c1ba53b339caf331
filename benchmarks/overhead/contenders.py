"""Fairway and its peers with the same interface: start a worker, send files, count unfinished files and completed steps."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from benchmarks.overhead.fairway_chain import InProcessQueue, runner_on
from benchmarks.overhead.installed_peers import InstalledPeer, Peer
from benchmarks.overhead.measuring import Clock, WorkerProcess
from benchmarks.servers import Servers, StoreServer, value_of
from benchmarks.tenants import Tenants
from functions.arrivals import take_arrivals
from layers import bootstrap
from layers.adapters.postgres.database import Database
from layers.attempts.runner import Runner
from layers.domain.message import Arrival

FILES_LEFT = "SELECT count(*) FROM files WHERE state <> 'done'"
PARTS_RUN = "SELECT count(*) FROM attempts WHERE outcome = 'done'"
PARTS_RUN_TWICE = """
SELECT count(*) FROM (SELECT 1 FROM attempts WHERE outcome = 'done' GROUP BY file_id, step, part HAVING count(*) > 1) t
"""
LATENCY_MS = "SELECT extract(epoch FROM s.ended_at - f.uploaded_at) * 1000 FROM files f JOIN steps s USING (file_id) WHERE f.object_key = %(key)s AND s.step = 'third' AND s.state = 'done'"


class Contender(Protocol):
    """A system that runs the chain. `latencies_ms` sends files one after the other, and returns how long each took."""

    name: str

    def start(self, worker: str) -> WorkerProcess: ...
    def clocks(self) -> Mapping[str, Clock]: ...
    def send(self, files: int) -> None: ...
    def left(self) -> int: ...
    def ran(self) -> int: ...
    def twice(self) -> int: ...
    def latencies_ms(self, files: int) -> list[float]: ...


class FairwayContender:
    """Fairway, with the embedded topics or without topics. `announce` empties the database and creates the files before
    the measurement."""

    def __init__(self, servers: Servers, store: StoreServer | None = None) -> None:
        self.name = "Fairway" if store else "Fairway, without topics"
        self._servers, self._store = servers, store
        self._database = Database(servers.owner_url)
        self._tenants = Tenants(servers.owner_url, servers.api_url)
        self._keys: list[str] = []
        if store:
            os.environ |= store.environment | {"FAIRWAY_REDIS_URL": servers.redis_url}
            bootstrap.forget()

    def announce(self, files: int) -> None:
        self._tenants.empty()
        self._keys = self._tenants.announce(self._tenants.add("tenant"), [1] * files)

    def start(self, worker: str) -> WorkerProcess:
        argv = [
            sys.executable,
            "-m",
            "benchmarks.overhead.fairway_chain",
            worker,
            *(["--topics"] if self._store else []),
        ]
        return WorkerProcess(
            argv, {**os.environ, "FAIRWAY_DATABASE_URL": self._servers.worker_url, "FAIRWAY_WORKER": worker}
        )

    def clocks(self) -> Mapping[str, Clock]:
        clocks: dict[str, Clock] = {"PostgreSQL": self._servers.postgres_cpu_s, "Valkey": self._servers.valkey_cpu_s}
        if self._store:
            clocks["topics"] = self._store.cpu_s
        return clocks

    def send(self, files: int) -> None:
        runner = self._runner()
        for start in range(0, files, 500):
            take_arrivals(runner, [Arrival(key, "v") for key in self._keys[start : start + 500]])

    def left(self) -> int:
        return int(value_of(self._database, FILES_LEFT))

    def ran(self) -> int:
        return int(value_of(self._database, PARTS_RUN))

    def twice(self) -> int:
        return int(value_of(self._database, PARTS_RUN_TWICE))

    def latencies_ms(self, files: int) -> list[float]:
        runner, latencies = self._runner(), []
        for key in self._keys[:files]:
            take_arrivals(runner, [Arrival(key, "v")])
            while not (row := self._database.row(LATENCY_MS, key=key)):
                time.sleep(0.005)
            latencies.append(float(next(iter(row.values()))))
        return latencies

    def _runner(self) -> Runner:
        """The runner that handles arrivals. Without topics it does not dispatch: the workers do."""
        if self._store:
            return runner_on(
                Database(self._servers.worker_url), bootstrap.topics(), "arrivals", self._servers.redis_url
            )
        runner = runner_on(Database(self._servers.worker_url), InProcessQueue(), "arrivals")
        runner.dispatch = lambda steps: 0  # type: ignore[method-assign]
        return runner


class PeerContender:
    """A peer. `records_runs`: its workers record every step that they run."""

    def __init__(self, peer: Peer, servers: Servers, records_runs: bool = False) -> None:
        self.name = peer.name
        self._servers = servers
        self._peer = InstalledPeer(peer, servers, records_runs)

    def start(self, worker: str) -> WorkerProcess:
        return self._peer.work(worker)

    def clocks(self) -> Mapping[str, Clock]:
        return {"PostgreSQL": self._servers.postgres_cpu_s, "Valkey": self._servers.valkey_cpu_s}

    def send(self, files: int) -> None:
        self._peer.send(files)

    def left(self) -> int:
        return self._peer.left()

    def ran(self) -> int:
        return len(self._peer.ran())

    def twice(self) -> int:
        ran = self._peer.ran()
        return len(ran) - len(set(ran))

    def latencies_ms(self, files: int) -> list[float]:
        return self._peer.latencies_ms(files)


@contextmanager
def running_workers(contender: Contender, count: int, prints_ready: bool) -> Iterator[list[WorkerProcess]]:
    """This many workers, started and idle; killed at the end."""
    workers = [contender.start(f"w{number}") for number in range(count)]
    try:
        if not prints_ready:
            for worker in workers:
                worker.await_idleness()
        yield workers
    finally:
        for worker in workers:
            worker.kill()
