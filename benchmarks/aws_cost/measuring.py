"""Measures what the real steps use for one file: CPU time, memory and calls, with a separate PostgreSQL."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.aws_cost.pricing import FileUse, Use
from benchmarks.servers import Servers
from benchmarks.starting import cpu_s, family, memory_mib
from functions.arrivals import take_arrivals
from functions.pipelines import INTAKE, PIPELINES
from layers.adapters.extraction.rules_extractor import RulesExtractor
from layers.adapters.postgres.catalog import PostgresCatalog
from layers.adapters.postgres.database import Database
from layers.adapters.postgres.store import PostgresStore
from layers.attempts.runner import Runner
from layers.decoding.documents import Documents
from layers.domain.extraction.rules import DEFAULT_SCHEMA
from layers.domain.file import File
from layers.domain.message import Arrival, WakeUp
from layers.domain.page import Page
from layers.ports import Ports
from layers.ports.rows import NewFile
from tests.fakes import MemoryObjects, MemoryTopics

SAMPLE_S = 0.02
# Memory of Python with the handler and the SDK on Lambda, without decoders.
RUNTIME_MB = 130
WOKEN_AT_ONCE = 10


@dataclass
class Counts:
    """Numbers of calls since the last `take`."""

    reads: int = 0
    writes: int = 0
    moved_bytes: int = 0
    sent: int = 0
    store_calls: int = 0
    paid_pages: int = 0
    paid_calls: int = 0

    def take(self) -> dict[str, int]:
        """Return the counts and reset them."""
        found = dict(vars(self))
        for name in found:
            setattr(self, name, 0)
        return found


class CountedObjects(MemoryObjects):
    def __init__(self, counts: Counts) -> None:
        super().__init__()
        self._counts = counts

    def download(self, object_key: str, version_id: str | None, path: Path) -> None:
        super().download(object_key, version_id, path)
        self._counts.reads += 1
        self._counts.moved_bytes += path.stat().st_size

    def upload(self, path: Path, object_key: str, media_type: str) -> int:
        self._counts.writes += 1
        self._counts.moved_bytes += path.stat().st_size
        return super().upload(path, object_key, media_type)

    def size_of(self, object_key: str, version_id: str | None) -> int | None:
        self._counts.reads += 1
        return super().size_of(object_key, version_id)


class CountedTopics(MemoryTopics):
    def __init__(self, counts: Counts) -> None:
        super().__init__()
        self._counts = counts

    def publish(self, wake_ups: Iterable[WakeUp]) -> None:
        wake_ups = list(wake_ups)
        self._counts.sent += len(wake_ups)
        super().publish(wake_ups)

    def dispatch_later(self, delay_s: float) -> None:
        self._counts.sent += 1
        super().dispatch_later(delay_s)

    def next(self) -> WakeUp | None:
        return self.published.pop(0) if self.published else None


class CountedDatabase(Database):
    def __init__(self, url: str, counts: Counts) -> None:
        super().__init__(url)
        self._counts = counts

    @contextmanager
    def connection(self) -> Iterator[Any]:
        self._counts.store_calls += 1
        with super().connection() as connection:
            yield connection


class PageCounter:
    """Replaces Amazon Textract: it counts the pages that would be sent, and reads none."""

    is_paid = True

    def __init__(self, counts: Counts) -> None:
        self._counts = counts

    def read(self, file: File, page_numbers: Sequence[int], *_: Any, **__: Any) -> list[Page]:
        self._counts.paid_pages += len(page_numbers)
        self._counts.paid_calls += 2  # one to start the job, one to fetch its result
        return []

    def is_up(self) -> bool | None:
        return None


@dataclass
class Steps:
    """The resources used by each step, added up over attempts."""

    used: dict[str, dict[str, float]] = field(default_factory=dict)

    def add(self, step: str, **amounts: float) -> None:
        sums = self.used.setdefault(step, {})
        for name, amount in amounts.items():
            sums[name] = max(sums.get(name, 0.0), amount) if name == "peak_mb" else sums.get(name, 0.0) + amount


class Machine:
    """The runner on a real store, with objects, topics and calls counted."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers
        self.counts = Counts()
        self._objects = CountedObjects(self.counts)
        self._topics = CountedTopics(self.counts)
        self._documents = Documents()
        self._store = PostgresStore(CountedDatabase(servers.worker_url, self.counts))
        self._catalog = PostgresCatalog(Database(servers.api_url))
        ports = Ports(
            store=self._store,
            objects=self._objects,
            topics=self._topics,
            documents=self._documents,
            extractor=RulesExtractor(),
            paid_reader=PageCounter(self.counts),
        )
        self._runner = Runner(ports, INTAKE, PIPELINES, {})
        owner = Database(servers.owner_url)
        row = owner.row("INSERT INTO tenants (name) VALUES ('cost') RETURNING tenant_id")
        assert row
        self._tenant_id = str(row["tenant_id"])
        self._owner = owner
        with self._catalog.transaction() as catalog:
            catalog.act_as(self._tenant_id)
            self._dataset_id = str(catalog.create_dataset("cost", DEFAULT_SCHEMA).dataset_id)

    def close(self) -> None:
        self._documents.close()

    def use_of(self, path: Path, times: int) -> FileUse:
        """The mean use of a file over several runs, after a warm-up run that also measures memory."""
        peaks = Steps()
        self._process(path, peaks, measures_memory=True)
        steps, before_s = Steps(), self._servers.postgres_cpu_s()
        for _ in range(times):
            file_id = self._process(path, steps)
        database_s = (self._servers.postgres_cpu_s() - before_s) / times
        uses = {
            step: Use(
                **{**{name: value / times for name, value in sums.items()}, "peak_mb": peaks.used[step]["peak_mb"]}
            )
            for step, sums in steps.used.items()
        }
        pages = self._store.pages(file_id)
        stored_bytes = sum(len(body) for key, body in self._objects.objects.items() if file_id in key)
        size = path.stat().st_size
        return FileUse(uses, database_s, size, stored_bytes, len(pages) or 1, sum(len(page.text) for page in pages))

    def _next_due(self) -> WakeUp | None:
        """The first requeued or delayed part that is due by now."""
        store = self._runner.ports.store
        store.wake_due(WOKEN_AT_ONCE)
        self._runner.dispatch(store.steps_with_backlog())
        return self._topics.next()

    def _process(self, path: Path, steps: Steps, *, measures_memory: bool = False) -> str:
        """Process one file from its arrival to its end. Measuring memory takes CPU time, so that is a separate run."""
        measure = self._memory if measures_memory else self._cpu
        file_id, key = self._announce(path)
        self._objects.objects[key] = path.read_bytes()
        self.counts.take()
        measure("arrivals", steps, lambda: take_arrivals(self._runner, [Arrival(key, None)]))
        while wake_up := self._topics.next() or self._next_due():
            measure(wake_up.step, steps, lambda message=wake_up: self._runner.run(message))  # type: ignore[misc]
        row = self._owner.row("SELECT state FROM files WHERE file_id = %(file_id)s", file_id=file_id)
        if row is None or row["state"] not in ("done", "partial"):
            raise SystemExit(f"{path.name} got no record: {row}")
        return file_id

    def _cpu(self, step: str, steps: Steps, act: Callable[[], object]) -> None:
        self.counts.take()
        before_s = cpu_s(self._family())
        started_s = time.process_time()
        act()
        spent_s = max(time.process_time() - started_s, cpu_s(self._family()) - before_s)
        steps.add(step, runs=1, cpu_s=spent_s, **self.counts.take())

    def _memory(self, step: str, steps: Steps, act: Callable[[], object]) -> None:
        with _peak(self._family) as peak:
            act()
        steps.add(step, peak_mb=peak[0] + RUNTIME_MB)

    def _family(self) -> set[int]:
        """The pids of this process and its decoders, without the servers."""
        servers = set().union(*(family(pid) for pid in self._servers.supervisor.pids().values()))
        return family(os.getpid()) - servers

    def _announce(self, path: Path) -> tuple[str, str]:
        described = [NewFile(path.name, path.stat().st_size)]
        with self._catalog.transaction() as catalog:
            catalog.act_as(self._tenant_id)
            batch = catalog.create_batch(self._dataset_id, allow_duplicates=True)
            assert batch
            (file,) = catalog.create_files(batch, described, 3600)
        return str(file.file_id), file.object_key


@contextmanager
def _peak(members: Callable[[], set[int]]) -> Iterator[list[float]]:
    """The peak memory of the decoders in MiB during the block, by frequent samples."""
    peak_mib, ended = [0.0], threading.Event()

    def sample() -> None:
        while not ended.is_set():
            decoders = members() - {os.getpid()}
            peak_mib[0] = max(peak_mib[0], memory_mib(decoders)[1])
            time.sleep(SAMPLE_S)

    sampler = threading.Thread(target=sample, daemon=True)
    sampler.start()
    try:
        yield peak_mib
    finally:
        ended.set()
        sampler.join()
