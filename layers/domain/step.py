"""A step: a declared unit of work, its states, and the possible outcomes of an attempt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

from layers.domain.retry import RetryPolicy

if TYPE_CHECKING:
    from layers.domain.file import File
    from layers.domain.kinds.decision import Recognised
    from layers.domain.page import Extraction, Identity, Note, Page, Source
    from layers.domain.separation import Barcode, Separated


class State(StrEnum):
    """A step's state. Each name says what happens next."""

    WAITING = "waiting"  # an earlier step has not ended
    READY = "ready"  # may run; waits in its lane
    QUEUED = "queued"  # a wake-up for it was published
    RUNNING = "running"  # leased by a worker
    RETRYING = "retrying"  # runs again when it is due
    PARKED = "parked"  # its dependency is down; checked again when it is due
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED = frozenset({State.DONE, State.SKIPPED, State.FAILED, State.CANCELLED})

# --- plans -------------------------------------------------------------------------------------------


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
    """The pipeline can't continue: the step fails without running."""

    code: str
    detail: str


Plan = tuple[Part, ...] | Skip | Stop


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """The plan for one step of one file: parts to run now, a skip, a stop, or None while it waits."""

    step: str
    plan: Plan | None


# --- outcomes of an attempt ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Artifact:
    """A stored output of a step. Sizes are in pixels and bytes; confidence is 0 to 100. `sha256` is known of texts only,
    `page_hash` of thumbnails: the perceptual hash of the first page."""

    kind: str
    object_key: str
    media_type: str
    size_bytes: int
    width: int | None = None
    height: int | None = None
    page_count: int | None = None
    source: str | None = None
    confidence: float | None = None
    sha256: str | None = None
    page_hash: str | None = None


@dataclass(frozen=True, slots=True)
class Routed:
    """What a file was recognised as in the dataset `source`, and the dataset to which a rule sends it, if one does."""

    found: Recognised
    source: str
    target: str | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """The step ran. Its results are recorded in the same transaction as its end.

    `window` is the extraction from one of several parts, kept until the last part ends and all are merged. `complete`
    is False if the record lacks something: the file is then `partial` once its main pipeline has ended. `notes` are for
    the file's record, which lists those of all steps. `separated` is what a scan was separated into, `barcodes` those on
    its pages; both belong to the identity. `routed` moves the file to another dataset in the same transaction.
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
    notes: tuple[Note, ...] = ()
    separated: Separated | None = None
    barcodes: tuple[Barcode, ...] = ()
    routed: Routed | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The step failed for good: `code` is for programs, `detail` for the file's owner.

    `lost`: its worker was lost. The same in `Retry`.
    """

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
    """Nothing failed; the step runs again after `delay_s` seconds and no attempt is spent.

    `cost_estimate_s` replaces its estimate if a better one is known.
    """

    delay_s: float
    reason: str
    cost_estimate_s: float | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """The step found nothing to do."""

    reason: str


@dataclass(frozen=True, slots=True)
class Parked:
    """A dependency is down; the step is checked again after `delay_s` seconds and no attempt is spent."""

    delay_s: float
    reason: str
    dependency: str | None = None


Outcome = Done | Skipped | Failed | Retry | Later | Parked

# --- declarations ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ArtifactKind:
    """A kind of output that a step makes. The API shows it under its name with a URL and the facts in `shows`,
    which are fields of `Artifact`."""

    name: str
    shows: tuple[str, ...] = ("media_type",)


# The record is a row and not an object; the step that makes it ends the main pipeline.
RECORD = ArtifactKind("record")


WHOLE_FILE: tuple[Part, ...] = (Part(),)


def whole_file(_file: File) -> Plan:
    """The plan of a step that always applies and has one part."""
    return WHOLE_FILE


def one_second(_file: File) -> float:
    """The cost estimate of a step that declares none."""
    return 1.0


@dataclass(frozen=True, slots=True)
class Step:
    """A declared unit of work: its name, what it does, and everything that hosts, API and monitoring need to know.

    Its topic, queue, dead-letter queue and Lambda function have its name. `run` takes a file and its
    `Work` (`layers/attempts/work.py`). `plan` cuts the step into parts, skips it, or stops the pipeline. `applies` is true of
    the files whose pipeline has the step at all; for the others it has no row and is not shown.

    For people: `word` is its display name, as in "waiting for OCR"; if it is empty, its name is shown. `counted_in` is
    the unit of the work ahead while it waits, `file` or `page`.

    Results: `makes` lists the kinds of its artifacts. `page_source` marks the pages that it reads, so that they are
    deleted when it runs again. `merge` makes one outcome from the windows of all parts (`file.windows`) when the last
    part has ended and at least one has a window; it runs inside the recording transaction, so it only computes.

    Cost: `cost_s` estimates seconds for the whole file. `timeout_s` bounds one attempt and sets its lease.
    `concurrency` is how many run at once on Lambda unless `.chalice/config.json` sets it, and `slots_per_worker` how
    many one worker runs at once unless FAIRWAY_STEPS sets it. `parts_per_message` is how many parts one message may
    name; only parts that are estimated to be short are bundled. `pays_by_call`: each call may cost money, so its claim
    is committed durably before it runs.

    Dependency: `depends_on` names the service that it needs (`layers/domain/services.py`). While that is down the
    step is parked, unless the service named by `fallback` works or `does_without` is true of the file: then it fails
    at once and the pipeline continues. `needs_service` is true of the files that need the service at all; the others
    don't wait for it, and their outcomes don't count for its breaker. `continues_after_failure`: the next step's plan
    decides what a failure means.
    """

    name: str
    run: Callable[[File, Any], Done | Skip]
    plan: Callable[[File], Plan] = whole_file
    applies: Callable[[File], bool] | None = None
    word: str = ""
    counted_in: Literal["file", "page"] = "file"
    makes: tuple[ArtifactKind, ...] = ()
    page_source: Source | None = None
    merge: Callable[[File], Done] | None = None
    cost_s: Callable[[File], float] = one_second
    timeout_s: float = 60.0
    concurrency: int = 4
    slots_per_worker: int = 2
    parts_per_message: int = 1
    pays_by_call: bool = False
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    depends_on: str | None = None
    fallback: str | None = None
    does_without: Callable[[File], bool] | None = None
    needs_service: Callable[[File], bool] | None = None
    continues_after_failure: bool = False

    @property
    def phrase(self) -> str:
        """Its display name."""
        return self.word or self.name.replace("_", " ")


def step(**declared: Any) -> Callable[[Callable[[File, Any], Done | Skip]], Step]:
    """Declare a function of a file and its `Work` as a step with the function's name. Registers nothing.

    Takes the fields of `Step` except `name` and `run`; an unknown field is a TypeError at import.
    """
    return lambda run: Step(run.__name__, run, **declared)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Steps in the order in which they run. One that is `on_request` runs only for the files for which a client requests
    it, and is not shown with the others."""

    name: str
    steps: tuple[Step, ...]
    on_request: bool = False
