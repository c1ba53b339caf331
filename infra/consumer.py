"""Consumes topics: threads that receive messages, call their handlers and acknowledge what was handled."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Any

from infra.acknowledgements import Acknowledgements
from infra.timers import ended, every
from infra.topics import ARRIVALS, DISPATCH
from layers.adapters.redis.work_signal import RedisWorkSignal
from layers.ports import MessageSource
from layers.telemetry.log import log

POLL_S = 20.0  # how often a topic is polled without a work signal
LONG_POLL_S = 2  # how long to wait for a message if there are no work signals
LONG_POLLED = (DISPATCH,)  # delayed messages send no signal
RECEIVED_AT_ONCE = {ARRIVALS: 10, DISPATCH: 10}  # otherwise one message, which may name several parts
ACKNOWLEDGE_S = 0.5

Handler = Callable[[dict[str, Any], Any], Any]


class Consumer:
    """Consumes topics until `stop`. `handlers` maps a topic to its handler and the number of its threads.

    After a message had to be returned to its queue, nothing is received until `store_is_up`, because a message that
    is received too often goes to the dead-letter queue.
    """

    def __init__(
        self,
        name: str,
        source: MessageSource,
        work_signal: RedisWorkSignal | None,
        handlers: dict[str, tuple[Handler, int]],
        store_is_up: Callable[[], bool] = lambda: True,
    ):
        self.name = name
        self._source = source
        self._handled = Acknowledgements(source)
        self._work_signal = work_signal
        self._handlers = handlers
        self._stopping = threading.Event()
        self._busy_since: dict[str, float] = {}
        self._store_is_up = store_is_up
        self._store_is_down = threading.Event()
        self._probe_lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    @property
    def topics(self) -> list[str]:
        return list(self._handlers)

    def start(self) -> None:
        """Start the consumer threads. Returns immediately."""
        self._source.start({topic: count for topic, (_, count) in self._handlers.items() if count})
        for topic, (handler, count) in self._handlers.items():
            for index in range(count):
                thread = threading.Thread(
                    target=self._consume, args=(topic, handler, index == 0), name=f"{topic}-{index}", daemon=True
                )
                thread.start()
                self._threads.append(thread)
        self._threads.append(every(ACKNOWLEDGE_S, self._stopping, "acknowledgements", self._handled.flush))

    def stop(self) -> None:
        self._stopping.set()
        self._source.stop()

    def ended_threads(self) -> list[str]:
        """The names of threads that have ended although the consumer is not being stopped."""
        return [] if self._stopping.is_set() else ended(self._threads)

    def drain(self, within_s: float, tend: Callable[[], Any] = lambda: None) -> bool:
        """Wait until no handler is running, while calling `tend`. Returns whether all ended in time."""
        deadline = time.monotonic() + within_s
        while self._busy_since and time.monotonic() < deadline:
            tend()
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
                wait_s = self._await_signal(topic, poll_is_due, polls)
                if wait_s is None:
                    continue
                if poll_is_due or wait_s:
                    next_poll = time.monotonic() + random.uniform(0.75, 1.0) * POLL_S
                    while self._take(topic, handler, wait_s) and not self._stopping.is_set():
                        wait_s = 0
                else:  # there is one signal for each message
                    self._take(topic, handler, wait_s)
            except Exception as error:
                log("consumer_failed", topic=topic, error=error)
                self._stopping.wait(random.uniform(0.5, 2.0))

    def _await_signal(self, topic: str, poll_is_due: bool, polls: bool) -> int | None:
        """How many seconds to wait when receiving a message. None if nothing indicates a message."""
        if self._source.is_buffered:
            return LONG_POLL_S
        if polls and topic in LONG_POLLED:
            return LONG_POLL_S
        if poll_is_due:
            return 0
        most = RECEIVED_AT_ONCE.get(topic, 1)
        signalled = self._work_signal.wait(topic, random.uniform(3, 5), most) if self._work_signal else None
        if signalled is None:
            self._stopping.wait(0.2)
            return LONG_POLL_S if polls else None
        return 0 if signalled else None

    def _await_store(self) -> None:
        """Sleep while the status store is down. One thread probes it for all."""
        while self._store_is_down.is_set() and not self._stopping.wait(random.uniform(0.2, 0.6)):
            if self._probe_lock.acquire(blocking=False):
                try:
                    if self._store_is_up():
                        self._store_is_down.clear()
                finally:
                    self._probe_lock.release()

    def _take(self, topic: str, handler: Handler, wait_s: int) -> bool:
        """Receive and handle messages. Returns whether to receive more at once.

        A thread that received a work signal while the store is down waits here, because the signal is not repeated.
        """
        self._await_store()
        if self._stopping.is_set():
            return False
        records = self._source.receive(topic, most=RECEIVED_AT_ONCE.get(topic, 1), wait_s=wait_s)
        if not records:
            return False
        if self._stopping.is_set():
            self._source.give_back(topic, records)
            return False
        thread = threading.current_thread().name
        self._busy_since[thread] = time.monotonic()
        try:
            response = handler({"Records": records}, None)
            returned = {failure["itemIdentifier"] for failure in (response or {}).get("batchItemFailures", ())}
            self._handled.add(topic, [r["receiptHandle"] for r in records if r["messageId"] not in returned])
            if returned:
                self._store_is_down.set()
                self._source.give_back(topic, [r for r in records if r["messageId"] in returned])
        finally:
            self._busy_since.pop(thread, None)
        return not returned
