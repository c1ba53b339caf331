"""Fairway and its peers, each by the same few words: start a worker, send files, say what is left and what ran."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from benchmarks.overhead.measuring import Clock, Worker
from benchmarks.overhead.others import Installed, Peer
from benchmarks.overhead.ours import OwnQueue, runner_on
from benchmarks.parts import Parts, StoreParts, one
from benchmarks.tenants import Tenants
from functions.arrivals import take_arrivals
from layers import bootstrap
from layers.adapters.postgres.database import Database
from layers.attempts.runner import Runner
from layers.domain.message import Arrival

LEFT = "SELECT count(*) FROM files WHERE state <> 'done'"
RAN = "SELECT count(*) FROM attempts WHERE outcome = 'done'"
TWICE = """
SELECT count(*) FROM (SELECT 1 FROM attempts WHERE outcome = 'done' GROUP BY file_id, step, part HAVING count(*) > 1) t
"""
LAST = "SELECT extract(epoch FROM s.ended_at - f.uploaded_at) * 1000 FROM files f JOIN steps s USING (file_id) WHERE f.object_key = %(key)s AND s.step = 'third' AND s.state = 'done'"


class Contender(Protocol):
    """`alone` answers the milliseconds that each of so many files took that came one after the other."""

    name: str

    def start(self, worker: str) -> Worker: ...
    def clocks(self) -> Mapping[str, Clock]: ...
    def send(self, files: int) -> None: ...
    def left(self) -> int: ...
    def ran(self) -> int: ...
    def twice(self) -> int: ...
    def alone(self, files: int) -> list[float]: ...


class Ours:
    """Fairway, without a topic, or with the embedded ones. `begin` empties it; announced files are none of a step's cost."""

    def __init__(self, found: Parts, store: StoreParts | None = None) -> None:
        self.name = "Fairway" if store else "Fairway, without its topic"
        self._found, self._store = found, store
        self._database = Database(found.owner_url)
        self._tenants = Tenants(found.owner_url, found.api_url)
        self._keys: list[str] = []
        if store:
            os.environ |= store.environment | {"FAIRWAY_REDIS_URL": found.redis_url}
            bootstrap.forget()

    def announce(self, files: int) -> None:
        self._tenants.empty()
        self._keys = self._tenants.announce(self._tenants.add("tenant"), [1] * files)

    def start(self, worker: str) -> Worker:
        argv = [sys.executable, "-m", "benchmarks.overhead.ours", worker, *(["--topics"] if self._store else [])]
        return Worker(argv, {**os.environ, "FAIRWAY_DATABASE_URL": self._found.worker_url, "FAIRWAY_WORKER": worker})

    def clocks(self) -> Mapping[str, Clock]:
        clocks: dict[str, Clock] = {"PostgreSQL": self._found.postgres_cpu_s, "Valkey": self._found.valkey_cpu_s}
        if self._store:
            clocks["topic"] = self._store.cpu_s
        return clocks

    def send(self, files: int) -> None:
        runner = self._runner()
        for start in range(0, files, 500):
            take_arrivals(runner, [Arrival(key, "v") for key in self._keys[start : start + 500]])

    def left(self) -> int:
        return int(one(self._database, LEFT))

    def ran(self) -> int:
        return int(one(self._database, RAN))

    def twice(self) -> int:
        return int(one(self._database, TWICE))

    def alone(self, files: int) -> list[float]:
        runner, took = self._runner(), []
        for key in self._keys[:files]:
            take_arrivals(runner, [Arrival(key, "v")])
            while not (row := self._database.row(LAST, key=key)):
                time.sleep(0.005)
            took.append(float(next(iter(row.values()))))
        return took

    def _runner(self) -> Runner:
        """What takes the news of arrivals. Where there is no topic, the workers look for themselves."""
        if self._store:
            return runner_on(Database(self._found.worker_url), bootstrap.topics(), "arrivals", self._found.redis_url)
        runner = runner_on(Database(self._found.worker_url), OwnQueue(), "arrivals")
        runner.dispatch = lambda steps: 0  # type: ignore[method-assign]
        return runner


class Other:
    """A peer."""

    def __init__(self, peer: Peer, found: Parts, notes: bool = False) -> None:
        self.name = peer.name
        self._found = found
        self._peer = Installed(peer, found, notes)

    def start(self, worker: str) -> Worker:
        return self._peer.work(worker)

    def clocks(self) -> Mapping[str, Clock]:
        return {"PostgreSQL": self._found.postgres_cpu_s, "Valkey": self._found.valkey_cpu_s}

    def send(self, files: int) -> None:
        self._peer.send(files)

    def left(self) -> int:
        return self._peer.left()

    def ran(self) -> int:
        return len(self._peer.ran())

    def twice(self) -> int:
        ran = self._peer.ran()
        return len(ran) - len(set(ran))

    def alone(self, files: int) -> list[float]:
        return self._peer.alone(files)


@contextmanager
def at_work(contender: Contender, count: int, says_ready: bool) -> Iterator[list[Worker]]:
    """So many workers, started and idle."""
    workers = [contender.start(f"w{number}") for number in range(count)]
    try:
        if not says_ready:
            for worker in workers:
                worker.await_idleness()
        yield workers
    finally:
        for worker in workers:
            worker.kill()
