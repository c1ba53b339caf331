"""A worker: polls the topics that `app.py` names and calls its handlers, outside of Lambda.

Each function gets its share of the reserved concurrency in threads; what decodes a stranger's bytes runs in
child processes of its own. A handler that outlives its step's time limit by far can't be stopped in a
thread: the worker then finishes what else it holds, ends, and is started anew.
"""

from __future__ import annotations

import compileall
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from functions.pipelines import concurrency
from infra.acknowledgements import Acknowledgements
from layers import bootstrap
from layers.adapters.aws.sqs_topics import SqsTopics
from layers.adapters.redis.work_signal import RedisWorkSignal
from layers.attempts.held_claims import LONGEST_TIMES
from layers.domain.errors import StoreUnreachable
from layers.telemetry.log import log

POLL_S = 20.0  # how often a topic is looked at although its bell did not ring
LONG_POLL_S = 2  # the store's longest wait for a message, where there is no bell
LISTENED_TO = ("dispatch",)  # delayed messages ring no bell
RECEIVED_AT_ONCE = {"arrivals": 10, "dispatch": 10}  # else one: it may name several parts
IDLE_LOOK_S = 60.0
ACKNOWLEDGED_EACH_S = 0.5
HANG_GRACE_S = 60.0
DRAIN_S = 8.0

Handler = Callable[[dict[str, Any], Any], Any]


class Worker:
    """Consumes topics until told to stop. `handlers` maps a topic to its handler and thread count.

    Once a message had to be given back, nothing is received until `store_is_up`: to receive a message again and
    again would make its queue give it up.
    """

    def __init__(
        self,
        name: str,
        topics: SqsTopics,
        bell: RedisWorkSignal | None,
        handlers: dict[str, tuple[Handler, int]],
        store_is_up: Callable[[], bool] = lambda: True,
    ):
        self.name = name
        self._topics = topics
        self._handled = Acknowledgements(topics)
        self._bell = bell
        self._handlers = handlers
        self._stopping = threading.Event()
        self._busy_since: dict[str, float] = {}
        self._store_is_up = store_is_up
        self._store_is_away = threading.Event()
        self._asking = threading.Lock()

    def start(self) -> None:
        """Start the consumer threads; returns at once."""
        for topic, (handler, count) in self._handlers.items():
            for place in range(count):
                threading.Thread(
                    target=self._consume, args=(topic, handler, place == 0), name=f"{topic}-{place}", daemon=True
                ).start()
        every(ACKNOWLEDGED_EACH_S, self._stopping, "acknowledgements", self._handled.flush)

    def stop(self) -> None:
        self._stopping.set()

    def drain(self, within_s: float) -> bool:
        """Wait until no handler is at work; whether that came about in time."""
        deadline = time.monotonic() + within_s
        while self._busy_since and time.monotonic() < deadline:
            time.sleep(0.05)
        self._handled.flush()
        return not self._busy_since

    def longest_busy_s(self) -> float:
        now = time.monotonic()
        return max((now - since for since in list(self._busy_since.values())), default=0.0)

    def _consume(self, topic: str, handler: Handler, polls: bool) -> None:
        next_poll = 0.0
        while not self._stopping.is_set():
            try:
                poll_is_due = polls and time.monotonic() >= next_poll
                news = self._await_news(topic, poll_is_due, polls)
                if news is None:
                    continue
                if poll_is_due or news:
                    next_poll = time.monotonic() + random.uniform(0.75, 1.0) * POLL_S
                    while self._take(topic, handler, wait_s=news) and not self._stopping.is_set():
                        news = 0
                else:  # it rings once a message
                    self._take(topic, handler, wait_s=0)
            except Exception as error:
                log("consumer_broke", topic=topic, error=error)
                self._stopping.wait(random.uniform(0.5, 2.0))

    def _await_news(self, topic: str, poll_is_due: bool, polls: bool) -> int | None:
        """Seconds to wait for a message in the topic itself, or None when there is no sign of one."""
        if polls and topic in LISTENED_TO:
            return LONG_POLL_S
        if poll_is_due:
            return 0
        most = RECEIVED_AT_ONCE.get(topic, 1)
        rang = self._bell.wait(topic, random.uniform(3, 5), most) if self._bell else None
        if rang is None:
            self._stopping.wait(0.2)
            return LONG_POLL_S if polls else None
        return 0 if rang else None

    def _await_store(self) -> None:
        """Sleep while the status store is away; one thread asks for all."""
        while self._store_is_away.is_set() and not self._stopping.wait(random.uniform(0.2, 0.6)):
            if self._asking.acquire(blocking=False):
                try:
                    if self._store_is_up():
                        self._store_is_away.clear()
                finally:
                    self._asking.release()

    def _take(self, topic: str, handler: Handler, wait_s: int) -> bool:
        """Handle what there is; whether more may be looked for at once. Whoever heard the bell while the store is away
        waits here: it does not ring again for a message that lies there."""
        self._await_store()
        if self._stopping.is_set():
            return False
        records = self._topics.receive(topic, most=RECEIVED_AT_ONCE.get(topic, 1), wait_s=wait_s)
        if not records:
            return False
        me = threading.current_thread().name
        self._busy_since[me] = time.monotonic()
        try:
            answer = handler({"Records": records}, None)
            given_back = {one["itemIdentifier"] for one in (answer or {}).get("batchItemFailures", ())}
            self._handled.add(topic, [r["receiptHandle"] for r in records if r["messageId"] not in given_back])
            if given_back:
                self._store_is_away.set()
                self._topics.give_back(topic, [r["receiptHandle"] for r in records if r["messageId"] in given_back])
        finally:
            self._busy_since.pop(me, None)
        return not given_back


def share(concurrency: int, workers: int, place: int) -> int:
    """How many of a function's threads the worker at this place (from 0) gets; at least one in all."""
    return max(1 if place == 0 else 0, concurrency // workers + (place < concurrency % workers))


def main() -> None:
    """Run one worker until SIGTERM or SIGINT."""
    # The name is read before anything is built: it stands in every lease.
    settings = bootstrap.settings()
    # Decoders may not write beside their own code: without this each of them would compile it anew.
    compileall.compile_dir(Path(bootstrap.__file__).parent, quiet=2)
    import app
    from functions import handlers, upkeep

    place = settings.worker_place - 1
    at_once = concurrency(settings.concurrency)
    shares = {
        topic: (handler, share(at_once.get(topic, 1), settings.workers, place)) for topic, handler in app.TOPICS.items()
    }
    worker = Worker(settings.worker_name, bootstrap.queues(), bootstrap.work_signal(), shares, _store_is_up)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())

    keep_trying(stop, lambda: upkeep.recover(handlers.runner(), settings.worker_name))
    worker.start()
    log("worker_ready", worker=settings.worker_name, pid=os.getpid())
    looks_back = (stop, lambda: upkeep.look_back(handlers.runner(), stop.wait))
    threading.Thread(target=keep_trying, args=looks_back, name="look_back", daemon=True).start()
    # As long as the longest lease may be extended: until then an attempt may be waiting for its turn.
    longest_s = LONGEST_TIMES * max(step.timeout_s for step in handlers.runner().steps.values()) + HANG_GRACE_S
    round_s = upkeep.UPKEEP_S * max(1, settings.workers)
    every(round_s, stop, "upkeep", lambda: upkeep.upkeep(handlers.runner()), first_s=place * upkeep.UPKEEP_S)
    # By a clock of its own: a wake-up of the dispatcher may be lost like any other message.
    pulse_s = upkeep.PULSE_S
    every(pulse_s, stop, "pulse", lambda: upkeep.pulse(handlers.runner(), sweeps=True), first_s=pulse_s)
    next_look = time.monotonic() + IDLE_LOOK_S
    while not stop.wait(1.0):
        handlers.runner().tick()
        if time.monotonic() >= next_look:
            next_look = time.monotonic() + IDLE_LOOK_S
            bootstrap.documents().retire_idle()
        if worker.longest_busy_s() > longest_s:
            log("handler_hangs", worker=settings.worker_name, busy_s=round(worker.longest_busy_s()))
            break
    worker.stop()
    worker.drain(DRAIN_S)
    bootstrap.documents().close()
    os._exit(0)  # consumers may still sleep in a poll; nothing after the last commit matters


def _store_is_up() -> bool:
    try:
        return bootstrap.store().is_up()
    except StoreUnreachable:
        return False


def every(seconds: float, stop: threading.Event, name: str, do: Callable[[], Any], *, first_s: float = 0.0) -> None:
    """Do it at this interval, in a thread of its own, one time after the other."""

    def go_on() -> None:
        wait_s = first_s
        while not stop.wait(wait_s):
            began = time.monotonic()
            try:
                do()
            except Exception as error:
                log("timer_broke", timer=name, detail=str(error))
            wait_s = max(0.0, seconds - (time.monotonic() - began))

    threading.Thread(target=go_on, name=name, daemon=True).start()


def keep_trying(stop: threading.Event, do: Callable[[], Any]) -> None:
    while not stop.is_set():
        try:
            do()
            return
        except Exception as error:
            log("worker_waits", detail=str(error))
            stop.wait(1.0)


if __name__ == "__main__":
    main()
