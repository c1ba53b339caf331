"""One worker of the nine cells: Fairway's store and runner, on topics that are lists in Valkey.

    python -m benchmarks.cells.worker NAME PLACE

The addresses stand in its environment. It ends by SIGTERM, as a worker does.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable

import redis

from benchmarks.overhead.ours import STEPS, runner_on
from benchmarks.topics import WakeUpsOnly
from functions.upkeep import PULSE_S, UPKEEP_S, pulse, recover, upkeep
from layers.database import Database
from layers.domain.errors import StoreUnreachable
from layers.domain.message import WakeUp, load_as_json, load_from_json, loads
from layers.runner import Runner

THREADS = 2
WAIT_S = 1.0
AWAY_S = 0.2


class ListTopics(WakeUpsOnly):
    """Topics that outlive the workers: one list for all steps."""

    def __init__(self, url: str) -> None:
        self._client = redis.Redis.from_url(url)

    def publish(self, wake_ups: Iterable[WakeUp]) -> None:
        bodies = [json.dumps(load_as_json(load)) for load in loads(list(wake_ups))]
        if bodies:
            self._client.lpush("cells", *bodies)

    def take(self) -> bytes | None:
        found = self._client.brpop(["cells"], timeout=WAIT_S)
        return found[1] if found else None  # type: ignore[index,return-value]

    def give_back(self, body: bytes) -> None:
        self._client.rpush("cells", body)


def consume(runner: Runner, topics: ListTopics, stop: threading.Event) -> None:
    while not stop.is_set():
        body = topics.take()
        if body is None:
            continue
        try:
            runner.run_all(load_from_json(json.loads(body)))
        except StoreUnreachable:
            topics.give_back(body)
            stop.wait(AWAY_S)


def every(seconds: float, stop: threading.Event, do: Callable[[], object]) -> None:
    while not stop.wait(seconds):
        try:
            do()
        except StoreUnreachable:
            continue


def main() -> None:
    sys.stderr = open(os.devnull, "w")  # what is measured is the store, not where its log goes
    name, place = sys.argv[1], int(sys.argv[2])
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    topics = ListTopics(os.environ["FAIRWAY_REDIS_URL"])
    runner = runner_on(Database(os.environ["FAIRWAY_DATABASE_URL"]), topics, name)
    while not stop.is_set():
        try:
            recover(runner, name)
            break
        except StoreUnreachable:
            time.sleep(AWAY_S)
    jobs: list[tuple[Callable[..., None], tuple[object, ...]]] = [(consume, (runner, topics, stop))] * THREADS
    jobs.append((every, (PULSE_S, stop, lambda: pulse(runner))))
    # Whatever was readied while the store was away, and by whom nobody dispatched.
    jobs.append((every, (0.1, stop, lambda: runner.dispatch(STEPS))))
    if place == 0:
        jobs.append((every, (UPKEEP_S, stop, lambda: upkeep(runner))))
    threads = [threading.Thread(target=do, args=given, daemon=True) for do, given in jobs]
    for thread in threads:
        thread.start()
    print("ready", flush=True)
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
