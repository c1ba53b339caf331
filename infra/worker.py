"""A worker: consumes the topics of `app.py` and calls their handlers outside of Lambda.

Each step gets as many threads as this worker has slots for it. The worker registers its slots, and dispatch follows the
registrations of all live workers. Untrusted files are decoded in child processes. A handler that far exceeds its step's
time limit can't be stopped, because it runs in a thread: the worker then finishes its other work and exits, and the
supervisor starts a new one.
"""

from __future__ import annotations

import compileall
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from functions.pipelines import DECLARED_CONCURRENCY, INTAKE, slots
from infra.acknowledgements import Acknowledgements
from infra.membership import Membership
from infra.readiness import report_ready
from infra.topics import ARRIVALS, DISPATCH
from layers import bootstrap
from layers.adapters.redis.work_signal import RedisWorkSignal
from layers.attempts.held_claims import LONGEST_TIMES
from layers.attempts.runner import Runner
from layers.decoding.pausing import RUNNING_CALLS
from layers.domain.errors import StoreUnreachable
from layers.domain.fleet import BEAT_S
from layers.ports import MessageSource
from layers.telemetry.log import log

POLL_S = 20.0  # how often a topic is polled without a work signal
LONG_POLL_S = 2  # how long to wait for a message if there are no work signals
LONG_POLLED = (DISPATCH,)  # delayed messages send no signal
RECEIVED_AT_ONCE = {ARRIVALS: 10, DISPATCH: 10}  # otherwise one message, which may name several parts
RETIRE_IDLE_S = 60.0
ACKNOWLEDGE_S = 0.5
HANG_GRACE_S = 60.0

Handler = Callable[[dict[str, Any], Any], Any]


class Worker:
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
                consumer = threading.Thread(
                    target=self._consume, args=(topic, handler, index == 0), name=f"{topic}-{index}", daemon=True
                )
                consumer.start()
                self._threads.append(consumer)
        self._threads.append(every(ACKNOWLEDGE_S, self._stopping, "acknowledgements", self._handled.flush))

    def stop(self) -> None:
        self._stopping.set()
        self._source.stop()

    def ended_threads(self) -> list[str]:
        """The names of threads that have ended although the worker is not being stopped."""
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
        me = threading.current_thread().name
        self._busy_since[me] = time.monotonic()
        try:
            response = handler({"Records": records}, None)
            returned = {failure["itemIdentifier"] for failure in (response or {}).get("batchItemFailures", ())}
            self._handled.add(topic, [r["receiptHandle"] for r in records if r["messageId"] not in returned])
            if returned:
                self._store_is_down.set()
                self._source.give_back(topic, [r for r in records if r["messageId"] in returned])
        finally:
            self._busy_since.pop(me, None)
        return not returned


def main() -> None:
    """Run one worker until SIGTERM or SIGINT."""
    # The settings are read first: the worker's name is part of every lease.
    settings = bootstrap.settings_for(DECLARED_CONCURRENCY)
    # Decoders may not write compiled code to disk, so without this each of them would compile every module.
    compileall.compile_dir(Path(bootstrap.__file__).parent, quiet=2)
    from functions import handlers, upkeep

    runs = slots(settings.step_slots)
    worker = Worker(settings.worker_name, bootstrap.source(), bootstrap.work_signal(), _handlers(runs), _store_is_up)
    membership = Membership(
        bootstrap.store(), bootstrap.fleet(), settings.worker_name, runs, RUNNING_CALLS.share_processors
    )
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())

    if not _topics_exist(stop, worker.topics):
        raise SystemExit(1)
    keep_trying(stop, membership.beat)  # before the first dispatch, which follows the registered workers
    keep_trying(stop, lambda: upkeep.recover(handlers.runner(), settings.worker_name))
    worker.start()
    log("worker_ready", worker=settings.worker_name, pid=os.getpid())
    report_ready()
    find_lost_work = (stop, lambda: upkeep.find_lost_work(handlers.runner(), stop.wait))
    threading.Thread(target=keep_trying, args=find_lost_work, name="find_lost_work", daemon=True).start()
    # The longest time to which a lease may be extended: until then an attempt may be waiting for the CPU.
    longest_s = LONGEST_TIMES * max(step.timeout_s for step in handlers.runner().steps.values()) + HANG_GRACE_S
    timers = [*_start_timers(stop), every(BEAT_S, stop, "beat", membership.beat, first_s=BEAT_S)]
    timers.append(
        every(RETIRE_IDLE_S, stop, "retire_idle", lambda: bootstrap.documents().retire_idle(), first_s=RETIRE_IDLE_S)
    )
    exit_code = watch(stop, worker, timers, longest_s, handlers.runner().tick)
    try:
        drain(worker, membership, handlers.runner(), settings.drain_s, gives_back=stop.is_set())
        bootstrap.documents().close()
    finally:
        os._exit(exit_code)  # consumers may still be waiting in a poll; there is nothing left to save


def drain(worker: Worker, membership: Membership, runner: Runner, within_s: float, *, gives_back: bool) -> None:
    """Receive nothing more, finish the running parts, requeue those that have not ended in time, and leave the fleet.

    A worker that exits because a handler hangs does not give its parts back: they count as lost with the worker, so
    that a part that hangs every worker is given up.
    """
    membership.drain()
    worker.stop()
    has_ended = worker.drain(within_s, runner.extend_leases)
    if gives_back and not has_ended:
        try:
            log("parts_given_back", worker=worker.name, parts=runner.give_back())
        except Exception as error:  # their leases expire
            log("parts_not_given_back", worker=worker.name, detail=str(error))
    membership.leave()


def watch(
    stop: threading.Event,
    worker: Worker,
    timers: Sequence[threading.Thread],
    longest_s: float,
    tick: Callable[[], Any],
    each_s: float = 1.0,
) -> int:
    """Call `tick` until `stop` is set, a handler hangs, or a thread has ended. Returns the exit code."""
    while not stop.wait(each_s):
        tick()
        if worker.longest_busy_s() > longest_s:
            log("handler_hung", worker=worker.name, busy_s=round(worker.longest_busy_s()))
            return 0
        if dead := worker.ended_threads() + ended(timers):
            # Nothing would do this thread's work any more. A new process has all its threads.
            log("thread_ended", worker=worker.name, threads=dead)
            return 1
    return 0


def _handlers(runs: Mapping[str, int]) -> dict[str, tuple[Handler, int]]:
    """The handler and the number of threads of each topic that a worker with these slots consumes."""
    import app

    threads = {DISPATCH: 1, **runs} | ({ARRIVALS: 1} if INTAKE.name in runs else {})
    return {topic: (handler, threads[topic]) for topic, handler in app.TOPICS.items() if topic in threads}


def _start_timers(stop: threading.Event) -> list[threading.Thread]:
    """Start this worker's timers for pulse and upkeep; one worker does each of them for all. Returns the threads."""
    from functions import handlers, upkeep

    upkeep_s, pulse_s = upkeep.UPKEEP_S, upkeep.PULSE_S
    return [
        every(upkeep_s, stop, "upkeep", lambda: upkeep.upkeep_in_turn(handlers.runner())),
        # On a timer, because a message to the dispatcher may be lost like any other.
        every(pulse_s, stop, "pulse", lambda: upkeep.pulse_in_turn(handlers.runner()), first_s=pulse_s),
    ]


def _topics_exist(stop: threading.Event, topics: Sequence[str]) -> bool:
    """Whether the topics of the broker exist, once it answers."""
    found: list[list[str]] = []
    keep_trying(stop, lambda: found.append(bootstrap.missing_topics(topics)))
    missing = found[0] if found else []
    if missing:
        detail = f"Kafka has no topic {', '.join(missing)}; `python -m infra.setup` creates the topics"
        log("topics_missing", detail=detail)
    return not missing


def _store_is_up() -> bool:
    try:
        return bootstrap.store().is_up()
    except StoreUnreachable:
        return False


def every(
    seconds: float, stop: threading.Event, name: str, do: Callable[[], Any], *, first_s: float = 0.0
) -> threading.Thread:
    """Call `do` at this interval in a new thread. Returns the thread."""

    def repeat() -> None:
        wait_s = first_s
        while not stop.wait(wait_s):
            started = time.monotonic()
            try:
                do()
            except Exception as error:
                log("timer_failed", timer=name, detail=str(error))
            wait_s = max(0.0, seconds - (time.monotonic() - started))

    timer = threading.Thread(target=repeat, name=name, daemon=True)
    timer.start()
    return timer


def ended(threads: Iterable[threading.Thread]) -> list[str]:
    """The names of the threads that have ended."""
    return [thread.name for thread in threads if not thread.is_alive()]


def keep_trying(stop: threading.Event, do: Callable[[], Any]) -> None:
    """Call `do` until it succeeds, once a second."""
    while not stop.is_set():
        try:
            do()
            return
        except Exception as error:
            log("startup_task_failed", detail=str(error))
            stop.wait(1.0)


if __name__ == "__main__":
    main()
