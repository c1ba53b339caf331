"""Worker hosts whose work is a sleep: the real store, dispatcher, runner and membership, on a topic in memory or on Kafka."""

from __future__ import annotations

import queue
import random
import threading
import time
from collections.abc import Iterable
from typing import Protocol

from benchmarks.topics import WakeUpsOnly
from functions.upkeep import PULSE_S, UPKEEP_S, pulse_in_turn, upkeep_in_turn
from infra.membership import Membership
from infra.timers import every
from layers.adapters.postgres.database import Database
from layers.adapters.postgres.store import PostgresStore
from layers.attempts.fleet_view import FleetView
from layers.attempts.runner import Runner
from layers.attempts.work import Work
from layers.domain.file import File
from layers.domain.fleet import BEAT_S
from layers.domain.message import WakeUp, bundles
from layers.domain.page import Extraction
from layers.domain.step import Done, Pipeline, Step
from layers.ports import Ports, Topics
from tests.fakes import MemoryObjects

READER = "ocr"  # the step that `benchmarks.dispatch.fill` makes ready
LONGEST_POLL_S = 2.0  # how long a host waits for a message before it checks whether it should stop


class SharedTopic(WakeUpsOnly):
    """One topic in memory for all hosts."""

    def __init__(self) -> None:
        self._messages: queue.SimpleQueue[list[WakeUp]] = queue.SimpleQueue()

    def holds_messages(self, topic: str) -> bool:
        return not self._messages.empty()

    def publish(self, wake_ups: Iterable[WakeUp]) -> None:
        for bundle in bundles(list(wake_ups)):
            self._messages.put(bundle)

    def take(self) -> list[WakeUp]:
        """The wake-ups of the next message; empty if none comes for a while."""
        try:
            return self._messages.get(timeout=LONGEST_POLL_S)
        except queue.Empty:
            return []


class Topic(Topics, Protocol):
    """Topics from which hosts also receive."""

    def take(self) -> list[WakeUp]:
        """The wake-ups of the next message; empty if none comes for a while."""
        ...


class Host:
    """A worker with `slots` slots. A part takes `work_s` seconds, up to half of that more or less."""

    def __init__(self, name: str, database: Database, topic: Topic, slots: int, work_s: float) -> None:
        def read(file: File, work: Work) -> Done:
            time.sleep(work_s * random.uniform(0.5, 1.5))  # so that parts that begin together do not end together
            return Done(extraction=Extraction({}, (), {}))

        store, view = PostgresStore(database), FleetView()
        ports = Ports(store, MemoryObjects(), topic, None, None, None)  # type: ignore[arg-type]
        pipelines = (Pipeline("main", (Step(READER, read, timeout_s=600),)),)
        self.runner = Runner(ports, Step("intake", read), pipelines, {}, host=name, fleet=view)
        self._membership = Membership(store, view, name, {READER: slots})
        self._topic = topic
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(slots)]

    def start(self) -> None:
        """Register, start to work, and dispatch, as a worker does."""
        self._membership.beat()
        every(BEAT_S, self._stopping, "beat", self._membership.beat, first_s=BEAT_S)
        every(PULSE_S, self._stopping, "pulse", lambda: pulse_in_turn(self.runner), first_s=PULSE_S)
        every(UPKEEP_S, self._stopping, "upkeep", lambda: upkeep_in_turn(self.runner), first_s=PULSE_S)
        every(1.0, self._stopping, "tick", self.runner.tick, first_s=1.0)
        for thread in self._threads:
            thread.start()
        self.runner.dispatch([READER])

    def leave(self) -> None:
        """Take no more messages. Running parts continue; this does not wait for them."""
        self._stopping.set()
        self._membership.drain()

    def join(self) -> None:
        for thread in self._threads:
            thread.join()
        self._membership.leave()

    def _work(self) -> None:
        while not self._stopping.is_set():
            if taken := self._topic.take():
                self.runner.run_all(taken)
