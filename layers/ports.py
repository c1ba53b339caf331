"""What Fairway needs of the world, in its own words; adapters supply it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from layers.domain.breaker import CLOSED, Breaker
from layers.domain.extraction.conversation import Question, Reply
from layers.domain.extraction.windows import Window
from layers.domain.file import File, Reach, artifact_key
from layers.domain.message import Arrival, WakeUp
from layers.domain.meter import Meter
from layers.domain.page import Extraction, Identity, Member, Page, Picture
from layers.domain.step import Artifact, Done, Outcome, PlannedStep, Step


@dataclass(frozen=True, slots=True)
class Claim:
    """The exclusive, expiring right to one attempt.

    `failures` counts the attempts that failed before it, `snoozes` those that spent nothing, `losses` the workers
    that were lost with it.
    """

    file: File
    step: str
    part: int
    attempt: int
    lease_id: str
    failures: int
    cost_estimate_s: float = 1.0
    snoozes: int = 0
    losses: float = 0.0
    owner: str = ""
    is_only_part: bool = False

    def artifact_key(self, name: str) -> str:
        """The object key of an artifact that this attempt stores under a name."""
        file = self.file
        return artifact_key(file.tenant_id, file.file_id, self.step, self.part, self.attempt, self.lease_id, name)


@dataclass(frozen=True, slots=True)
class FilePlan:
    """What follows the end of a step: the plan of later steps, and the file's state where its main pipeline ended.

    `merged` is what the step's parts made together, to be kept in the same transaction.
    """

    steps: Sequence[PlannedStep] = ()
    file_state: str | None = None
    error: tuple[str, str, str] | None = None
    merged: Done | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of an outcome. `fenced`: somebody else holds the step. `removed`: the file is gone.

    `readied` names the steps that may now be dispatched. `unsure`: it is fenced because an earlier try to record the
    same outcome may have come through, its answer lost.
    """

    fenced: bool = False
    removed: bool = False
    readied: frozenset[str] = frozenset()
    unsure: bool = False


# Given the file as it stands after the step's end: what follows.
Planner = Callable[[File], FilePlan]


@dataclass(frozen=True, slots=True)
class Finished:
    """An attempt that has ended: what came of it, what follows it, what it cost in seconds.

    `used` is what its meter shows of services that are paid by the call.
    """

    claim: Claim
    outcome: Outcome
    planner: Planner
    cost_s: float = 0.0
    used: Mapping[str, int] | None = None


class Store(Protocol):
    """The status store: where every file stands. Raises StoreUnreachable when it can't be reached."""

    def arrive(self, arrivals: Sequence[Arrival]) -> dict[str, str]:
        """Take news of created objects; by key 'arrived', 'known', 'removed' or 'unknown'."""

    def claim(self, wake_up: WakeUp, owner: str, lease_s: float, *, durably: bool) -> Claim | None:
        """Claim a queued part, or None when there is nothing to claim."""

    def claim_all(self, wake_ups: Sequence[WakeUp], owner: str, lease_s: float, *, durably: bool) -> list[Claim]:
        """Claim queued parts of one step; those that could be claimed."""

    def record_all(self, finished: Sequence[Finished], *, host: str) -> list[Recorded]:
        """Record several attempts' outcomes, in one transaction where that can be; each as `record` would."""

    def record(
        self,
        claim: Claim,
        outcome: Outcome,
        planner: Planner,
        *,
        cost_s: float,
        host: str,
        used: Mapping[str, int] | None = None,
    ) -> Recorded:
        """Record an attempt's outcome and what it readies, in one transaction, fenced by the lease."""

    def keep_artifact(self, claim: Claim, artifact: Artifact) -> bool:
        """Record an artifact before the attempt ends, fenced by the lease; whether it was kept."""

    def add_members(self, claim: Claim, members: Sequence[Member], upload_s: float) -> dict[int, str | None]:
        """Announce members of an archive as files of its batch, fenced by the lease; said again, nothing new.

        By place of each member that is a file now: its object key, or None where that is stored already.
        """

    def correct_lane(self, claim: Claim, difference_s: float) -> None:
        """Charge a lane what an attempt really cost in place of its estimate."""

    def go_on_among_long(self, claim: Claim, places: int) -> bool:
        """Count a part at work as one of the long from now on, charged a slice at once, where fewer than so many of its
        step are in flight; whether it was, fenced by the lease. It then takes a place of its own."""

    def dispatch(
        self,
        caps: Mapping[str, int],
        most: Mapping[str, int] | None = None,
        loads: Mapping[str, int] | None = None,
    ) -> list[WakeUp]:
        """Queue ready parts of the named steps in fair order, up to each step's in-flight cap of wake-ups.

        `most` bounds what is queued at once. `loads` says how many parts of a step one wake-up may name, where they
        take little time.
        """

    def pages(self, file_id: str) -> list[Page]:
        """The pages of a file that were read, with text and words, in order."""

    def extend(self, claims: Sequence[Claim], lease_s: float) -> int:
        """Let the leases of these claims, all of one step, end so many seconds from now; how many still held."""

    def expired(self, limit: int) -> list[Claim]:
        """Claims whose lease has run out."""

    def held_by(self, owner: str) -> list[Claim]:
        """The claims of one owner."""

    def wake_due(self, limit: int) -> set[str]:
        """Ready what is due; the steps that have something to dispatch."""

    def wake_parked(self, steps: Sequence[str], limit: int) -> int:
        """Let parked parts of these steps be due now: what they wait for is back. How many."""

    def unheard(self, older_than_s: float, limit: int) -> list[WakeUp]:
        """Wake-ups published so long ago that they may be lost; they count as published anew."""

    def mend_lanes(self) -> int:
        """Put lanes with ready steps back among the active ones; how many."""

    def awaited(self, older_than_s: float) -> dict[str, list[str]]:
        """Object keys that were promised and have not arrived, by tenant, oldest first."""

    def miss_uploads(self, limit: int) -> int:
        """Mark uploads that never came in time; how many."""

    def steps_with_backlog(self) -> set[str]:
        """The steps that have an active lane."""

    def look_at_backlogs(self, least_s: float) -> int | None:
        """Look at what waits and how fast it is served; how many parts wait, or None where that was done of late."""

    def backlog(self, steps: Sequence[str]) -> list[Backlog]:
        """How each of these steps stands."""

    def removals_due(self, limit: int) -> list[tuple[str, list[tuple[str, str]]]]:
        """Removals to erase now: (removal_id, some of their (tenant_id, file_id)s). None of them can be undone now."""

    def sweeps_due(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """Erased removals whose last URL and lease have expired: (removal_id, their (tenant_id, file_id)s)."""

    def swept(self, removal_id: str, objects_erased: int) -> None:
        """Close a removal for good."""

    def fold_counts(self, limit: int) -> int:
        """Fold what was counted since; how many deltas."""

    def fold_attempts(self) -> int:
        """Add to the totals of the ledger what it has more; how many attempts."""

    def audit_rows(self, every_s: float, limit: int) -> dict[str, int] | None:
        """What does not add up among the rows of the next `limit` files, and at their end among what is counted.

        None where a walk through all of them ended within `every_s` seconds, or somebody else is at it.
        """

    def walk(self, name: str) -> tuple[str, float]:
        """How far a walk through what is stored has come, and for how many seconds it has rested."""

    def note_walk(
        self, name: str, start: str, reached: str, checked: int, findings: Mapping[str, int], *, ended: bool
    ) -> None:
        """Note that a walk came from `start` to `reached`, and what it found between."""

    def object_verdicts(self, keys: Sequence[str]) -> dict[str, str]:
        """What each object is to us: 'referenced', 'at_work', 'spare', 'awaited', 'removed' or 'unknown'."""

    def artifact_keys(self, after: str, limit: int) -> list[tuple[str, str, str | None]]:
        """What is said to be stored, in order after a place: (place, object_key, version_id)."""

    def forget_requests(self) -> int:
        """Forget idempotency keys that are out of date; how many."""

    def erase(self, removal_id: str, file_ids: Sequence[str], objects_erased: int) -> None:
        """Erase the rows of removed files, leaving tombstones; closes the removal when none is left."""

    def is_up(self) -> bool:
        """Whether the store answers."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits at a step: for how long its oldest ready part has, and how many are parked, as far as was counted.

    `ahead_s` is by how many seconds of work the best served of the tenants that wait is ahead of the worst: about a
    slice where all is fair.
    """

    step: str
    oldest_s: float
    parked: int
    ahead_s: float


@dataclass(frozen=True, slots=True)
class StoredPart:
    """One part of an upload that the object store holds; `etag` is the store's name for its content."""

    number: int
    size_bytes: int
    etag: str


class Objects(Protocol):
    """The object store."""

    def download(self, object_key: str, version_id: str | None, path: Path) -> None:
        """Fetch an object into a file. Raises PermanentError 'object_missing' where there is none."""

    def upload(self, path: Path, object_key: str, media_type: str) -> int:
        """Store a file; its size in bytes."""

    def size_of(self, object_key: str, version_id: str | None) -> int | None:
        """The size in bytes of an object, or None where there is none."""

    def version_of(self, object_key: str) -> str | None:
        """The id of an object's present version, or None where the store keeps none."""

    def delete_prefix(self, prefix: str) -> int:
        """Delete every version of every object under a prefix; how many."""

    def delete_under(self, prefix: str, names: Sequence[str]) -> int:
        """Delete every version of `<prefix><name>` and of all under `<prefix><name>/`, for each name; how many."""

    def keys_after(self, prefix: str, start_after: str, limit: int) -> list[str]:
        """Keys under a prefix after a given one, in order."""

    def presign_put(
        self, object_key: str, *, size_bytes: int, sha256: str | None, expires_s: int
    ) -> tuple[str, dict[str, str]]:
        """A URL to PUT exactly this object to, once, and the headers to send with it."""

    def begin_parts(self, object_key: str) -> str:
        """Begin an upload in parts; its id."""

    def presign_part(self, object_key: str, upload_id: str, number: int, *, size_bytes: int, expires_s: int) -> str:
        """A URL to PUT one part, from 1, of exactly this size to."""

    def parts_of(self, object_key: str, upload_id: str) -> list[StoredPart] | None:
        """The parts that arrived, in order; None where the store knows no such upload (any more)."""

    def join_parts(self, object_key: str, upload_id: str, parts: Sequence[StoredPart]) -> bool:
        """Make these parts the object, unless there is one; whether the store knew the upload."""

    def presign_get(
        self,
        object_key: str,
        version_id: str | None,
        *,
        download_name: str | None = None,
        media_type: str | None = None,
    ) -> str:
        """A short-lived URL, stable for some minutes: an attachment of this name, or shown as this type."""

    def is_up(self) -> bool:
        """Whether the object store answers."""


class Topics(Protocol):
    """Named streams of messages."""

    def publish(self, wake_ups: Iterable[WakeUp]) -> None:
        """Publish each wake-up on its step's topic, those that ride in one message with the one before them."""

    def dispatch_later(self, delay_s: float) -> None:
        """Wake the dispatcher after so many seconds."""

    def redrive_dead(self, topics: Iterable[str], limit: int) -> int:
        """Put up to `limit` messages of each dead-letter queue back on its topic; how many."""

    def is_up(self) -> bool:
        """Whether messages can be published."""


class News(Protocol):
    """Tells those who watch a dataset that something of it changed. Only a hint."""

    def publish(self, dataset_ids: Iterable[str]) -> None:
        """Tell of changes that are committed."""


class Silence:
    """News that nobody hears."""

    def publish(self, dataset_ids: Iterable[str]) -> None:
        return None


class Breakers(Protocol):
    """The circuit breakers of what steps depend on, by name. Never raises: without its shared view it has its own."""

    def states(self) -> Mapping[str, Breaker]:
        """Every breaker that ever left its rest."""

    def look(self, dependency: str) -> Breaker:
        """One breaker as last seen."""

    def cap(self, dependency: str, full: int) -> int:
        """Of an in-flight cap, what the breaker lets through now."""

    def admit(self, dependency: str) -> float | None:
        """None where work may begin (it may be the probe); else seconds until the next probe."""

    def wait_s(self, dependency: str) -> float:
        """Seconds until the next probe; 0 where the breaker is closed."""

    def succeeded(self, dependency: str) -> bool:
        """The dependency did its work; whether that closed its breaker."""

    def failed(self, dependency: str, reason: str, weight: float = 1.0) -> Breaker:
        """The dependency did not do its work; its breaker now."""

    def said_nothing(self, dependency: str) -> None:
        """An attempt ended without a word on the dependency."""


class AlwaysClosed:
    """Breakers that never open."""

    def states(self) -> Mapping[str, Breaker]:
        return {}

    def look(self, dependency: str) -> Breaker:
        return CLOSED

    def cap(self, dependency: str, full: int) -> int:
        return full

    def admit(self, dependency: str) -> float | None:
        return None

    def wait_s(self, dependency: str) -> float:
        return 0.0

    def succeeded(self, dependency: str) -> bool:
        return False

    def failed(self, dependency: str, reason: str, weight: float = 1.0) -> Breaker:
        return CLOSED

    def said_nothing(self, dependency: str) -> None:
        return None


@dataclass(frozen=True, slots=True)
class BudgetState:
    """A budget as it stands: units a second at most and now, room for parts, seconds until there is some."""

    full_per_s: float
    per_s: float
    room: int
    wait_s: float


class Budgets(Protocol):
    """What services outside can bear, by their names. Never raises: without its shared view it spends a small share."""

    def __contains__(self, name: object) -> bool:
        """Whether a service has a budget at all."""

    def take(self, name: str, parts: int) -> tuple[int, float]:
        """For how many of these parts there is room; and the seconds until there is for one more."""

    def give_back(self, name: str, parts: int) -> None:
        """Parts for which something was taken were not dispatched."""

    def settle(self, name: str, used: float) -> None:
        """A part has ended that used so many units."""

    def pace(self, name: str, units: float, most_wait_s: float) -> tuple[bool, float]:
        """Whether a call of so many units has its turn within so many seconds; and in how many seconds it comes."""

    def correct(self, name: str, units: float) -> None:
        """A call used so many units more, or fewer, than it took its turn for."""

    def throttled(self, name: str, pause_s: float = 0.0) -> None:
        """The service refused a call; `pause_s` where it said for how long nobody need come."""

    def recovered(self, name: str) -> None:
        """The service was down and is back: what gathered meanwhile is not to be spent at once."""

    def states(self) -> Mapping[str, BudgetState]:
        """Every budget as it stands."""


class NoBudgets:
    """Nothing outside is scarce."""

    def __contains__(self, name: object) -> bool:
        return False

    def take(self, name: str, parts: int) -> tuple[int, float]:
        return parts, 0.0

    def give_back(self, name: str, parts: int) -> None:
        return None

    def settle(self, name: str, used: float) -> None:
        return None

    def pace(self, name: str, units: float, most_wait_s: float) -> tuple[bool, float]:
        return True, 0.0

    def correct(self, name: str, units: float) -> None:
        return None

    def throttled(self, name: str, pause_s: float = 0.0) -> None:
        return None

    def recovered(self, name: str) -> None:
        return None

    def states(self) -> Mapping[str, BudgetState]:
        return {}


class Connections(Protocol):
    """How many connections services outside bear, by their names. Never raises."""

    def __contains__(self, name: object) -> bool:
        """Whether a service's connections are counted at all."""

    def open(self, name: str) -> str | None:
        """A connection's lease, by its name; None while all are taken."""

    def close(self, name: str, lease: str) -> None:
        """Give a connection back."""


# A connection to one service, for as long as it is used. Raises Snooze where all are taken for long.
Connection = Callable[[], AbstractContextManager[None]]


class Pace(Protocol):
    """The turns of calls to one service."""

    def __call__(self, units: float = 1.0) -> None:
        """Return when a call of so many units may start. Raises Snooze where that would hold a worker for long."""

    def correct(self, units: float) -> None:
        """A call used so many units more, or fewer, than it waited for."""


class AtOnce:
    """Every call may start at once."""

    def __call__(self, units: float = 1.0) -> None:
        return None

    def correct(self, units: float) -> None:
        return None


class Documents(Protocol):
    """Reads and pictures documents, in processes that may die."""

    def identify(self, path: Path, name: str) -> Identity: ...

    def read_text(self, path: Path, media_type: str, page_numbers: Sequence[int] | None = None) -> list[Page]: ...

    def read_images(
        self, path: Path, media_type: str, page_numbers: Sequence[int], languages: Sequence[str]
    ) -> list[Page]: ...

    def members(self, path: Path) -> list[Member]: ...

    def unpack(self, path: Path, places: Sequence[int], into: Path) -> list[Member]: ...

    def preview(self, path: Path, media_type: str, into: Path) -> Picture | None: ...

    def thumbnail(self, path: Path, media_type: str, into: Path) -> Picture | None: ...

    def page_picture(self, path: Path, media_type: str, page_number: int, into: Path) -> Picture: ...


# A page, from 1, as a PNG or JPEG on disk that any service takes.
PagePicture = Callable[[int], Path]


class OfficePrinter(Protocol):
    """Turns office documents into PDF."""

    def to_pdf(self, path: Path, media_type: str, into: Path, *, first_page_only: bool = False) -> Picture:
        """The document as a PDF in `into`. Raises PermanentError where it can't be printed, DependencyDown where
        what prints can't be reached."""

    def is_up(self) -> bool:
        """Whether documents can be printed."""

    def retire_idle(self) -> None:
        """End what has had nothing to do for a while."""

    def close(self) -> None: ...


class SecondReader(Protocol):
    """A slower and better reader on our own machines, for the pages that the first was unsure of."""

    def reads(self, languages: Sequence[str]) -> bool:
        """Whether it knows the letters of these languages."""

    def read_again(self, path: Path, media_type: str, pages: Sequence[Page]) -> list[Page]:
        """The same pages as it reads them, turned as they were. Raises PermanentError `timeout`."""


class PaidReader(Protocol):
    """A reader that is paid by the page, such as Amazon Textract."""

    def read(
        self, file: File, page_numbers: Sequence[int], token: str, picture: PagePicture, meter: Meter
    ) -> list[Page]:
        """The pages as read; one without any text has no source.

        `token` names the file's job: the same token finds the same job. Raises Throttled, Snooze while the job is
        at work, DependencyDown where the service can't be used by anyone, PermanentError for a file that it refuses,
        TransientError for a call that failed.
        """

    def is_up(self) -> bool | None:
        """Whether the service answers and takes our credentials; None where that can't be told."""


class Model(Protocol):
    """A language model behind some service."""

    def ask(self, question: Question, meter: Meter, wrong: tuple[Reply, str] | None = None) -> Reply:
        """The answer; with `wrong`, the answer to what was said of an earlier one.

        Raises Throttled, DependencyDown, TransientError, TooLong, or PermanentError for a document that it refuses.
        """

    def is_up(self) -> bool | None:
        """Whether the service answers and takes our key; None where that can't be told."""


class Scanner(Protocol):
    """Looks for malware."""

    def scan(self, path: Path) -> str | None:
        """The name of what was found in a file, or None. Raises DependencyDown."""

    def is_up(self) -> bool:
        """Whether it answers."""


class Extractor(Protocol):
    """Turns text into the values of a dataset's schema."""

    @property
    def pays_by_call(self) -> bool:
        """Whether each call costs money, so that its claim is committed durably first."""

    def extract(self, window: Window, schema: Mapping[str, Any], meter: Meter) -> Extraction:
        """The values that a window's text shows."""

    def is_up(self) -> bool | None:
        """Whether what it depends on answers; None where there is nothing to ask, or it can't be told."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything a step may reach. `paid_reader` is None where no credentials are given, `scanner` where no
    address is, `second_reader` where none is installed."""

    store: Store
    objects: Objects
    topics: Topics
    documents: Documents
    extractor: Extractor
    paid_reader: PaidReader | None
    max_file_bytes: int = 200 * 1024 * 1024
    news: News = field(default_factory=lambda: Silence())
    breakers: Breakers = field(default_factory=lambda: AlwaysClosed())
    budgets: Budgets = field(default_factory=lambda: NoBudgets())
    scanner: Scanner | None = None
    second_reader: SecondReader | None = None
    reach: Reach = field(default_factory=Reach)

    def pays(self, step: Step) -> bool:
        """Whether an attempt at a step costs money here."""
        if not step.pays_by_call:
            return False
        if step.depends_on == "textract":
            return self.paid_reader is not None
        return step.depends_on != "extraction" or self.extractor.pays_by_call
