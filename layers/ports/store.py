"""The status store: who may attempt what, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from layers.domain.file import File, artifact_key
from layers.domain.lifecycle import FilePlan
from layers.domain.message import Arrival, WakeUp
from layers.domain.page import Member, Page
from layers.domain.step import Artifact, Outcome


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

    def unclaimed_steps(self, older_than_s: float) -> set[str]:
        """The steps of which `unclaimed` would find some."""

    def unclaimed(self, older_than_s: float, limit: int, but_of: Collection[str] = ()) -> list[WakeUp]:
        """Wake-ups published so long ago that they may be lost; they count as published anew."""

    def analyze_grown(self) -> int:
        """Have the planner learn of what has grown much since it last did; of how many tables."""

    def repair_lanes(self) -> int:
        """Put lanes with ready steps back among the active ones; how many."""

    def awaited(self, older_than_s: float) -> dict[str, list[str]]:
        """Object keys that were promised and have not arrived, by tenant, oldest first."""

    def miss_uploads(self, limit: int) -> int:
        """Mark uploads that never came in time; how many."""

    def steps_with_backlog(self) -> set[str]:
        """The steps that have an active lane."""

    def measure_backlogs(self, least_s: float) -> int | None:
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

    def audit_rows(
        self, every_s: float, limit: int, main_steps: Sequence[str], side_artifacts: Mapping[str, Sequence[str]]
    ) -> dict[str, int] | None:
        """Audit the rows of the next `limit` files and, after the last of all files, the counters; findings by name.

        `main_steps` decide the state of a file. `side_artifacts`: the artifacts that each step of another pipeline
        has made once it is done. None where a walk through all files ended less than `every_s` seconds ago, and
        while another upkeep audits.
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
