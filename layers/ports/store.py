"""The status store: claims on attempts, their outcomes, and the lanes of ready parts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from layers.domain.file import File, artifact_key
from layers.domain.fleet import Fleet, Registration
from layers.domain.lifecycle import FilePlan
from layers.domain.message import Arrival, WakeUp
from layers.domain.page import Member, Page
from layers.domain.step import Artifact, Outcome
from layers.ports.objects import OpenUpload


@dataclass(frozen=True, slots=True)
class Claim:
    """The exclusive, expiring right to one attempt.

    `failures` counts the failed attempts before it, `snoozes` those that spent no attempt, `losses` the workers that
    were lost with the part.
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
        """The object key under which this attempt stores an artifact of this name."""
        file = self.file
        return artifact_key(file.tenant_id, file.file_id, self.step, self.part, self.attempt, self.lease_id, name)


@dataclass(frozen=True, slots=True)
class Recorded:
    """Whether an outcome was recorded. `fenced`: another attempt holds the part. `removed`: the file is removed.

    `readied` names the steps that may now be dispatched, `short` those of them with a single short part. `unsure`: it is
    fenced, perhaps because an earlier call has recorded the same outcome and its answer was lost.
    """

    fenced: bool = False
    removed: bool = False
    readied: frozenset[str] = frozenset()
    unsure: bool = False
    short: frozenset[str] = frozenset()


# Plans the next steps from the file after a step has ended.
Planner = Callable[[File], FilePlan]


@dataclass(frozen=True, slots=True)
class Finished:
    """An attempt that has ended: its outcome, the planner of the next steps, and its cost in seconds.

    `used` is the use of services that charge for each call, as its meter counted it.
    """

    claim: Claim
    outcome: Outcome
    planner: Planner
    cost_s: float = 0.0
    used: Mapping[str, int] | None = None


class Store(Protocol):
    """The status store: the state of every step of every file. Raises StoreUnreachable when it can't be reached."""

    def arrive(self, arrivals: Sequence[Arrival]) -> dict[str, str]:
        """Handle events of created objects. Returns 'arrived', 'known', 'removed' or 'unknown' by object key."""

    def claim(self, wake_up: WakeUp, owner: str, lease_s: float, *, durably: bool) -> Claim | None:
        """Claim a queued part; None if it is no longer queued for this attempt, or its file is removed."""

    def claim_all(self, wake_ups: Sequence[WakeUp], owner: str, lease_s: float, *, durably: bool) -> list[Claim]:
        """Claim queued parts of one step. Returns the claims of those that were still queued."""

    def record_all(self, finished: Sequence[Finished], *, host: str) -> list[Recorded]:
        """Record the outcomes of several attempts, in one transaction if possible, each like `record`."""

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
        """Record an attempt's outcome and the plan that follows, in one transaction, fenced by the lease."""

    def keep_artifact(self, claim: Claim, artifact: Artifact) -> bool:
        """Record an artifact before the attempt ends, fenced by the lease. Returns whether it was recorded."""

    def add_members(self, claim: Claim, members: Sequence[Member], upload_s: float) -> dict[int, str | None]:
        """Create files for members of an archive in its batch, fenced by the lease. Another call creates nothing.

        Returns, by the index of each member that is a file now, its object key, or None if its object is stored already.
        """

    def correct_lane(self, claim: Claim, difference_s: float) -> None:
        """Charge a lane for the difference between an attempt's measured time and its estimate."""

    def dispatch(
        self,
        caps: Mapping[str, int],
        most: Mapping[str, int] | None = None,
        bundles: Mapping[str, int] | None = None,
        ceilings: Mapping[str, int] | None = None,
    ) -> list[WakeUp]:
        """Queue ready parts of the named steps in fair order, up to each step's in-flight cap of wake-ups.

        `most` limits the new wake-ups of a step. `bundles`: how many short parts of a step one wake-up may name.
        `ceilings`: how many wake-ups of a step may be in flight at most.
        """

    def pages(self, file_id: str) -> list[Page]:
        """The pages of a file, with text and words, in order."""

    def count_read_pages(self, file_id: str, besides: Sequence[int]) -> int:
        """How many pages of a file have been read, not counting the pages `besides`."""

    def extend(self, claims: Sequence[Claim], lease_s: float) -> int:
        """Extend the leases of these claims, all of one step, to end `lease_s` seconds from now. Returns how many are
        still held."""

    def expired(self, limit: int) -> list[Claim]:
        """Claims whose lease has expired."""

    def held_by(self, owner: str) -> list[Claim]:
        """The claims of one owner."""

    def wake_due(self, limit: int) -> set[str]:
        """Make due parts ready. Returns their steps."""

    def wake_parked(self, steps: Sequence[str], limit: int) -> int:
        """Make parked parts of these steps due now, because their service is back. Returns their number."""

    def unclaimed_steps(self, older_than_s: float) -> set[str]:
        """The steps for which `unclaimed` would return wake-ups."""

    def unclaimed(self, older_than_s: float, limit: int, but_of: Collection[str] = ()) -> list[WakeUp]:
        """Wake-ups published so long ago that they may be lost. They count as published again now."""

    def analyze_grown(self) -> int:
        """Update the statistics of tables that have grown much since their last update. Returns their number."""

    def repair_lanes(self) -> int:
        """Make lanes active that have ready parts but were left inactive. Returns their number."""

    def awaited(self, older_than_s: float) -> dict[str, list[str]]:
        """Keys of objects that were announced and have not arrived, by tenant, oldest first."""

    def miss_uploads(self, limit: int) -> int:
        """Mark uploads that did not arrive in time. Returns their number."""

    def steps_with_backlog(self) -> set[str]:
        """The steps that have an active lane."""

    def measure_backlogs(self, least_s: float) -> int | None:
        """Measure backlogs and how fast they are served. Returns how many parts wait, or None if that was done recently."""

    def backlog(self, steps: Sequence[str]) -> list[Backlog]:
        """The backlog of each of these steps."""

    def add_row_values(self, limit: int) -> int:
        """Store the values of up to `limit` records of earlier releases for `find_rows`. Returns their number."""

    def remove_rest(self, limit: int) -> int:
        """Mark up to `limit` files of removed datasets that are still live. Returns their number."""

    def removals_due(self, limit: int) -> list[tuple[str, list[tuple[str, str]]]]:
        """Removals to erase now: (removal_id, some of their (tenant_id, file_id)s). From now on they can't be undone."""

    def sweeps_due(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """Erased removals whose last URL and lease have expired: (removal_id, their (tenant_id, file_id)s)."""

    def swept(self, removal_id: str, objects_erased: int) -> None:
        """Close a removal after the last search for its objects."""

    def fold_counts(self, limit: int) -> int:
        """Add new changes to the counts. Returns the number of changes."""

    def fold_attempts(self) -> int:
        """Add new attempts to the totals of the ledger. Returns their number."""

    def audit_rows(
        self, every_s: float, limit: int, main_steps: Sequence[str], side_artifacts: Mapping[str, Sequence[str]]
    ) -> dict[str, int] | None:
        """Audit the rows of the next `limit` files and, after the last of all files, the counters; findings by name.

        `main_steps` decide the state of a file. `side_artifacts`: the artifacts that each step of another pipeline
        has made once it is done. Returns None if a walk through all files ended less than `every_s` seconds ago, and
        while another upkeep audits.
        """

    def walk(self, name: str) -> tuple[str, float]:
        """The position that a walk has reached, and how many seconds ago the last complete one ended."""

    def note_walk(
        self, name: str, start: str, reached: str, checked: int, findings: Mapping[str, int], *, ended: bool
    ) -> None:
        """Save that a walk went from `start` to `reached`, with its findings."""

    def object_verdicts(self, keys: Sequence[str]) -> dict[str, str]:
        """What the store knows about each object: 'referenced', 'at_work', 'spare', 'awaited', 'removed' or 'unknown'."""

    def upload_verdicts(self, uploads: Sequence[OpenUpload]) -> list[UploadVerdict]:
        """The verdicts on unfinished multipart uploads, in their order."""

    def count_erased(self, removal_id: str, objects_erased: int) -> None:
        """Add objects and parts that were deleted to the receipt of a removal."""

    def recorded_objects(self, after: str, limit: int, tenant_id: str | None = None) -> list[RecordedObject]:
        """The objects in the rows of the next `limit` files after the file `after` ("" for the first), in order."""

    def beat(self, registration: Registration) -> Fleet:
        """Register a worker, or renew its registration. Returns the live workers."""

    def leave(self, worker: str) -> None:
        """Delete the registration of a worker that has ended."""

    def take_turn(self, duty: str, every_s: float) -> bool:
        """Whether the caller should do a duty that is due every `every_s` seconds for the whole fleet."""

    def forget_requests(self) -> int:
        """Delete expired idempotency keys. Returns their number."""

    def forget_manifests(self, kept_days: int, limit: int) -> int:
        """Delete manifests whose deadline is over for `kept_days` days, and at most `limit` of their lines. Files stay, and
        those that are still awaited keep their manifest. Returns the number of manifests and lines."""

    def erase(self, removal_id: str, file_ids: Sequence[str], objects_erased: int) -> None:
        """Erase the rows of removed files and leave tombstones. The removal is erased when no file is left."""

    def is_up(self) -> bool:
        """Whether the store answers."""


@dataclass(frozen=True, slots=True)
class RecordedObject:
    """An object in a row: a file's original (`kind` is "") or an artifact.

    `size_bytes` and `sha256` (hexadecimal) are None if the row does not have them.
    """

    file_id: str
    tenant_id: str
    name: str
    kind: str
    object_key: str
    version_id: str | None
    size_bytes: int | None
    sha256: str | None


@dataclass(frozen=True, slots=True)
class UploadVerdict:
    """The verdict of the rows on an unfinished multipart upload.

    `verdict` is 'awaited' (its file waits for it), 'replaced' (its file waits for another upload), 'ended' (its file
    no longer waits for bytes, or was removed) or 'unknown' (no file has such an object). `removal_id` is the removal
    that ended it.
    """

    verdict: str
    removal_id: str | None = None


@dataclass(frozen=True, slots=True)
class Backlog:
    """The backlog of a step: how long its oldest ready part has waited, and how many parts are parked, up to a limit.

    `ahead_s`: by how many seconds of work the waiting tenant that was served most is ahead of the one that was served
    least. About a slice if dispatch is fair.
    """

    step: str
    oldest_s: float
    parked: int
    ahead_s: float
