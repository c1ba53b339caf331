"""The handlers behind the triggers: the same on Lambda, in a worker, and in an embedded start."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from functions import exports, jobs, schedules, webhooks
from functions.arrivals import take_arrivals
from functions.pipelines import DECLARED_CONCURRENCY, INTAKE, PIPELINES, STEPS, slots
from functions.upkeep import PULSE_S, UPKEEP_S, erase_removed, pulse, remove_rest
from functions.upkeep import upkeep as run_upkeep
from layers import bootstrap, entry
from layers.attempts.runner import Runner
from layers.decoding.scratch import new_folder

Answer = dict[str, Any]
LAMBDA_EXPORT_S = 200.0  # of the 300 that upkeep may take
LAMBDA_ARCHIVE_BYTES = 64 * 2**20  # after which a zip file ends; one original may make it larger, and 512 MiB are free
LAMBDA_WEBHOOKS_S = 10.0  # of the time of each pulse


@bootstrap.once
def runner() -> Runner:
    """This process's runner, built at first use."""
    settings = bootstrap.settings_for(DECLARED_CONCURRENCY)
    return Runner(
        bootstrap.ports(),
        INTAKE,
        PIPELINES,
        settings.concurrency,
        host=settings.worker_name,
        quarantine_at=settings.quarantine_at,
        fleet=bootstrap.fleet(),
        ceilings=settings.ceilings,
        # On Lambda each step is a function of its own, with its own time limit and concurrency.
        may_follow=() if settings.on_lambda else slots(settings.step_slots),
    )


@bootstrap.once
def deliverer() -> webhooks.Deliverer:
    """This process's deliveries of webhooks, built at first use."""
    return webhooks.Deliverer(bootstrap.webhooks(), bootstrap.webhook_sender())


def run_step(event: entry.Event) -> Answer:
    """Run the steps that an event's wake-ups name."""
    return entry.handle(event, lambda body: runner().run_all(entry.wake_ups(body)))


def take_events(event: entry.Event) -> Answer:
    """Take an object store's events of created objects."""
    return entry.handle_together(
        event, lambda bodies: take_arrivals(runner(), [arrival for body in bodies for arrival in entry.arrivals(body)])
    )


def dispatch(event: entry.Event) -> Answer:
    """Run a pulse and erase removed files, once for all messages of the event."""
    pulses: list[int] = []

    def wake(_body: Any) -> None:
        if not pulses:
            pulses.append(pulse(runner()))
            remove_rest(runner())
            erase_removed(runner())
            if bootstrap.settings().on_lambda:  # a worker has a timer for jobs
                run_jobs()
                deliverer().run_for(LAMBDA_WEBHOOKS_S)

    return entry.handle(event, wake)


def upkeep(event: entry.Event) -> Answer:
    """Run a round of upkeep and schedule the pulses until the next one: AWS schedules nothing more often than a minute.

    An event that names a schedule starts its jobs instead.
    """
    if name := (event.get("detail") or {}).get("schedule"):
        return {"started": schedules.start(runner(), name), "slices": run_jobs()}
    for index in range(1, int(UPKEEP_S / PULSE_S)):
        runner().ports.topics.dispatch_later(index * PULSE_S)
    counts = run_upkeep(runner())
    run_exports(most_s=LAMBDA_EXPORT_S, archive_bytes=LAMBDA_ARCHIVE_BYTES)  # elsewhere the workers do this, on a timer
    return counts


def run_exports(
    is_stopping: Callable[[], bool] = lambda: False, most_s: float | None = None, archive_bytes: int | None = None
) -> None:
    """Write the exports that wait; with `most_s` only one."""
    objects, store = bootstrap.objects(), bootstrap.exports()
    while not is_stopping() and exports.run_next(
        store,
        objects,
        lambda: new_folder("export"),
        is_stopping=is_stopping,
        most_s=most_s,
        archive_bytes=archive_bytes,
    ):
        if most_s is not None:
            break


def deliver_webhooks(is_stopping: Callable[[], bool] = lambda: False) -> None:
    """Start to deliver the webhooks that are due."""
    deliverer().start_due(is_stopping)


def run_jobs() -> int:
    """Run slices of jobs that are due. Returns their number."""
    return jobs.advance(runner())


def start_due_schedules() -> list[str]:
    """Start the jobs of schedules that are due. Returns the names of the schedules."""
    return schedules.start_due(runner())


def migrate(event: entry.Event) -> Answer:
    """Bring database and topics up to date. Called by a person, or by CloudFormation for a new version or transport."""
    return entry.answer_cloudformation(event, lambda: {"applied": bootstrap.migrate(), "topics": _ensure_topics()})


def _ensure_topics() -> list[str]:
    at_once = bootstrap.settings_for(DECLARED_CONCURRENCY).concurrency
    return bootstrap.ensure_topics({step: at_once[step] for step in STEPS})
