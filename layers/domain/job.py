"""Jobs: work that a person or a scheduler requests, and that workers do in slices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

# A slice that fails is tried again after these delays; after the last one the job has failed.
RETRY_DELAYS_S = (5.0, 20.0, 60.0, 300.0)
OUTAGE_DELAY_S = 15.0


class JobState(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED_STATES = (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


@dataclass(frozen=True, slots=True)
class Job:
    """A job that a worker has claimed for one slice.

    `tenant_id` is None if the job concerns the whole system. `position` is where the slice begins, `result` what earlier
    slices did. `failures` counts the slices that failed since the last one that ended well.
    """

    job_id: str
    kind: str
    lease_id: str
    tenant_id: str | None = None
    dataset_id: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    position: Mapping[str, Any] = field(default_factory=dict)
    result: Mapping[str, Any] = field(default_factory=dict)
    done: int = 0
    total: int | None = None
    failures: int = 0
    is_cancelling: bool = False


@dataclass(frozen=True, slots=True)
class Slice:
    """What a slice did: where the next one begins and when it is due, or that the job has ended."""

    result: Mapping[str, Any] = field(default_factory=dict)
    position: Mapping[str, Any] = field(default_factory=dict)
    done: int = 0
    total: int | None = None
    has_ended: bool = False
    wait_s: float = 0.0


def retry_delay_s(failures: int) -> float | None:
    """How long to wait after this many failures in a row; None if the job has failed."""
    return RETRY_DELAYS_S[failures - 1] if failures <= len(RETRY_DELAYS_S) else None
