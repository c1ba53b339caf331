"""A worker: consumes the topics of `app.py` and calls their handlers outside of Lambda.

Each step gets as many threads as this worker has slots for it. The worker registers its slots, and dispatch follows the
registrations of all live workers. Untrusted files are decoded in child processes. A handler that far exceeds its step's
time limit can't be stopped, because it runs in a thread: the worker then finishes its other work and exits, and the
supervisor starts a new one.
"""

from __future__ import annotations

import compileall
import os
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from functions.pipelines import DECLARED_CONCURRENCY, INTAKE, slots
from infra.consumer import Consumer, Handler
from infra.membership import Membership
from infra.readiness import report_ready
from infra.timers import ended, every, keep_trying
from infra.topics import ARRIVALS, DISPATCH
from layers import bootstrap
from layers.attempts.held_claims import LONGEST_TIMES
from layers.attempts.runner import Runner
from layers.decoding.pausing import RUNNING_CALLS
from layers.domain.errors import StoreUnreachable
from layers.domain.fleet import BEAT_S
from layers.telemetry.log import log

EXPORTS_EVERY_S = 2.0  # one indexed query of each worker
WEBHOOKS_END_S = 2.0
RETIRE_IDLE_S = 60.0
HANG_GRACE_S = 60.0


def main() -> None:
    """Run one worker until SIGTERM or SIGINT."""
    # The settings are read first: the worker's name is part of every lease.
    settings = bootstrap.settings_for(DECLARED_CONCURRENCY)
    # Decoders may not write compiled code to disk, so without this each of them would compile every module.
    compileall.compile_dir(Path(bootstrap.__file__).parent, quiet=2)
    from functions import handlers, upkeep

    runs = slots(settings.step_slots)
    consumer = Consumer(
        settings.worker_name, bootstrap.source(), bootstrap.work_signal(), _handlers(runs), _store_is_up
    )
    membership = Membership(
        bootstrap.store(), bootstrap.fleet(), settings.worker_name, runs, RUNNING_CALLS.share_processors
    )
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())

    if not _topics_exist(stop, consumer.topics):
        raise SystemExit(1)
    keep_trying(stop, membership.beat)  # before the first dispatch, which follows the registered workers
    keep_trying(stop, lambda: upkeep.recover(handlers.runner(), settings.worker_name))
    consumer.start()
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
    exit_code = watch(stop, consumer, timers, longest_s, handlers.runner().tick)
    try:
        drain(consumer, membership, handlers.runner(), settings.drain_s, gives_back=stop.is_set())
        handlers.deliverer().finish(WEBHOOKS_END_S)
        bootstrap.documents().close()
    finally:
        os._exit(exit_code)  # consumers may still be waiting in a poll; there is nothing left to save


def drain(consumer: Consumer, membership: Membership, runner: Runner, within_s: float, *, gives_back: bool) -> None:
    """Receive nothing more, finish the running parts, requeue those that have not ended in time, and leave the fleet.

    A worker that exits because a handler hangs does not give its parts back: they count as lost with the worker, so
    that a part that hangs every worker is given up.
    """
    membership.drain()
    consumer.stop()
    runner.leave_all_to_others()
    has_ended = consumer.drain(within_s, runner.extend_leases)
    if gives_back and not has_ended:
        try:
            log("parts_given_back", worker=consumer.name, parts=runner.give_back())
        except Exception as error:  # their leases expire
            log("parts_not_given_back", worker=consumer.name, detail=str(error))
    membership.leave()


def watch(
    stop: threading.Event,
    consumer: Consumer,
    timers: Sequence[threading.Thread],
    longest_s: float,
    tick: Callable[[], Any],
    each_s: float = 1.0,
) -> int:
    """Call `tick` until `stop` is set, a handler hangs, or a thread has ended. Returns the exit code."""
    while not stop.wait(each_s):
        tick()
        if consumer.longest_busy_s() > longest_s:
            log("handler_hung", worker=consumer.name, busy_s=round(consumer.longest_busy_s()))
            return 0
        if dead := consumer.ended_threads() + ended(timers):
            # Nothing would do this thread's work any more. A new process has all its threads.
            log("thread_ended", worker=consumer.name, threads=dead)
            return 1
    return 0


def _handlers(runs: Mapping[str, int]) -> dict[str, tuple[Handler, int]]:
    """The handler and the number of threads of each topic that a worker with these slots consumes."""
    import app

    threads = {DISPATCH: 1, **runs} | ({ARRIVALS: 1} if INTAKE.name in runs else {})
    return {topic: (handler, threads[topic]) for topic, handler in app.TOPICS.items() if topic in threads}


def _start_timers(stop: threading.Event) -> list[threading.Thread]:
    """Start this worker's timers for pulse and upkeep; one worker does each of them for all. Returns the threads."""
    from functions import handlers, jobs, schedules, upkeep, webhooks

    upkeep_s, pulse_s = upkeep.UPKEEP_S, upkeep.PULSE_S
    return [
        every(upkeep_s, stop, "upkeep", lambda: upkeep.upkeep_in_turn(handlers.runner())),
        # On a timer, because a message to the dispatcher may be lost like any other.
        every(pulse_s, stop, "pulse", lambda: upkeep.pulse_in_turn(handlers.runner()), first_s=pulse_s),
        every(EXPORTS_EVERY_S, stop, "exports", lambda: handlers.run_exports(stop.is_set), first_s=EXPORTS_EVERY_S),
        every(jobs.CHECK_EVERY_S, stop, "jobs", handlers.run_jobs),
        every(webhooks.CHECK_EVERY_S, stop, "webhooks", lambda: handlers.deliver_webhooks(stop.is_set)),
        *(
            [every(schedules.CHECK_EVERY_S, stop, "schedules", handlers.start_due_schedules)]
            if bootstrap.settings().schedules == "workers"
            else []
        ),
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


if __name__ == "__main__":
    main()
