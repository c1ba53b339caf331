"""Report: figures of the files that were created on a day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from layers.attempts.runner import Runner
from layers.domain.errors import PermanentError
from layers.domain.ids import first_id_at
from layers.domain.job import Job, Slice


def yesterday() -> date:
    return datetime.now(UTC).date() - timedelta(days=1)


def start_of(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def make_report(runner: Runner, job: Job) -> Slice:
    """Make the report of the job's day, or of yesterday."""
    try:
        day = date.fromisoformat(job.parameters.get("day") or yesterday().isoformat())
    except ValueError:
        raise PermanentError("no_day", "the report's day is not a date") from None
    first, until = (first_id_at(start_of(day) + timedelta(days=days)) for days in (0, 1))
    datasets = runner.ports.reports.make_report(day, first, until)
    return Slice({"day": day.isoformat(), "datasets": datasets}, done=1, total=1, has_ended=True)
