"""A chain of three steps that do nothing, on Fairway with its real store and runner.

    python -m benchmarks.overhead.fairway_chain WORKER [--topics]

Runs one worker. The URLs are in its environment. Without `--topics`, each process runs the work that it published itself.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from benchmarks.topics import WakeUpsOnly
from functions.upkeep import find_lost_work, recover
from infra.consumer import Consumer
from layers import bootstrap, entry
from layers.adapters.postgres.database import Database
from layers.adapters.postgres.store import PostgresStore
from layers.adapters.redis.breakers import RedisBreakers
from layers.adapters.redis.change_notifications import RedisChangeNotifications
from layers.attempts.runner import Runner
from layers.attempts.work import Work
from layers.domain.file import File
from layers.domain.message import WakeUp, bundles
from layers.domain.page import Extraction, Identity
from layers.domain.step import Done, Part, Pipeline, Plan, step
from layers.ports import Ports, Topics
from tests.fakes import MemoryObjects

CONCURRENCY = 16
IDLE_S = 0.002


def cheap(_file: File) -> Plan:
    return (Part(cost_estimate_s=0.001),)


@step(parts_per_message=10)
def intake(file: File, work: Work) -> Done:
    return Done(identity=Identity("text/plain", 1), size_bytes=1)


@step(plan=cheap, parts_per_message=10)
def second(file: File, work: Work) -> Done:
    return Done()


@step(plan=cheap, parts_per_message=10)
def third(file: File, work: Work) -> Done:
    return Done(extraction=Extraction({}, (), {}))


PIPELINES = (Pipeline("main", (second, third)),)
STEPS = ("intake", "second", "third")
TOPICS = (*STEPS, "arrivals", "dispatch")


class InProcessQueue(WakeUpsOnly):
    """Topics without any cost: a process runs the work that it publishes itself."""

    def __init__(self) -> None:
        self.waiting: deque[list[WakeUp]] = deque()

    def holds_messages(self, topic: str) -> bool:
        return False

    def publish(self, wake_ups: Iterable[WakeUp]) -> None:
        self.waiting.extend(bundles(list(wake_ups)))

    def take(self) -> list[WakeUp]:
        """The wake-ups of one message; an empty list if none is waiting."""
        return self.waiting.popleft() if self.waiting else []


def runner_on(database: Database, topics: Topics, host: str, redis_url: str = "") -> Runner:
    """The runner of one worker. With Redis it uses the circuit breakers there, and publishes change notifications."""
    ports = Ports(
        store=PostgresStore(database),
        objects=MemoryObjects(),
        topics=topics,
        documents=None,  # type: ignore[arg-type]
        extractor=None,  # type: ignore[arg-type]
        paid_reader=None,
    )
    if redis_url:
        ports = replace(ports, notifications=RedisChangeNotifications(redis_url), breakers=RedisBreakers(redis_url))
    return Runner(ports, intake, PIPELINES, dict.fromkeys(STEPS, CONCURRENCY), host=host)


def work(runner: Runner, queue: InProcessQueue, stop: threading.Event) -> None:
    """Run the waiting messages; dispatch when there are none."""
    while not stop.is_set():
        taken = queue.take()
        if taken:
            runner.run_all(taken)
        elif not runner.dispatch(STEPS):
            time.sleep(IDLE_S)


def work_on_topics(database: Database, name: str) -> None:
    """Run like a worker of the embedded start: woken by the work signal, with messages from SQS."""
    runner = runner_on(database, bootstrap.topics(), name, bootstrap.settings().redis_url)

    def run(event: dict[str, Any], _context: Any) -> dict[str, Any]:
        return entry.handle(event, lambda body: runner.run_all(entry.wake_ups(body)))

    recover(runner, name)
    Consumer(name, bootstrap.queues(), bootstrap.work_signal(), dict.fromkeys(STEPS, (run, CONCURRENCY // 2))).start()
    print("ready", flush=True)
    find_lost_work(runner)
    threading.Event().wait()


def main() -> None:
    sys.stderr = open(os.devnull, "w")  # the benchmark measures the step, not its log
    database = Database(os.environ["FAIRWAY_DATABASE_URL"])
    if "--topics" in sys.argv:
        work_on_topics(database, sys.argv[1])
    queue = InProcessQueue()
    runner = runner_on(database, queue, sys.argv[1])
    recover(runner, sys.argv[1])
    find_lost_work(runner)
    print("ready", flush=True)
    work(runner, queue, threading.Event())


if __name__ == "__main__":
    main()
