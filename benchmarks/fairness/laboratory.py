"""The laboratory: runs scenes on the real store, runner and dispatcher, with a simulated reader."""

from __future__ import annotations

import contextlib
import queue
import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from benchmarks.fairness.figures import Read
from benchmarks.fairness.peers import WITHOUT, FirstComeStore, RoundRobinStore
from benchmarks.fairness.scenes import PAGE_S, Scene, announced
from benchmarks.servers import Servers
from benchmarks.tenants import Tenants
from benchmarks.topics import WakeUpsOnly
from functions.arrivals import take_arrivals
from layers.adapters.postgres.database import Database, Row
from layers.adapters.postgres.store import PostgresStore
from layers.attempts.runner import Runner
from layers.attempts.work import Work
from layers.domain.fairness import SLICE_S
from layers.domain.file import File
from layers.domain.message import Arrival, WakeUp, bundles
from layers.domain.page import Extraction, Identity
from layers.domain.slicing import slices
from layers.domain.step import Done, Pipeline, Plan, Step
from layers.ports import Ports
from tests.fakes import MemoryObjects

READER = "extraction"  # the last step of the main pipeline: forecasts expect no step after it
INTAKE = "intake"
CONCURRENCY = 20
INTAKE_THREADS = 2
ARRIVE_AT_ONCE = 500
LONGEST_S = 1500

READS = """
SELECT t.name AS tenant, f.batch_id::text AS batch, f.file_id::text,
       extract(epoch FROM f.uploaded_at)::float8 AS arrived_at, extract(epoch FROM s.ready_at)::float8 AS ready_at,
       extract(epoch FROM s.queued_at)::float8 AS queued_at, extract(epoch FROM s.started_at)::float8 AS started_at,
       extract(epoch FROM s.ended_at)::float8 AS ended_at, a.cost_s
  FROM steps s JOIN files f USING (file_id) JOIN tenants t ON t.tenant_id = s.tenant_id
  JOIN attempts a USING (file_id, step, part)
 WHERE s.step = %(step)s AND s.state = 'done'
 ORDER BY s.queued_at
"""
WHO_WAITS = """
SELECT (SELECT count(*) FROM files WHERE state IN ('uploading', 'processing')) AS unread,
       (SELECT count(*) FROM steps WHERE step = 'intake' AND state <> 'done') AS in_intake,
       (SELECT count(DISTINCT tenant_id) FROM steps WHERE step = %(step)s AND state = 'ready') AS tenants
"""


class OwnTopics(WakeUpsOnly):
    """Topics in memory, in the order of publishing."""

    def __init__(self) -> None:
        self.queues: dict[str, queue.SimpleQueue[list[WakeUp]]] = defaultdict(queue.SimpleQueue)

    def holds_messages(self, topic: str) -> bool:
        return False

    def publish(self, wake_ups: Iterable[WakeUp]) -> None:
        for bundle in bundles(list(wake_ups)):
            self.queues[bundle[0].step].put(bundle)

    def take(self, topic: str) -> list[WakeUp]:
        """The wake-ups of the next message; empty if none comes within a tenth of a second."""
        try:
            return self.queues[topic].get(timeout=0.1)
        except queue.Empty:
            return []


def reading(page_s: float, spread: float, scale: float) -> tuple[Step, Pipeline]:
    """Intake and a pipeline of one stand-in reader; a page takes the same time in every run."""

    def intake(file: File, work: Work) -> Done:
        pages, _ = announced(file.declared_size_bytes)
        return Done(identity=Identity("application/pdf", pages), size_bytes=1)

    def plan(file: File) -> Plan:
        pages, judged = announced(file.declared_size_bytes)
        parts = slices(range(1, pages + 1), page_s, SLICE_S * scale)
        return tuple(replace(part, cost_estimate_s=part.cost_estimate_s * judged) for part in parts)

    def read(file: File, work: Work) -> Done:
        chance = random.Random(f"{file.name} {file.page_numbers}")
        time.sleep(sum(page_s * chance.uniform(1 - spread, 1 + spread) for _ in file.page_numbers))
        return Done(extraction=Extraction({}, (), {}))

    reader = Step(READER, read, plan, timeout_s=600)
    return Step(INTAKE, intake, parts_per_message=4), Pipeline("main", (reader,))


def fair(database: Database, owner: Database) -> PostgresStore:
    owner.run(WITHOUT)  # without the indexes of the other orders
    return PostgresStore(database)


ORDERS: dict[str, Callable[[Database, Database], PostgresStore]] = {
    "fair": fair,
    "first come": FirstComeStore,
    "round robin": RoundRobinStore,
}


@dataclass
class Laboratory:
    """Plays scenes on one database, one after the other. `page_s`: how long the simulated reader takes for a page."""

    owner_url: str
    worker_url: str
    api_url: str
    page_s: float = 0.2
    concurrency: int = CONCURRENCY

    @classmethod
    def on(cls, servers: Servers, page_s: float) -> Laboratory:
        return cls(servers.owner_url, servers.worker_url, servers.api_url, page_s)

    @property
    def scale(self) -> float:
        """The time of a page as a share of the two seconds of a real reader."""
        return self.page_s / PAGE_S

    def play(
        self, scene: Scene, order: str = "fair", during: contextlib.AbstractContextManager[object] | None = None
    ) -> list[Read]:
        """The reads of a scene, in the order of dispatch, in seconds of a reader that takes two.

        The context `during` is entered when all files are announced, and left when the scene has ended.
        """
        owner, database = Database(self.owner_url), Database(self.worker_url)
        try:
            keys = self._announce(scene)
            with during or contextlib.nullcontext():
                self._play(scene, keys, ORDERS[order](database, owner), owner)
            return [self._in_reader_seconds(Read(**row)) for row in owner.rows(READS, step=READER)]
        finally:
            owner.close()
            database.close()

    def _play(self, scene: Scene, keys: Sequence[Sequence[str]], store: PostgresStore, owner: Database) -> None:
        topics = OwnTopics()
        intake, pipeline = reading(self.page_s, scene.spread, self.scale)
        ports = Ports(
            store=store,
            objects=MemoryObjects(),
            topics=topics,
            documents=None,  # type: ignore[arg-type]
            extractor=None,  # type: ignore[arg-type]
            paid_reader=None,
        )
        concurrency = {INTAKE: INTAKE_THREADS, READER: self.concurrency}
        runner = Runner(ports, intake, (pipeline,), concurrency, host="laboratory")
        with working(runner, topics, INTAKE, INTAKE_THREADS), contextlib.ExitStack() as readers:
            if not scene.shares:
                readers.enter_context(working(runner, topics, READER, self.concurrency))
            self._let_arrive(runner, scene, keys)
            if scene.shares:
                self._await(owner, lambda waiting: not waiting["in_intake"])
                readers.enter_context(working(runner, topics, READER, self.concurrency))
            tenants = len({drop.tenant for drop in scene.drops}) if scene.shares else 0
            self._await(owner, lambda waiting: waiting["tenants"] < tenants or not waiting["unread"])

    def _announce(self, scene: Scene) -> list[list[str]]:
        """Each drop's object keys. Drops of one tenant with the same batch name are one batch."""
        tenants = Tenants(self.owner_url, self.api_url)
        tenants.empty()
        ids = {name: tenants.add(name, scene.weights.get(name, 1.0)) for name in {d.tenant for d in scene.drops}}
        by_batch = sorted(range(len(scene.drops)), key=lambda index: _batch_of(scene, index))
        keys: list[list[str]] = [[] for _ in scene.drops]
        for (tenant, _), group in groupby(by_batch, key=lambda index: _batch_of(scene, index)):
            indexes = list(group)
            sizes = [scene.drops[index].size_bytes for index in indexes for _ in range(scene.drops[index].files)]
            made = iter(tenants.announce(ids[tenant], sizes))
            for index in indexes:
                keys[index] = [next(made) for _ in range(scene.drops[index].files)]
        tenants.close()
        return keys

    def _let_arrive(self, runner: Runner, scene: Scene, keys: Sequence[Sequence[str]]) -> None:
        began = time.monotonic()
        for index in sorted(range(len(scene.drops)), key=lambda index: scene.drops[index].at_s):
            time.sleep(max(0.0, began + scene.drops[index].at_s * self.scale - time.monotonic()))
            for start in range(0, len(keys[index]), ARRIVE_AT_ONCE):
                take_arrivals(runner, [Arrival(key, "v") for key in keys[index][start : start + ARRIVE_AT_ONCE]])

    def _await(self, owner: Database, has_come: Callable[[Row], bool]) -> None:
        deadline = time.monotonic() + LONGEST_S
        while not has_come(owner.rows(WHO_WAITS, step=READER)[0]):
            if time.monotonic() > deadline:
                raise SystemExit(f"a scene has not ended after {LONGEST_S} s")
            time.sleep(0.1)

    def _in_reader_seconds(self, read: Read) -> Read:
        times = ("arrived_at", "ready_at", "queued_at", "started_at", "ended_at", "cost_s")
        return replace(read, **{name: getattr(read, name) / self.scale for name in times})


def _batch_of(scene: Scene, index: int) -> tuple[str, str]:
    drop = scene.drops[index]
    return drop.tenant, drop.batch


@contextlib.contextmanager
def working(runner: Runner, topics: OwnTopics, topic: str, count: int) -> Iterator[None]:
    """Start `count` threads that run the messages of a topic; stop them at the end."""
    stopping = threading.Event()

    def work() -> None:
        while not stopping.is_set():
            if taken := topics.take(topic):
                runner.run_all(taken)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopping.set()
        for thread in threads:
            thread.join()
