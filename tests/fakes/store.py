"""The status store in memory."""

from __future__ import annotations

import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from layers.domain.fairness import Lanes, is_long, load_of, places, places_of_the_long, rides
from layers.domain.file import File, PageSummary, original_key
from layers.domain.message import Arrival, WakeUp
from layers.domain.page import Extraction, Member, Page
from layers.domain.step import (
    ENDED,
    Artifact,
    Done,
    Failed,
    Later,
    Outcome,
    Parked,
    PlannedStep,
    Retry,
    Skip,
    Skipped,
    State,
    Stop,
)
from layers.ports import Backlog, Claim, FilePlan, Finished, Planner, Recorded

Key = tuple[str, str, int]
AT_WORK = frozenset({State.READY, State.QUEUED, State.RUNNING})


@dataclass
class StepRow:
    """A part of a step. `since` is when it was readied or queued, is due, or its lease runs out."""

    state: State
    cost_estimate_s: float = 0.0
    page_numbers: tuple[int, ...] = ()
    attempt: int = 0
    failures: int = 0
    snoozes: int = 0
    losses: float = 0.0
    since: float = 0.0
    lease_id: str = ""
    owner: str = ""
    rides: bool = False
    error: tuple[str, str] | None = None
    redrives: int = 0
    stopped_from: State | None = None  # what an undo brings it back to


@dataclass
class FileRow:
    file: File
    upload_until: float
    weight: float = 1.0
    state: str = "uploading"
    removal_id: str | None = None
    pages: dict[int, Page] = field(default_factory=dict)
    artifacts: dict[str, Artifact] = field(default_factory=dict)
    has_arrived: bool = False
    record: Extraction | None = None
    windows: dict[tuple[str, int], Extraction] = field(default_factory=dict)
    used: list[dict[str, int]] = field(default_factory=list)
    error: tuple[str, str, str] | None = None
    attempts: list[tuple[str, int, int, str]] = field(default_factory=list)
    members: dict[int, str] = field(default_factory=dict)


class MemoryStore:
    """One lock stands for PostgreSQL's transactions: each method happens at once or not at all."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.RLock()
        self._lanes: dict[str, Lanes] = {}
        self.files: dict[str, FileRow] = {}
        self.steps: dict[Key, StepRow] = {}
        self.tombstones: dict[str, str] = {}
        self.removals: dict[str, int] = {}
        self._undo_until: dict[str, float] = {}
        self.sweeps: dict[str, list[tuple[str, str]]] = {}
        self._walks: dict[str, str] = {}

    # --- what the API does ---------------------------------------------------------------------------

    def promise(self, file: File, *, upload_s: float = 3600, weight: float = 1.0) -> None:
        """A file was announced; its object may arrive."""
        self.files[file.file_id] = FileRow(file, self._now() + upload_s, weight)

    def remove(self, file_ids: Sequence[str], undo_s: float = 0.0) -> str:
        """Remove files: out of everyone's sight at once, to be erased by the removal's id once undo is over."""
        with self._lock:
            removal_id = str(uuid.uuid4())
            self.removals[removal_id] = 0
            self._undo_until[removal_id] = self._now() + undo_s
            for file_id in file_ids:
                self._stop(file_id, may_come_back=True)
                self.files[file_id].removal_id = removal_id
            return removal_id

    def undo(self, removal_id: str) -> int | None:
        """Bring back what a removal took and run what it stopped; how many files, or None where it is too late."""
        with self._lock:
            if removal_id not in self._undo_until or self._now() >= self._undo_until[removal_id]:
                return None
            del self.removals[removal_id], self._undo_until[removal_id]
            back = [file_id for file_id, row in self.files.items() if row.removal_id == removal_id]
            for key, row in [(key, row) for key, row in self.steps.items() if key[0] in back and row.stopped_from]:
                if row.stopped_from == State.READY:
                    self._ready(key, row)
                else:
                    row.state = State.WAITING
                row.stopped_from = None
            for file_id in back:
                self.files[file_id].removal_id = None
            return len(back)

    def cancel(self, batch_id: str) -> int:
        """Stop what has not run of a batch; how many of its files were not settled."""
        with self._lock:
            chosen = [
                (file_id, row)
                for file_id, row in self.files.items()
                if row.file.batch_id == batch_id and not row.removal_id
                if row.state in ("uploading", "upload_missing", "processing")
            ]
            for file_id, row in chosen:
                self._stop(file_id, may_come_back=False)
                row.state = "cancelled"
            return len(chosen)

    def _stop(self, file_id: str, *, may_come_back: bool) -> None:
        for key, row in self.steps.items():
            if key[0] == file_id and row.state not in ENDED | {State.RUNNING}:
                before = State.WAITING if row.state == State.WAITING else State.READY
                row.state, row.stopped_from = State.CANCELLED, before if may_come_back else None

    def redrive(
        self,
        file_id: str,
        steps: Sequence[str],
        earlier: Sequence[str],
        is_main: bool,
        planner: Callable[[File], Sequence[PlannedStep]],
    ) -> bool:
        """Run steps of a file again; False where some are at work, or of the `earlier` ones some have not ended."""
        with self._lock:
            of = self.files.get(file_id)
            if of is None or of.removal_id or of.state in ("uploading", "upload_missing") or not of.has_arrived:
                return False
            rows = {key: row for key, row in self.steps.items() if key[0] == file_id}
            if any(key[1] in steps and row.state in AT_WORK for key, row in rows.items()):
                return False
            if not all(any(key[1] == one for key in rows) for one in earlier):
                return False
            if any(key[1] in earlier and row.state not in ENDED for key, row in rows.items()):
                return False
            self._begin_anew(of, [key for key in rows if key[1] in steps], steps)
            if is_main:
                of.state, of.error = "processing", None
            self._carry_out(of, FilePlan(planner(self._facts(of))))
            return True

    def _begin_anew(self, of: FileRow, keys: Sequence[Key], steps: Sequence[str]) -> None:
        file_id, redrives = of.file.file_id, {key[1]: self.steps[key].redrives + 1 for key in keys}
        for key in keys:
            del self.steps[key]
        for step in steps:
            self.steps[file_id, step, 0] = StepRow(State.WAITING, redrives=redrives.get(step, 0))
        of.windows = {key: found for key, found in of.windows.items() if key[0] not in steps}
        anew = {"text": {"native", "ocr", "textract"}, "ocr": {"ocr", "textract"}, "textract": {"textract"}}
        first = next((step for step in anew if step in steps), None)
        if first == "text":
            of.pages.clear()
        elif first:
            of.pages |= {
                n: replace(p, source=None, confidence=0.0) for n, p in of.pages.items() if p.source in anew[first]
            }

    # --- the port ------------------------------------------------------------------------------------

    def arrive(self, arrivals: Sequence[Arrival]) -> dict[str, str]:
        with self._lock:
            verdicts: dict[str, str] = {}
            for arrival in arrivals:
                if arrival.object_key not in verdicts:
                    verdicts[arrival.object_key] = self._arrive(arrival)
            return verdicts

    def _arrive(self, arrival: Arrival) -> str:
        file_id = arrival.object_key.rsplit("/", 1)[-1]
        row = self.files.get(file_id)
        if file_id in self.tombstones:
            return "removed"
        if row and row.removal_id and row.state == "uploading":
            return "known" if self._now() < self._undo_until.get(row.removal_id, 0.0) else "removed"
        if row is None or row.file.object_key != arrival.object_key:
            return "unknown"
        if row.state not in ("uploading", "upload_missing"):
            return "known"
        row.state, row.file = "processing", replace(row.file, version_id=arrival.version_id)
        row.has_arrived = True
        self._ready((file_id, "intake", 0), StepRow(State.READY, 0.1))
        return "arrived"

    def claim(self, wake_up: WakeUp, owner: str, lease_s: float, *, durably: bool) -> Claim | None:
        with self._lock:
            key = (wake_up.file_id, wake_up.step, wake_up.part)
            row, of = self.steps.get(key), self.files.get(wake_up.file_id)
            if row is None or of is None or of.removal_id:
                return None
            if row.state != State.QUEUED or row.attempt != wake_up.attempt - 1:
                return None
            row.state, row.attempt, row.owner = State.RUNNING, wake_up.attempt, owner
            row.lease_id, row.since = str(uuid.uuid4()), self._now() + lease_s
            return self._claim(key)

    def claim_all(self, wake_ups: Sequence[WakeUp], owner: str, lease_s: float, *, durably: bool) -> list[Claim]:
        claims = [self.claim(wake_up, owner, lease_s, durably=durably) for wake_up in wake_ups]
        return [claim for claim in claims if claim]

    def record_all(self, finished: Sequence[Finished], *, host: str) -> list[Recorded]:
        return [
            self.record(one.claim, one.outcome, one.planner, cost_s=one.cost_s, host=host, used=one.used)
            for one in finished
        ]

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
        with self._lock:
            of, row = self.files.get(claim.file.file_id), self._held(claim)
            removed = of is None or of.removal_id is not None
            if of is None or row is None:
                return Recorded(fenced=True, removed=removed)
            plan = FilePlan()
            if not removed and of.state != "cancelled":
                others = [other for other in self._rows_of(claim) if other is not row]
                if not isinstance(outcome, Retry | Later | Parked) and all(other.state in ENDED for other in others):
                    plan = planner(self._facts_after(of, claim, outcome))
            word, row.state = _verdict(outcome)
            # A cancelled file's step would have to run once more.
            if removed or (of.state == "cancelled" and row.state not in ENDED):
                word, row.state = "cancelled", State.CANCELLED
            row.stopped_from = State.READY if removed and of.state != "cancelled" else None
            row.lease_id = row.owner = ""
            row.since = self._now() + getattr(outcome, "delay_s", 0.0)
            row.failures += word in ("retried", "failed")
            row.snoozes += word in ("snoozed", "parked")
            if word == "lost":
                row.losses += 0.5 if getattr(outcome, "code", "") == "lost_with_others" else 1.0
            row.error = (outcome.code, outcome.detail) if isinstance(outcome, Failed) else None
            if isinstance(outcome, Later) and outcome.cost_estimate_s is not None:
                row.cost_estimate_s = outcome.cost_estimate_s
            of.attempts.append((claim.step, claim.part, claim.attempt, word))
            of.used += [dict(used)] if used else []
            if removed:
                return Recorded(removed=True)
            if isinstance(outcome, Done):
                self._keep(of, outcome, claim)
            if plan.merged:
                self._keep(of, plan.merged, claim)
            return Recorded(readied=self._carry_out(of, plan))

    def keep_artifact(self, claim: Claim, artifact: Artifact) -> bool:
        with self._lock:
            of = self.files.get(claim.file.file_id)
            if of is None or of.removal_id or self._held(claim) is None:
                return False
            of.artifacts[artifact.kind] = artifact
            return True

    def add_members(self, claim: Claim, members: Sequence[Member], upload_s: float) -> dict[int, str | None]:
        with self._lock:
            archive = self.files.get(claim.file.file_id)
            if archive is None or archive.removal_id or self._held(claim) is None:
                return {}
            for member in members:
                if member.place not in archive.members:
                    file_id = str(uuid.uuid4())
                    made = replace(
                        archive.file, file_id=file_id, name=member.name, declared_size_bytes=member.size_bytes,
                        object_key=original_key(archive.file.tenant_id, file_id), declared_sha256=member.sha256,
                        version_id=None, is_to_be_expanded=False,
                    )  # fmt: skip
                    archive.members[member.place] = file_id
                    self.promise(made, upload_s=upload_s, weight=archive.weight)
            return {member.place: self._key_to_store(archive.members[member.place]) for member in members}

    def _key_to_store(self, file_id: str) -> str | None:
        row = self.files[file_id]
        return row.file.object_key if row.state in ("uploading", "upload_missing") and not row.removal_id else None

    def correct_lane(self, claim: Claim, difference_s: float) -> None:
        with self._lock:
            self._lanes[claim.step].correct(claim.file.tenant_id, claim.file.batch_id, 0.0, difference_s)

    def _long_in_flight(self, step: str) -> int:
        return sum(
            key[1] == step and is_long(row.cost_estimate_s) and row.state in (State.QUEUED, State.RUNNING)
            for key, row in self.steps.items()
        )

    def dispatch(
        self,
        caps: Mapping[str, int],
        most: Mapping[str, int] | None = None,
        loads: Mapping[str, int] | None = None,
    ) -> list[WakeUp]:
        with self._lock:
            return [
                wake_up
                for step, cap in sorted(caps.items())
                for wake_up in islice(self._dispatch(step, cap, (loads or {}).get(step, 1)), (most or {}).get(step))
            ]

    def _dispatch(self, step: str, cap: int, load: int) -> Iterable[WakeUp]:
        at_work = [
            row for key, row in self.steps.items() if key[1] == step and row.state in (State.QUEUED, State.RUNNING)
        ]
        in_flight, in_flight_s = sum(not row.rides for row in at_work), sum(row.cost_estimate_s for row in at_work)
        if in_flight >= cap:
            return
        long_ones = sum(is_long(row.cost_estimate_s) for row in at_work)
        lanes = self._lanes.get(step)
        loaded, loaded_s, most = 0, 0.0, load
        while lanes and (in_flight < places(cap, in_flight, in_flight_s) or 0 < loaded < most):
            goes_on, long_too = 0 < loaded < most, long_ones < places_of_the_long(cap)
            item = lanes.look(long_too, goes_on)
            if item is None and not goes_on:
                return
            file_id, part = item.rsplit(":", 1) if item else ("", "0")
            row = self.steps.get((file_id, step, int(part)))
            if item and (row is None or row.state != State.READY):
                lanes.next(long_too, goes_on)
                continue
            with_it = load_of(load, row.losses) if row else 0
            if row is None or (goes_on and not rides(loaded, loaded_s, row.cost_estimate_s, min(most, with_it))):
                loaded = 0  # what does not fit waits for its lane's turn
                continue
            most = min(most, with_it) if goes_on else with_it
            lanes.next(long_too, goes_on)
            long_ones += is_long(row.cost_estimate_s)
            in_flight_s += row.cost_estimate_s
            row.state, row.since, row.rides = State.QUEUED, self._now(), goes_on
            if row.rides:
                loaded, loaded_s = loaded + 1, loaded_s + row.cost_estimate_s
            else:
                loaded, loaded_s, in_flight = 1, row.cost_estimate_s, in_flight + 1
            yield WakeUp(file_id, step, int(part), row.attempt + 1, row.rides)

    def pages(self, file_id: str) -> list[Page]:
        return [page for _, page in sorted(self.files[file_id].pages.items())]

    def extend(self, claims: Sequence[Claim], lease_s: float) -> int:
        with self._lock:
            held = [row for claim in claims if (row := self._held(claim))]
            for row in held:
                row.since = self._now() + lease_s
            return len(held)

    def expired(self, limit: int) -> list[Claim]:
        return self._claims(lambda row: row.since < self._now())[:limit]

    def held_by(self, owner: str) -> list[Claim]:
        return self._claims(lambda row: row.owner == owner)

    def wake_due(self, limit: int) -> set[str]:
        with self._lock:
            waits = (State.RETRYING, State.PARKED)
            due = [key for key, row in self.steps.items() if row.state in waits and row.since <= self._now()][:limit]
            for key in due:
                self._ready(key, self.steps[key])
            return {step for _, step, _ in due}

    def wake_parked(self, steps: Sequence[str], limit: int) -> int:
        with self._lock:
            parked = [
                row
                for key, row in self.steps.items()
                if key[1] in steps and row.state == State.PARKED and row.since > self._now()
            ][:limit]
            for row in parked:
                row.since = self._now()
            return len(parked)

    def unclaimed_steps(self, older_than_s: float) -> set[str]:
        with self._lock:
            late = self._now() - older_than_s
            return {key[1] for key, row in self.steps.items() if row.state == State.QUEUED and row.since <= late}

    def unclaimed(self, older_than_s: float, limit: int, but_of: Collection[str] = ()) -> list[WakeUp]:
        with self._lock:
            stale = [
                (key, row)
                for key, row in self.steps.items()
                if row.state == State.QUEUED and row.since <= self._now() - older_than_s and key[1] not in but_of
            ][:limit]
            told: list[WakeUp] = []
            before = ("", "")
            for key, row in sorted(stale, key=lambda one: (one[0][1], self._batch_of(one[0][0]))):
                lane = key[1], self._batch_of(key[0])
                row.since, row.rides, before = self._now(), row.rides and lane == before, lane
                told.append(WakeUp(*key, row.attempt + 1, row.rides))
            return told

    def _batch_of(self, file_id: str) -> str:
        return self.files[file_id].file.batch_id

    def analyze_grown(self) -> int:
        return 0  # nobody plans here

    def repair_lanes(self) -> int:
        return 0  # a lane and its steps live and die together here

    def steps_with_backlog(self) -> set[str]:
        return {key[1] for key, row in self.steps.items() if row.state == State.READY}

    def backlog(self, steps: Sequence[str]) -> list[Backlog]:
        return [self._backlog(step) for step in steps]

    def _backlog(self, step: str) -> Backlog:
        of_step = [row for key, row in self.steps.items() if key[1] == step]
        waits = [self._now() - row.since for row in of_step if row.state == State.READY]
        passes = [lane.passed for lane in self._lanes.get(step, Lanes()).tenants.values() if lane.active]
        parked = sum(row.state == State.PARKED for row in of_step)
        return Backlog(step, max(waits, default=0.0), parked, max(passes, default=0.0) - min(passes, default=0.0))

    def awaited(self, older_than_s: float) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for row in self.files.values():
            if row.state == "uploading" and not row.removal_id:
                found.setdefault(row.file.tenant_id, []).append(row.file.object_key)
        return {tenant_id: sorted(keys) for tenant_id, keys in found.items()}

    def miss_uploads(self, limit: int) -> int:
        late = [row for row in self.files.values() if row.state == "uploading" and row.upload_until < self._now()]
        for row in late[:limit]:
            row.state = "upload_missing"
        return len(late[:limit])

    def measure_backlogs(self, least_s: float) -> int | None:
        return None  # there is nobody here whom it could be told

    def removals_due(self, limit: int) -> list[tuple[str, list[tuple[str, str]]]]:
        with self._lock:
            due = [one for one in self.removals if self._undo_until.get(one, 0.0) <= self._now()]
            self._undo_until = {one: until for one, until in self._undo_until.items() if one not in due}
            return [
                (
                    removal_id,
                    [(r.file.tenant_id, f) for f, r in self.files.items() if r.removal_id == removal_id][:limit],
                )
                for removal_id in due
            ]

    def erase(self, removal_id: str, file_ids: Sequence[str], objects_erased: int) -> None:
        with self._lock:
            for file_id in file_ids:
                tenant_id = self.files[file_id].file.tenant_id
                self.sweeps.setdefault(removal_id, []).append((tenant_id, file_id))
                del self.files[file_id]
                self.tombstones[file_id] = removal_id
                self.steps = {key: row for key, row in self.steps.items() if key[0] != file_id}
            self.removals[removal_id] += objects_erased
            if not any(row.removal_id == removal_id for row in self.files.values()):
                del self.removals[removal_id]

    def sweeps_due(self) -> list[tuple[str, list[tuple[str, str]]]]:
        return [(removal_id, files) for removal_id, files in self.sweeps.items() if removal_id not in self.removals]

    def swept(self, removal_id: str, objects_erased: int) -> None:
        del self.sweeps[removal_id]

    def fold_counts(self, limit: int) -> int:
        return 0  # nothing is counted here but by looking

    def fold_attempts(self) -> int:
        return 0  # the ledger is its own total here

    def audit_rows(
        self, every_s: float, limit: int, main_steps: Sequence[str], side_artifacts: Mapping[str, Sequence[str]]
    ) -> dict[str, int] | None:
        ended = ENDED | {State.WAITING}
        moving = {key[0] for key, row in self.steps.items() if row.state not in ended}
        unfinished = {key[0] for key, row in self.steps.items() if key[1] in main_steps and row.state not in ENDED}
        settled = ("done", "partial", "failed")
        kept = {f: row for f, row in self.files.items() if not row.removal_id}
        missing = sum(
            kind not in kept[file_id].artifacts
            for (file_id, step, _), row in self.steps.items()
            if file_id in kept and row.state == State.DONE
            for kind in side_artifacts.get(step, ())
        )
        stranded = [
            f for f, r in self.files.items() if r.state == "processing" and not r.removal_id and f not in moving
        ]
        done = Counter((f, *one[:2]) for f, r in self.files.items() for one in r.attempts if one[3] == "done")
        doubled = sum(max(0, times - 1 - self.steps[key].redrives) for key, times in done.items() if key in self.steps)
        findings = {
            "lost": len(stranded),
            "doubled": doubled,
            "artifacts_missing": missing,
            "settled_files_with_work_left": sum(row.state in settled and f in unfinished for f, row in kept.items()),
        }
        return {name: count for name, count in findings.items() if count}

    def walk(self, name: str) -> tuple[str, float]:
        return self._walks.get(name, ""), 1e9

    def note_walk(
        self, name: str, start: str, reached: str, checked: int, findings: Mapping[str, int], *, ended: bool
    ) -> None:
        self._walks[name] = "" if ended else reached

    def object_verdicts(self, keys: Sequence[str]) -> dict[str, str]:
        return {key: self._object_verdict(key) for key in keys}

    def _object_verdict(self, key: str) -> str:
        parts = key.split("/")
        of = self.files.get(parts[2]) if len(parts) > 2 else None
        if of is None:
            return "removed" if len(parts) > 2 and parts[2] in self.tombstones else "unknown"
        if key == of.file.object_key:
            return "awaited" if of.state in ("uploading", "upload_missing") else "referenced"
        if any(artifact.object_key == key for artifact in of.artifacts.values()):
            return "referenced"
        held = (
            self._claim(one) for one, row in self.steps.items() if one[0] == parts[2] and row.state == State.RUNNING
        )
        return "at_work" if any(key.startswith(claim.artifact_key("")) for claim in held) else "spare"

    def artifact_keys(self, after: str, limit: int) -> list[tuple[str, str, str | None]]:
        kept: list[tuple[str, str, str | None]] = [
            (f"{file_id} {kind}", artifact.object_key, None)
            for file_id, row in self.files.items()
            for kind, artifact in row.artifacts.items()
            if not row.removal_id
        ]
        return [one for one in sorted(kept) if one[0] > after][:limit]

    def forget_requests(self) -> int:
        return 0

    def is_up(self) -> bool:
        return True

    # --- beneath -------------------------------------------------------------------------------------

    def _ready(self, key: Key, row: StepRow) -> None:
        of = self.files[key[0]]
        row.state, row.since = State.READY, self._now()
        self.steps[key] = row
        lanes = self._lanes.setdefault(key[1], Lanes())
        lanes.ready(of.file.tenant_id, of.file.batch_id, f"{key[0]}:{key[2]}", row.cost_estimate_s, of.weight)

    def _held(self, claim: Claim) -> StepRow | None:
        row = self.steps.get((claim.file.file_id, claim.step, claim.part))
        return row if row and row.state == State.RUNNING and row.lease_id == claim.lease_id else None

    def _rows_of(self, claim: Claim) -> list[StepRow]:
        return [row for key, row in self.steps.items() if key[:2] == (claim.file.file_id, claim.step)]

    def _claims(self, chosen: Callable[[StepRow], bool]) -> list[Claim]:
        with self._lock:
            return [self._claim(key) for key, row in self.steps.items() if row.state == State.RUNNING and chosen(row)]

    def _claim(self, key: Key) -> Claim:
        row = self.steps[key]
        parts = sum(other[:2] == key[:2] for other in self.steps)
        facts = self._facts(self.files[key[0]])
        file = replace(facts, page_numbers=row.page_numbers, part=key[2], part_count=parts, redrives=row.redrives)
        return Claim(
            file,
            key[1],
            key[2],
            row.attempt,
            row.lease_id,
            row.failures,
            row.cost_estimate_s,
            row.snoozes,
            row.losses,
            row.owner,
        )

    def _facts(self, of: FileRow) -> File:
        failed = {key[1]: row.error for key, row in self.steps.items() if key[0] == of.file.file_id and row.error}
        pages = tuple(
            PageSummary(page.number, page.source, page.confidence, len(page.text.encode()))
            for page in _in_order(of.pages)
        )
        return replace(of.file, pages=pages, failures=failed)

    def _facts_after(self, of: FileRow, claim: Claim, outcome: Outcome) -> File:
        """The file as it would stand, so that a planner that fails leaves everything as it was."""
        after = replace(of, pages=dict(of.pages), artifacts=dict(of.artifacts), windows=dict(of.windows))
        if isinstance(outcome, Done):
            self._keep(after, outcome, claim)
        windows = {part: found for (step, part), found in after.windows.items() if step == claim.step}
        facts = replace(self._facts(after), windows=windows, part_count=len(self._rows_of(claim)))
        if isinstance(outcome, Failed):
            facts = replace(facts, failures={**facts.failures, claim.step: (outcome.code, outcome.detail)})
        return facts

    def _keep(self, of: FileRow, outcome: Done, claim: Claim) -> None:
        if outcome.identity:
            of.file = replace(
                of.file,
                media_type=outcome.identity.media_type,
                page_count=outcome.identity.page_count,
                size_bytes=outcome.size_bytes,
            )
        for page in outcome.pages:
            before = of.pages.get(page.number)
            if before is None or before.source is None or page.confidence >= before.confidence:
                of.pages[page.number] = page
        for artifact in outcome.artifacts:
            of.artifacts[artifact.kind] = artifact
        if outcome.extraction:
            of.record = outcome.extraction
            of.windows.clear()
        if outcome.window:
            of.windows[claim.step, claim.part] = outcome.window

    def _carry_out(self, of: FileRow, plan: FilePlan) -> frozenset[str]:
        readied = set()
        for one in plan.steps:
            key = (of.file.file_id, one.step, 0)
            before = self.steps.get(key, StepRow(State.WAITING))
            if before.state != State.WAITING:
                continue
            if isinstance(one.plan, tuple):
                readied.add(one.step)
                for place, part in enumerate(one.plan):
                    row = StepRow(State.READY, part.cost_estimate_s, part.page_numbers, redrives=before.redrives)
                    row.attempt = max((n for s, p, n, _ in of.attempts if (s, p) == (one.step, place)), default=0)
                    self._ready((of.file.file_id, one.step, place), row)
            elif isinstance(one.plan, Stop):
                error = (one.plan.code, one.plan.detail)
                self.steps[key] = StepRow(State.FAILED, error=error, redrives=before.redrives)
            else:
                state = State.SKIPPED if isinstance(one.plan, Skip) else State.WAITING
                self.steps[key] = StepRow(state, redrives=before.redrives)
        if plan.file_state:
            of.state, of.error = plan.file_state, plan.error
        return frozenset(readied)


def _in_order(pages: Mapping[int, Page]) -> list[Page]:
    return [pages[number] for number in sorted(pages)]


def _verdict(outcome: Outcome) -> tuple[str, State]:
    if isinstance(outcome, Retry | Failed) and outcome.lost:
        return "lost", State.RETRYING if isinstance(outcome, Retry) else State.FAILED
    words: dict[type, tuple[str, State]] = {
        Done: ("done", State.DONE),
        Skipped: ("skipped", State.SKIPPED),
        Failed: ("failed", State.FAILED),
        Retry: ("retried", State.RETRYING),
        Later: ("snoozed", State.RETRYING),
        Parked: ("parked", State.PARKED),
    }
    return words[type(outcome)]
