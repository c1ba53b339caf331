"""Fairway's own cost of a step: a chain of three steps that do nothing, on the real store and runner.

Run as a program it is one worker: `python -m benchmarks.overhead.ours WORKER` with the addresses in its environment.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable

from functions.upkeep import recover
from layers.adapters.memory import MemoryObjects
from layers.adapters.postgres_store import PostgresStore
from layers.database import Database
from layers.domain.file import File
from layers.domain.message import WakeUp
from layers.domain.page import Extraction, Identity
from layers.domain.step import Done, Pipeline, step
from layers.ports import Ports
from layers.runner import Runner
from layers.work import Work

CONCURRENCY = 16
IDLE_S = 0.002


@step(at_once=10)
def intake(file: File, work: Work) -> Done:
    return Done(identity=Identity("text/plain", 1), size_bytes=1)


@step(at_once=10)
def second(file: File, work: Work) -> Done:
    return Done()


@step(at_once=10)
def third(file: File, work: Work) -> Done:
    return Done(extraction=Extraction({}, (), {}))


PIPELINES = (Pipeline("main", (second, third)),)
STEPS = ("intake", "second", "third")


class OwnQueue:
    """A topic of no cost: what a process publishes it runs itself."""

    def __init__(self) -> None:
        self.waiting: deque[WakeUp] = deque()

    def publish(self, wake_ups: Iterable[WakeUp]) -> None:
        self.waiting.extend(wake_ups)

    def dispatch_later(self, delay_s: float) -> None:
        return None

    def is_up(self) -> bool:
        return True

    def take(self, most: int) -> list[WakeUp]:
        """Some wake-ups of one step."""
        taken: list[WakeUp] = []
        while self.waiting and len(taken) < most and (not taken or self.waiting[0].step == taken[0].step):
            taken.append(self.waiting.popleft())
        return taken


def runner_on(database: Database, topics: object, host: str, concurrency: int = CONCURRENCY) -> Runner:
    ports = Ports(
        store=PostgresStore(database),
        objects=MemoryObjects(),
        topics=topics,  # type: ignore[arg-type]
        documents=None,  # type: ignore[arg-type]
        extractor=None,  # type: ignore[arg-type]
        paid_reader=None,
    )
    return Runner(ports, intake, PIPELINES, dict.fromkeys(STEPS, concurrency), host=host)


def work(runner: Runner, queue: OwnQueue, stop: threading.Event) -> None:
    """Run what is waiting; look for more when there is none."""
    while not stop.is_set():
        taken = queue.take(10)
        if taken:
            runner.run_all(taken)
        elif not runner.dispatch(STEPS):
            time.sleep(IDLE_S)


def main() -> None:
    sys.stderr = open(os.devnull, "w")  # what is measured is the step, not where its log goes
    queue = OwnQueue()
    runner = runner_on(Database(os.environ["FAIRWAY_DATABASE_URL"]), queue, sys.argv[1])
    recover(runner, sys.argv[1])
    print("ready", flush=True)
    work(runner, queue, threading.Event())


if __name__ == "__main__":
    main()
