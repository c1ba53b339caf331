"""The only declaration of scheduled work. Workers, EventBridge, Kubernetes and DolphinScheduler derive theirs from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from functions.job_kinds import PURGE, REPORT, UPKEEP
from layers.attempts.runner import Runner
from layers.domain.schedule import When
from layers.telemetry.log import log

CHECK_EVERY_S = 20.0


@dataclass(frozen=True, slots=True)
class Call:
    """A call of the API. `kind` is the kind of the job that it requests; None if it requests none."""

    method: str
    path: str
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class Schedule:
    """Calls that are made one after another, each once the one before has succeeded."""

    name: str
    purpose: str
    when: When
    calls: tuple[Call, ...]

    @property
    def kinds(self) -> list[str]:
        return [call.kind for call in self.calls if call.kind]


SCHEDULES = (
    Schedule(
        "upkeep",
        "repairs the effects of crashes and lost messages",
        When(),
        (Call("POST", "/operations/upkeep", UPKEEP),),
    ),
    Schedule(
        "report",
        "makes the report of the day before",
        When(hour=1),
        (Call("GET", "/operations/report?day={yesterday}", REPORT),),
    ),
    Schedule(
        "nightly",
        "erases what datasets no longer keep, and then checks that nothing was lost or done twice",
        When(hour=2),
        (Call("POST", "/operations/purge", PURGE), Call("GET", "/operations/audit")),
    ),
)
BY_NAME = {schedule.name: schedule for schedule in SCHEDULES}
# Workers do these in any case, each by its own timer.
ALWAYS = {"upkeep"}


def start_due(runner: Runner, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> list[str]:
    """Request the jobs of schedules that are due, once for the whole fleet. Returns the names of these schedules.

    One that was due while no worker ran is due when a worker starts.
    """
    started = []
    for schedule in SCHEDULES:
        if schedule.name in ALWAYS or not schedule.kinds:
            continue
        due_at = schedule.when.last(now())
        jobs = runner.ports.jobs
        taken = [jobs.start_due_job(f"{schedule.name}:{kind}", due_at, kind, {}) for kind in schedule.kinds]
        if any(taken):
            started.append(schedule.name)
            log("schedule_started", schedule=schedule.name, due_at=due_at.isoformat())
    return started


def start(runner: Runner, name: str) -> list[str]:
    """Request the jobs of a schedule now. Returns their kinds. Raises KeyError for an unknown name."""
    kinds = BY_NAME[name].kinds
    for kind in kinds:
        runner.ports.jobs.start_job(kind, {})
    return kinds
