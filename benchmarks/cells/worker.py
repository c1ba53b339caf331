"""One worker of the nine cells: Fairway's worker, store and runner, with topics that are lists in Valkey.

    python -m benchmarks.cells.worker NAME

The URLs are in its environment. SIGTERM ends it, as it ends any worker.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Iterable, Sequence
from typing import Any, cast

import redis

from benchmarks.overhead.fairway_chain import CONCURRENCY, STEPS, runner_on
from benchmarks.topics import WakeUpsOnly
from functions.dispatch import dispatch
from functions.upkeep import PULSE_S, UPKEEP_S, pulse_in_turn, recover, upkeep_in_turn
from infra.consumer import Consumer
from infra.timers import every, keep_trying
from layers import entry
from layers.adapters.postgres.database import Database
from layers.domain.errors import StoreUnreachable
from layers.domain.message import WakeUp, bundle_as_json, bundles

WORKERS = 2
DRAIN_S = 8.0
DISPATCH = "dispatch"


class ListTopics(WakeUpsOnly):
    """Topics as lists in Valkey, which outlive the workers. They are also the work signal: waiting takes a message.

    If the worker is then killed, its message is lost, as with a broker that loses messages.
    """

    def __init__(self, url: str) -> None:
        self._client: Any = redis.Redis.from_url(url)
        self._local = threading.local()  # the messages that this thread took while waiting, and has not received yet

    def holds_messages(self, topic: str) -> bool:
        return False

    def publish(self, wake_ups: Iterable[WakeUp]) -> None:
        for bundle in bundles(list(wake_ups)):
            self._client.lpush(key(bundle[0].step), json.dumps(bundle_as_json(bundle)))

    def dispatch_later(self, delay_s: float) -> None:
        timer = threading.Timer(delay_s, lambda: self._client.lpush(key(DISPATCH), "{}"))
        timer.daemon = True
        timer.start()

    def wait(self, topic: str, timeout_s: float, most: int = 1) -> bool:
        if not self._taken():
            found = self._client.brpop([key(topic)], timeout=timeout_s)
            self._local.taken = [found[1]] if found else []
        return bool(self._taken())

    def receive(self, topic: str, *, most: int, wait_s: float) -> list[dict[str, Any]]:
        if wait_s:
            self.wait(topic, wait_s)
        bodies, self._local.taken = self._taken(), []
        if len(bodies) < most:
            bodies += self._client.rpop(key(topic), most - len(bodies)) or []
        return [{"messageId": str(index), "receiptHandle": body, "body": body} for index, body in enumerate(bodies)]

    def delete(self, topic: str, receipt_handles: Sequence[bytes]) -> None:
        return None

    def give_back(self, topic: str, records: Sequence[dict[str, Any]]) -> None:
        if records:
            self._client.rpush(key(topic), *(record["body"] for record in records))

    def _taken(self) -> list[bytes]:
        return getattr(self._local, "taken", [])


def key(topic: str) -> str:
    return f"cells:{topic}"


def main() -> None:
    sys.stderr = open(os.devnull, "w")  # the benchmark measures the store, not its log
    name = sys.argv[1]
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    redis_url = os.environ["FAIRWAY_REDIS_URL"]
    topics = ListTopics(redis_url)
    runner = runner_on(Database(os.environ["FAIRWAY_DATABASE_URL"]), topics, name, redis_url)

    def run(event: dict[str, Any], _context: Any) -> dict[str, Any]:
        return entry.handle(event, lambda body: runner.run_all(entry.wake_ups(body)))

    def dispatch_all(event: dict[str, Any], _context: Any) -> dict[str, Any]:
        return entry.handle_together(event, lambda _: dispatch(runner))

    def store_is_up() -> bool:
        try:
            return runner.ports.store.is_up()
        except StoreUnreachable:
            return False

    handlers = {**dict.fromkeys(STEPS, (run, CONCURRENCY // WORKERS)), DISPATCH: (dispatch_all, 1)}
    keep_trying(stop, lambda: recover(runner, name))
    consumer = Consumer(name, cast(Any, topics), cast(Any, topics), cast(Any, handlers), store_is_up)
    consumer.start()
    print("ready", flush=True)
    every(UPKEEP_S, stop, "upkeep", lambda: upkeep_in_turn(runner))
    every(PULSE_S, stop, "pulse", lambda: pulse_in_turn(runner))
    while not stop.wait(1.0):
        runner.tick()
    consumer.stop()
    os._exit(0 if consumer.drain(DRAIN_S) else 1)


if __name__ == "__main__":
    main()
