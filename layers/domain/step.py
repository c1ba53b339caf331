"""A step: a declared unit of work, the states it passes through, and what may come of an attempt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from layers.domain.retry import RetryPolicy

if TYPE_CHECKING:
    from layers.domain.file import File
    from layers.domain.page import Extraction, Identity, Page


class State(StrEnum):
    """A step's state. Each name says what happens next."""

    WAITING = "waiting"  # an earlier step has not ended
    READY = "ready"  # may run; stands in its lane
    QUEUED = "queued"  # a wake-up for it was published
    RUNNING = "running"  # leased by a worker
    RETRYING = "retrying"  # runs again when it is due
    PARKED = "parked"  # its dependency is down; looked at again when it is due
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED = frozenset({State.DONE, State.SKIPPED, State.FAILED, State.CANCELLED})

# What may follow what. Only a person's redrive leads out of an ended state, to READY or WAITING.
FOLLOWS: Mapping[State, frozenset[State]] = {
    State.WAITING: frozenset({State.READY, State.SKIPPED, State.FAILED, State.CANCELLED}),
    State.READY: frozenset({State.QUEUED, State.CANCELLED}),
    State.QUEUED: frozenset({State.RUNNING, State.CANCELLED}),
    State.RUNNING: frozenset({State.DONE, State.SKIPPED, State.FAILED, State.RETRYING, State.PARKED, State.CANCELLED}),
    State.RETRYING: frozenset({State.READY, State.CANCELLED}),
    State.PARKED: frozenset({State.READY, State.CANCELLED}),
    State.DONE: frozenset(),
    State.SKIPPED: frozenset(),
    State.FAILED: frozenset(),
    State.CANCELLED: frozenset(),
}


# --- what is planned ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Part:
    """A slice of a step: the pages it reads (empty: the whole file) and its estimated cost in seconds."""

    page_numbers: tuple[int, ...] = ()
    cost_estimate_s: float = 1.0


@dataclass(frozen=True, slots=True)
class Skip:
    """The step does not apply, for this reason."""

    reason: str


@dataclass(frozen=True, slots=True)
class Stop:
    """The pipeline can't go on: the step fails without being run."""

    code: str
    detail: str


Plan = tuple[Part, ...] | Skip | Stop


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """What becomes of one step of one file: parts to run now, a skip, a stop, or waiting (None)."""

    step: str
    plan: Plan | None


# --- what came of an attempt -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Artifact:
    """A stored output of a step. Sizes are in pixels and bytes; confidence is 0 to 100."""

    kind: str
    object_key: str
    media_type: str
    size_bytes: int
    width: int | None = None
    height: int | None = None
    page_count: int | None = None
    source: str | None = None
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """The step ran. What it learned is recorded in the same transaction as its end.

    `window` is what one of several parts found, kept until the last of them ends and all are merged.
    """

    pages: tuple[Page, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    extraction: Extraction | None = None
    complete: bool = True
    window: Extraction | None = None
    identity: Identity | None = None
    sha256: str | None = None
    size_bytes: int | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The step gave up: `code` for programs, `detail` for the file's owner."""

    code: str
    detail: str
    lost: bool = False


@dataclass(frozen=True, slots=True)
class Retry:
    """The attempt failed; the step runs again after `delay_s` seconds."""

    delay_s: float
    code: str
    detail: str
    lost: bool = False


@dataclass(frozen=True, slots=True)
class Later:
    """Nothing failed; the step runs again after `delay_s` seconds, with no attempt spent.

    `cost_estimate_s` is what it is now known to cost, where that was learned.
    """

    delay_s: float
    reason: str
    cost_estimate_s: float | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """The step found that there is nothing for it to do."""

    reason: str


@dataclass(frozen=True, slots=True)
class Parked:
    """What the step depends on is down; it is looked at again after `delay_s` seconds, with no attempt spent."""

    delay_s: float
    reason: str
    dependency: str | None = None


Outcome = Done | Skipped | Failed | Retry | Later | Parked

# --- what is declared --------------------------------------------------------------------------------

WHOLE_FILE: tuple[Part, ...] = (Part(),)


def whole_file(_file: File) -> Plan:
    """The plan of a step that always applies and is never sliced."""
    return WHOLE_FILE


@dataclass(frozen=True, slots=True)
class Step:
    """A declared unit of work. Its topic, queue, dead-letter queue and Lambda derive from its name."""

    name: str
    run: Callable[[File, Any], Done | Skip]
    plan: Callable[[File], Plan] = whole_file
    timeout_s: float = 60.0
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    goes_on_after_failure: bool = False
    pays_by_call: bool = False
    depends_on: str | None = None
    gives_way_to: str | None = None
    goes_on_without: Callable[[File], bool] | None = None
    needs_service: Callable[[File], bool] | None = None
    at_once: int = 1
    merge: Callable[[File], Done] | None = None


def step(
    *,
    plan: Callable[[File], Plan] = whole_file,
    timeout_s: float = 60.0,
    retry: RetryPolicy | None = None,
    goes_on_after_failure: bool = False,
    pays_by_call: bool = False,
    depends_on: str | None = None,
    gives_way_to: str | None = None,
    goes_on_without: Callable[[File], bool] | None = None,
    needs_service: Callable[[File], bool] | None = None,
    at_once: int = 1,
    merge: Callable[[File], Done] | None = None,
) -> Callable[[Callable[[File, Any], Done | Skip]], Step]:
    """Declare a function from a file and its work to an outcome as a step. Registers nothing.

    `timeout_s` bounds one attempt and sets its lease. `goes_on_after_failure`: the next step's plan
    decides what a failure means. `pays_by_call`: its claim is committed durably before it runs.
    `at_once` is how many parts one wake-up may name: more than one only where each is estimated to take little time.
    `depends_on` names the service without which it can't run: `ocr`, `textract`, `extraction` or `preview`.
    While that is down the step parks, unless the service in `gives_way_to` works, or `goes_on_without` says that
    this file does without: then it fails at once, and the pipeline goes on. `needs_service` says which files need it
    at all, where not all do: the others neither wait for it nor tell anything of it.
    `merge` makes one outcome of what its parts found (`file.windows`), when the last of them has ended and any of
    them has found something; it runs in the transaction that records that end, so it only computes.
    """

    def declare(run: Callable[[File, Any], Done | Skip]) -> Step:
        return Step(
            run.__name__,
            run,
            plan,
            timeout_s,
            retry or RetryPolicy(),
            goes_on_after_failure=goes_on_after_failure,
            pays_by_call=pays_by_call,
            depends_on=depends_on,
            gives_way_to=gives_way_to,
            goes_on_without=goes_on_without,
            needs_service=needs_service,
            at_once=at_once,
            merge=merge,
        )

    return declare


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Steps in the order in which they run."""

    name: str
    steps: tuple[Step, ...]
