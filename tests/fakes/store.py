"""The status store in memory."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from layers.domain.estimates import intake_s
from layers.domain.fairness import (
    Lanes,
    bundle_size,
    is_long,
    joins_bundle,
    slots,
    slots_for_long_parts,
)
from layers.domain.file import File, original_key
from layers.domain.fleet import SILENT_S, Fleet, Registration
from layers.domain.imports import file_id_of
from layers.domain.ledger import CANCELLED, entry
from layers.domain.lifecycle import INTAKE_STEP
from layers.domain.message import Arrival, WakeUp
from layers.domain.page import Member, Page, replaces
from layers.domain.step import ENDED, Artifact, Done, Failed, Later, Outcome, Skip, State, Stop
from layers.ports import Backlog, Claim, FilePlan, Finished, Planner, Recorded
from tests.fakes.audit import MemoryAudit
from tests.fakes.removal import MemoryRemovals
from tests.fakes.rows import FileRow, Key, StepRow


class MemoryStore(MemoryRemovals, MemoryAudit):
    """The port, and the API's operations on the same rows. It has no tables to analyze and no lanes to repair."""

    def arrive(self, arrivals: Sequence[Arrival]) -> dict[str, str]:
        with self._lock:
            verdicts: dict[str, str] = {}
            for arrival in arrivals:
                if arrival.object_key not in verdicts:
                    verdicts[arrival.object_key] = self._arrive(arrival)
            return verdicts

    def _arrive(self, arrival: Arrival) -> str:
        file_id = file_id_of(arrival.object_key)
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
        self._ready((file_id, INTAKE_STEP, 0), StepRow(State.READY, intake_s(row.file)))
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
            self.record(
                attempt.claim, attempt.outcome, attempt.planner, cost_s=attempt.cost_s, host=host, used=attempt.used
            )
            for attempt in finished
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
                if entry(outcome).state in ENDED and all(other.state in ENDED for other in others):
                    plan = planner(self._facts_after(of, claim, outcome))
            recorded = entry(outcome)
            if removed or (of.state == "cancelled" and recorded.state not in ENDED):
                recorded = CANCELLED
            row.state = recorded.state
            row.stopped_from = State.READY if removed and of.state != "cancelled" else None
            row.lease_id = row.owner = ""
            row.since = self._now() + getattr(outcome, "delay_s", 0.0)
            row.failures += recorded.failures
            row.snoozes += recorded.snoozes
            row.losses += recorded.losses
            row.error = (outcome.code, outcome.detail) if isinstance(outcome, Failed) else None
            if isinstance(outcome, Later) and outcome.cost_estimate_s is not None:
                row.cost_estimate_s = outcome.cost_estimate_s
            of.attempts.append((claim.step, claim.part, claim.attempt, recorded.word))
            of.used += [dict(used)] if used else []
            if removed:
                return Recorded(removed=True)
            if isinstance(outcome, Done):
                self._keep(of, outcome, claim)
            if plan.merged:
                self._keep(of, plan.merged, claim)
            return Recorded(readied=self._apply(of, plan), short=plan.short)

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
                if member.index not in archive.members:
                    file_id = str(uuid.uuid4())
                    made = replace(
                        archive.file, file_id=file_id, name=member.name, declared_size_bytes=member.size_bytes,
                        object_key=original_key(archive.file.tenant_id, file_id), declared_sha256=member.sha256,
                        version_id=None, is_to_be_expanded=False,
                        separation=archive.file.separation if member.first_page is None else None,
                    )  # fmt: skip
                    archive.members[member.index] = file_id
                    self.promise(made, upload_s=upload_s, weight=archive.weight)
            return {member.index: self._key_to_store(archive.members[member.index]) for member in members}

    def _key_to_store(self, file_id: str) -> str | None:
        row = self.files[file_id]
        return row.file.object_key if row.state in ("uploading", "upload_missing") and not row.removal_id else None

    def correct_lane(self, claim: Claim, difference_s: float) -> None:
        with self._lock:
            self._lanes[claim.step].correct(claim.file.tenant_id, claim.file.batch_id, 0.0, difference_s)

    def dispatch(
        self,
        caps: Mapping[str, int],
        most: Mapping[str, int] | None = None,
        bundles: Mapping[str, int] | None = None,
        ceilings: Mapping[str, int] | None = None,
    ) -> list[WakeUp]:
        with self._lock:
            return [
                wake_up
                for step, cap in sorted(caps.items())
                for wake_up in self._dispatch(
                    step,
                    cap,
                    (most or {}).get(step, cap),
                    (bundles or {}).get(step, 1),
                    (ceilings or {}).get(step, cap),
                )
            ]

    def _dispatch(self, step: str, cap: int, most: int, most_parts: int, ceiling: int) -> Iterable[WakeUp]:
        in_flight = [
            row for key, row in self.steps.items() if key[1] == step and row.state in (State.QUEUED, State.RUNNING)
        ]
        wake_ups, in_flight_s = sum(not row.rides for row in in_flight), sum(row.cost_estimate_s for row in in_flight)
        long_parts = sum(is_long(row.cost_estimate_s) for row in in_flight)
        while most > 0 and wake_ups < min(ceiling, slots(cap, wake_ups, in_flight_s)):
            bundle = self._next_bundle(step, most_parts, slots_for_long_parts(cap) - long_parts)
            if not bundle:
                return
            most, wake_ups = most - 1, wake_ups + 1
            for key, row in bundle:
                in_flight_s += row.cost_estimate_s
                long_parts += is_long(row.cost_estimate_s)
                row.state, row.since, row.rides = State.QUEUED, self._now(), key != bundle[0][0]
                yield WakeUp(*key, row.attempt + 1, row.rides)

    def _next_bundle(self, step: str, most_parts: int, long_slots: int) -> list[tuple[Key, StepRow]]:
        """The parts of the next wake-up, taken from their lanes; empty if nothing may be dispatched."""
        lanes, bundle, bundle_s = self._lanes.setdefault(step, Lanes()), list[tuple[Key, StepRow]](), 0.0
        most = most_parts
        while len(bundle) < most and not (bundle and is_long(bundle[0][1].cost_estimate_s)):
            same_batch_only = bool(bundle)
            item = lanes.peek(long_slots > 0, same_batch_only)
            if item is None:
                break
            file_id, part = item.rsplit(":", 1)
            key = (file_id, step, int(part))
            row = self.steps.get(key)
            if row and row.state == State.READY:  # else it was cancelled or erased
                most_with_it = min(most, bundle_size(most_parts, row.losses))
                if bundle and not joins_bundle(len(bundle), bundle_s, row.cost_estimate_s, most_with_it):
                    break
                most, bundle_s = most_with_it, bundle_s + row.cost_estimate_s
                bundle.append((key, row))
            lanes.next(long_slots > 0, same_batch_only)
        return bundle

    def pages(self, file_id: str) -> list[Page]:
        return [page for _, page in sorted(self.files[file_id].pages.items())]

    def count_read_pages(self, file_id: str, besides: Sequence[int]) -> int:
        return sum(page.source is not None and page.number not in besides for page in self.pages(file_id))

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
            return {key[1] for key, row in self.steps.items() if self._is_unclaimed(row, older_than_s)}

    def _is_unclaimed(self, row: StepRow, older_than_s: float) -> bool:
        age_s = self._now() - row.since
        return row.state == State.QUEUED and (age_s >= older_than_s or age_s < -1)

    def unclaimed(self, older_than_s: float, limit: int, but_of: Collection[str] = ()) -> list[WakeUp]:
        with self._lock:
            stale = [
                (key, row)
                for key, row in self.steps.items()
                if self._is_unclaimed(row, older_than_s) and key[1] not in but_of
            ][:limit]
            wake_ups: list[WakeUp] = []
            before = ("", "")
            for key, row in sorted(stale, key=lambda item: (item[0][1], self._batch_of(item[0][0]))):
                lane = key[1], self._batch_of(key[0])
                row.since, row.rides, before = self._now(), row.rides and lane == before, lane
                wake_ups.append(WakeUp(*key, row.attempt + 1, row.rides))
            return wake_ups

    def _batch_of(self, file_id: str) -> str:
        return self.files[file_id].file.batch_id

    def analyze_grown(self) -> int:
        return 0

    def repair_lanes(self) -> int:
        return 0

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
            is_new = 0 <= self._now() - row.announced_at < older_than_s
            if row.state == "uploading" and not row.removal_id and not is_new:
                found.setdefault(row.file.tenant_id, []).append(row.file.object_key)
        return {tenant_id: sorted(keys) for tenant_id, keys in found.items()}

    def miss_uploads(self, limit: int) -> int:
        late = [row for row in self.files.values() if row.state == "uploading" and row.upload_until < self._now()]
        for row in late[:limit]:
            row.state = "upload_missing"
        return len(late[:limit])

    def measure_backlogs(self, least_s: float) -> int | None:
        return None  # nothing here reads them

    def fold_counts(self, limit: int) -> int:
        return 0  # counts are computed when they are needed

    def fold_attempts(self) -> int:
        return 0

    def beat(self, registration: Registration) -> Fleet:
        with self._lock:
            self.workers[registration.worker] = (registration, self._now())
            live = [
                worker for worker, at in self.workers.values() if not worker.draining and at > self._now() - SILENT_S
            ]
            steps = {step for worker in live for step in worker.slots}
            slots = {step: sum(worker.slots.get(step, 0) for worker in live) for step in steps}
            return Fleet(len(live), slots, sum(worker.host == registration.host for worker in live))

    def leave(self, worker: str) -> None:
        self.workers.pop(worker, None)

    def take_turn(self, duty: str, every_s: float) -> bool:
        with self._lock:
            taken_at = self.duties.get(duty)
            if taken_at is not None and 0 <= self._now() - taken_at <= every_s:
                return False
            self.duties[duty] = self._now()
            return True

    def forget_requests(self) -> int:
        return 0

    def forget_manifests(self, kept_days: int, limit: int) -> int:
        return 0

    def is_up(self) -> bool:
        return True

    def _facts_after(self, of: FileRow, claim: Claim, outcome: Outcome) -> File:
        """The file as it would be after the outcome. Nothing is changed yet, in case the planner fails."""
        after = replace(
            of, pages=dict(of.pages), artifacts=dict(of.artifacts), windows=dict(of.windows), notes=dict(of.notes)
        )
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
                separated=outcome.separated,
                barcodes=outcome.barcodes,
            )
        for page in outcome.pages:
            before = of.pages.get(page.number)
            if before is None or replaces(page.confidence, before.source, before.confidence):
                begins = page.begins_document or (before is not None and before.begins_document)
                of.pages[page.number] = replace(page, begins_document=begins)
        for artifact in outcome.artifacts:
            of.artifacts[artifact.kind] = artifact
        of.notes[claim.step, claim.part] = outcome.notes
        if outcome.routed and outcome.routed.target:
            of.file = replace(of.file, dataset_id=outcome.routed.target)
        if outcome.extraction:
            of.record, of.record_is_complete = outcome.extraction, outcome.complete
            of.windows.clear()
        if outcome.window:
            of.windows[claim.step, claim.part] = outcome.window

    def _apply(self, of: FileRow, plan: FilePlan) -> frozenset[str]:
        readied = set()
        for step in plan.steps:
            key = (of.file.file_id, step.step, 0)
            before = self.steps.get(key, StepRow(State.WAITING))
            if before.state != State.WAITING:
                continue
            if isinstance(step.plan, tuple):
                readied.add(step.step)
                for index, part in enumerate(step.plan):
                    row = StepRow(State.READY, part.cost_estimate_s, part.page_numbers, redrives=before.redrives)
                    row.attempt = max((n for s, p, n, _ in of.attempts if (s, p) == (step.step, index)), default=0)
                    self._ready((of.file.file_id, step.step, index), row)
            elif isinstance(step.plan, Stop):
                error = (step.plan.code, step.plan.detail)
                self.steps[key] = StepRow(State.FAILED, error=error, redrives=before.redrives)
            else:
                state = State.SKIPPED if isinstance(step.plan, Skip) else State.WAITING
                self.steps[key] = StepRow(state, redrives=before.redrives)
        if plan.file_state:
            of.state, of.error = plan.file_state, plan.error
        return frozenset(readied)
