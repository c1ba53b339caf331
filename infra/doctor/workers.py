"""Checks the workers: whether they are live, run the same version and every step, and keep up with the work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from infra.setup.results import Result, ok, warning, wrong
from layers.domain.breaker import Breaker, Mode
from layers.ports import Backlog
from layers.version import VERSION

WAITS_LONG_S = 900.0


@dataclass(frozen=True, slots=True)
class LiveWorker:
    """A live worker: its name, host and version, and the steps that it runs."""

    worker: str
    host: str
    version: str
    steps: Collection[str]


def check_fleet(workers: Sequence[LiveWorker], steps: Collection[str]) -> Iterator[Result]:
    """Whether the live workers run every step, and all the same version."""
    if not workers:
        yield wrong("No worker is running: start `python -m infra.worker` on at least one host")
        return
    hosts = len({worker.host for worker in workers})
    yield ok(f"{len(workers)} workers run on {hosts} host{'s' if hosts > 1 else ''}")
    versions = Counter(worker.version for worker in workers)
    if len(versions) > 1:
        shown = ", ".join(f"{count} run {version}" for version, count in sorted(versions.items()))
        yield warning(f"Workers of different versions are running: {shown}. Finish the upgrade")
    elif VERSION not in versions:
        (version,) = versions
        yield warning(f"The workers run {version}, and this is {VERSION}: finish the upgrade")
    unserved = [step for step in steps if not any(step in worker.steps for worker in workers)]
    if unserved:
        yield wrong(
            f"No worker runs {', '.join(unserved)}: start one whose FAIRWAY_STEPS names it, or is empty for all steps"
        )


def check_work(backlogs: Sequence[Backlog], breakers: Mapping[str, Breaker]) -> Iterator[Result]:
    """Whether work waits too long, or waits for a service that is down."""
    for name, breaker in breakers.items():
        if breaker.mode is not Mode.CLOSED:
            yield wrong(f"Work that needs {name} waits, because it is down: {breaker.reason}")
    for backlog in backlogs:
        if backlog.oldest_s > WAITS_LONG_S:
            minutes = backlog.oldest_s / 60
            yield warning(
                f"The oldest part of {backlog.step} has waited for {minutes:.0f} minutes: add workers that run it"
            )


def worker_of(row: Mapping[str, object]) -> LiveWorker:
    slots = row["slots"]
    assert isinstance(slots, dict)
    return LiveWorker(str(row["worker"]), str(row["host"]), str(row["version"]), slots.keys())
