"""The status store in PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from psycopg.types.json import Jsonb

from layers.adapters.postgres.database import Database, Row, load_queries
from layers.adapters.postgres.outcome_json import artifact_as_json, fence_of, outcome_parameters, results_as_json
from layers.domain.estimates import INTAKE_BYTES_A_S, LEAST_S
from layers.domain.fairness import (
    BUNDLE_AFTER_LOSS,
    BUNDLE_S,
    IN_FLIGHT_PER_WORKER,
    SLICE_S,
    slots_for_long_parts,
)
from layers.domain.file import File, file_from_facts
from layers.domain.fleet import FORGOTTEN_S, SILENT_S, Fleet, Registration
from layers.domain.imports import file_id_of
from layers.domain.ledger import entry
from layers.domain.lifecycle import INTAKE_STEP, after
from layers.domain.message import Arrival, WakeUp
from layers.domain.page import Member, Page, facts_of, words_of
from layers.domain.plan_json import plan_as_json
from layers.domain.step import ENDED, Artifact, Outcome
from layers.ports import (
    Backlog,
    Claim,
    FilePlan,
    Finished,
    OpenUpload,
    Planner,
    Recorded,
    RecordedObject,
    UploadVerdict,
)

MOST_COUNTED = 1_000  # lanes or parts from which a backlog is computed
DISPATCH_POLICY = Jsonb(
    {
        "slice_s": SLICE_S,
        "in_flight_per_worker": IN_FLIGHT_PER_WORKER,
        "bundle_s": BUNDLE_S,
        "bundle_after_loss": BUNDLE_AFTER_LOSS,
    }
)
QUERIES = Path(__file__).with_name("queries.sql")


class PostgresStore:
    """Every write of an attempt is fenced by its lease. Only outcomes, and claims with `durably`, wait for the disk."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = load_queries(QUERIES)

    def arrive(self, arrivals: Sequence[Arrival]) -> dict[str, str]:
        objects = [
            {"file_id": file_id_of(a.object_key), "object_key": a.object_key, "version_id": a.version_id}
            for a in arrivals
        ]
        rows = self._database.rows(
            self._sql["arrive"],
            arrivals=Jsonb(objects),
            step=INTAKE_STEP,
            least_s=LEAST_S,
            bytes_a_s=INTAKE_BYTES_A_S,
        )
        return {row["object_key"]: row["verdict"] for row in rows}

    def claim(self, wake_up: WakeUp, owner: str, lease_s: float, *, durably: bool) -> Claim | None:
        return next(iter(self.claim_all([wake_up], owner, lease_s, durably=durably)), None)

    def claim_all(self, wake_ups: Sequence[WakeUp], owner: str, lease_s: float, *, durably: bool) -> list[Claim]:
        step = wake_ups[0].step
        rows = self._database.rows(
            self._sql["claim"],
            step=step,
            wake_ups=Jsonb([{"file_id": w.file_id, "part": w.part, "attempt": w.attempt} for w in wake_ups]),
            owner=owner,
            lease_s=lease_s,
            durably=durably,
        )
        return [_as_claim({**row["claim"], "step": step, "owner": owner}) for row in rows]

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
        return self.record_all([Finished(claim, outcome, planner, cost_s, used)], host=host)[0]

    def record_all(self, finished: Sequence[Finished], *, host: str) -> list[Recorded]:
        recorded = {
            n: self._record_and_plan(attempt, host)
            for n, attempt in enumerate(finished)
            if _depends_on_other_parts(attempt)
        }
        others = [(n, attempt, _plan(attempt)) for n, attempt in enumerate(finished) if n not in recorded]
        if others:
            outcomes = [{**outcome_parameters(attempt, host), "then": _as_then(plan)} for _, attempt, plan in others]
            rows = self._database.rows(self._sql["record_outcomes"], outcomes=Jsonb(outcomes))
            for (n, _, plan), row in zip(others, rows, strict=True):
                recorded[n] = _as_recorded(row["verdict"], plan)
        return [recorded[n] for n in range(len(finished))]

    def _record_and_plan(self, attempt: Finished, host: str) -> Recorded:
        """Record, read the file with the results of its other parts, and plan, all in one transaction."""
        key = {"file_id": attempt.claim.file.file_id}
        with self._database.connection() as connection, connection.transaction():
            parameters = outcome_parameters(attempt, host)
            parameters |= {"made": Jsonb(parameters["made"]), "counts": Jsonb(parameters["counts"]), "then": None}
            row = connection.execute(self._sql["record_outcome"], parameters).fetchone()
            assert row is not None
            if not row["verdict"].get("joined"):
                return _as_recorded(row["verdict"], FilePlan())
            facts = connection.execute(self._sql["file_facts"], key).fetchone()
            assert facts is not None
            windows = connection.execute(self._sql["windows"], key | {"step": attempt.claim.step}).fetchone()
            assert windows is not None
            plan = attempt.planner(file_from_facts(facts["facts"] | windows))
            self._apply(connection, attempt.claim.file, plan)
            return _as_recorded(row["verdict"], plan)

    def _apply(self, connection: Any, file: File, plan: FilePlan) -> None:
        file_id = file.file_id
        if plan.merged:
            results = Jsonb(results_as_json(plan.merged, file.schema_version))
            connection.execute(self._sql["keep_merged"], {"file_id": file_id, "made": results})
        if plan.steps:
            planned = Jsonb(plan_as_json(plan.steps))
            connection.execute(self._sql["apply_plan"], {"file_id": file_id, "planned": planned})
        if plan.file_state:
            step, code, detail = plan.error or (None, None, None)
            connection.execute(
                self._sql["settle_file"],
                {
                    "file_id": file_id,
                    "state": plan.file_state,
                    "error_step": step,
                    "error_code": code,
                    "error_detail": detail,
                },
            )

    def keep_artifact(self, claim: Claim, artifact: Artifact) -> bool:
        results = {"artifacts": [artifact_as_json(artifact)]}
        return self._database.row(self._sql["keep_artifact"], **fence_of(claim), made=Jsonb(results)) is not None

    def add_members(self, claim: Claim, members: Sequence[Member], upload_s: float) -> dict[int, str | None]:
        described = [
            {
                "place": member.index,
                "name": member.name,
                "size_bytes": member.size_bytes,
                "sha256": member.sha256,
                "first_page": member.first_page,
                "last_page": member.last_page,
            }
            for member in members
        ]
        rows = self._database.rows(
            self._sql["add_members"], **fence_of(claim), members=Jsonb(described), upload_s=upload_s
        )
        return {row["place"]: row["object_key"] for row in rows}

    def correct_lane(self, claim: Claim, difference_s: float) -> None:
        self._database.rows(
            self._sql["correct_lane"],
            step=claim.step,
            tenant_id=claim.file.tenant_id,
            batch_id=claim.file.batch_id,
            difference_s=difference_s,
        )

    def dispatch(
        self,
        caps: Mapping[str, int],
        most: Mapping[str, int] | None = None,
        bundles: Mapping[str, int] | None = None,
        ceilings: Mapping[str, int] | None = None,
    ) -> list[WakeUp]:
        limits = {
            step: {
                "cap": cap,
                "ceiling": (ceilings or {}).get(step, cap),
                "most": (most or {}).get(step, cap),
                "bundle": (bundles or {}).get(step, 1),
                "long_slots": slots_for_long_parts(cap),
            }
            for step, cap in caps.items()
        }
        rows = self._database.rows(self._sql["dispatch"], limits=Jsonb(limits), policy=DISPATCH_POLICY)
        return [_as_wake_up(row) for row in rows]

    def count_read_pages(self, file_id: str, besides: Sequence[int]) -> int:
        row = self._database.row(self._sql["count_read_pages"], file_id=file_id, besides=list(besides))
        assert row
        return int(row["pages"])

    def pages(self, file_id: str) -> list[Page]:
        rows = self._database.rows(self._sql["pages"], file_id=file_id)
        return [
            Page(
                row["page_number"],
                row["text"],
                words_of(row["words"]),
                row["source"],
                row["confidence"],
                row["width"],
                row["height"],
                row["turned"],
                facts=facts_of(row["facts"]),
                begins_document=row["begins_document"],
            )
            for row in rows
        ]

    def extend(self, claims: Sequence[Claim], lease_s: float) -> int:
        held = [{"file_id": c.file.file_id, "part": c.part, "lease_id": c.lease_id} for c in claims]
        return self._database.run(self._sql["extend"], step=claims[0].step, held=Jsonb(held), lease_s=lease_s)

    def expired(self, limit: int) -> list[Claim]:
        return [_as_claim(row["claim"]) for row in self._database.rows(self._sql["expired_claims"], limit=limit)]

    def held_by(self, owner: str) -> list[Claim]:
        rows = self._database.rows(self._sql["claims_held_by"], owner=owner)
        return [_as_claim(row["claim"]) for row in rows]

    def wake_due(self, limit: int) -> set[str]:
        return {row["step"] for row in self._database.rows(self._sql["wake_due"], limit=limit)}

    def wake_parked(self, steps: Sequence[str], limit: int) -> int:
        return self._database.run(self._sql["wake_parked"], steps=list(steps), limit=limit)

    def unclaimed_steps(self, older_than_s: float) -> set[str]:
        return {row["step"] for row in self._database.rows(self._sql["unclaimed_steps"], older_than_s=older_than_s)}

    def unclaimed(self, older_than_s: float, limit: int, but_of: Collection[str] = ()) -> list[WakeUp]:
        rows = self._database.rows(self._sql["unclaimed"], older_than_s=older_than_s, limit=limit, but_of=list(but_of))
        return [_as_wake_up(row) for row in rows]

    def analyze_grown(self) -> int:
        return int(self._database.rows(self._sql["analyze_grown"])[0]["analyzed"])

    def repair_lanes(self) -> int:
        return int(self._database.rows(self._sql["repair_lanes"])[0]["repaired"])

    def steps_with_backlog(self) -> set[str]:
        return {row["step"] for row in self._database.rows(self._sql["steps_with_backlog"])}

    def backlog(self, steps: Sequence[str]) -> list[Backlog]:
        rows = self._database.rows(self._sql["backlog"], steps=list(steps), most=MOST_COUNTED)
        return [Backlog(**row) for row in rows]

    def awaited(self, older_than_s: float) -> dict[str, list[str]]:
        rows = self._database.rows(self._sql["awaited"], older_than_s=older_than_s)
        return {str(row["tenant_id"]): row["object_keys"] for row in rows}

    def miss_uploads(self, limit: int) -> int:
        return self._database.run(self._sql["miss_uploads"], limit=limit)

    def measure_backlogs(self, least_s: float) -> int | None:
        row = self._database.rows(
            self._sql["measure_backlogs"], slice_s=SLICE_S, least_s=least_s, first_step=INTAKE_STEP
        )[0]
        return None if row["waiting"] is None else int(row["waiting"])

    def beat(self, registration: Registration) -> Fleet:
        row = self._database.rows(
            self._sql["beat"],
            worker=registration.worker,
            host=registration.host,
            version=registration.version,
            slots=Jsonb(dict(registration.slots)),
            draining=registration.draining,
            silent_s=SILENT_S,
            forgotten_s=FORGOTTEN_S,
        )[0]
        return Fleet(row["workers"], row["slots"], row["on_host"])

    def leave(self, worker: str) -> None:
        self._database.run(self._sql["leave"], worker=worker)

    def take_turn(self, duty: str, every_s: float) -> bool:
        return bool(self._database.rows(self._sql["take_turn"], duty=duty, every_s=every_s)[0]["taken"])

    def add_row_values(self, limit: int) -> int:
        return int(self._database.rows(self._sql["add_row_values"], limit=limit)[0]["records"])

    def remove_rest(self, limit: int) -> int:
        return int(self._database.rows(self._sql["remove_rest"], limit=limit)[0]["files"])

    def removals_due(self, limit: int) -> list[tuple[str, list[tuple[str, str]]]]:
        return _removals(self._database.rows(self._sql["removals_due"], limit=limit))

    def sweeps_due(self) -> list[tuple[str, list[tuple[str, str]]]]:
        return _removals(self._database.rows(self._sql["sweeps_due"]))

    def swept(self, removal_id: str, objects_erased: int) -> None:
        self._database.run(self._sql["swept"], removal_id=removal_id, objects_erased=objects_erased)

    def fold_counts(self, limit: int) -> int:
        return int(self._database.rows(self._sql["fold_counts"], limit=limit)[0]["folded"])

    def fold_attempts(self) -> int:
        return int(self._database.rows(self._sql["fold_attempts"])[0]["folded"])

    def audit_rows(
        self, every_s: float, limit: int, main_steps: Sequence[str], side_artifacts: Mapping[str, Sequence[str]]
    ) -> dict[str, int] | None:
        row = self._database.row(
            self._sql["audit_rows"],
            every_s=every_s,
            limit=limit,
            main_steps=list(main_steps),
            side_artifacts=Jsonb({step: list(kinds) for step, kinds in side_artifacts.items()}),
        )
        return row["findings"] if row else None

    def walk(self, name: str) -> tuple[str, float]:
        row = self._database.rows(self._sql["walk"], walk=name)[0]
        return row["reached"], row["rested_s"]

    def note_walk(
        self, name: str, start: str, reached: str, checked: int, findings: Mapping[str, int], *, ended: bool
    ) -> None:
        self._database.rows(
            self._sql["note_walk"],
            walk=name,
            start=start,
            reached=reached,
            checked=checked,
            findings=Jsonb(dict(findings)),
            ended=ended,
        )

    def object_verdicts(self, keys: Sequence[str]) -> dict[str, str]:
        rows = self._database.rows(self._sql["object_verdicts"], keys=list(keys))
        return {row["object_key"]: row["verdict"] for row in rows}

    def upload_verdicts(self, uploads: Sequence[OpenUpload]) -> list[UploadVerdict]:
        keys, upload_ids = [upload.object_key for upload in uploads], [upload.upload_id for upload in uploads]
        rows = self._database.rows(self._sql["upload_verdicts"], keys=keys, upload_ids=upload_ids)
        return [UploadVerdict(row["verdict"], row["removal_id"] and str(row["removal_id"])) for row in rows]

    def count_erased(self, removal_id: str, objects_erased: int) -> None:
        self._database.run(self._sql["count_erased"], removal_id=removal_id, objects_erased=objects_erased)

    def recorded_objects(self, after: str, limit: int, tenant_id: str | None = None) -> list[RecordedObject]:
        rows = self._database.rows(
            self._sql["recorded_objects"],
            of_tenant_id=tenant_id,
            after_file=after or None,
            limit=limit,
        )
        return [RecordedObject(str(row.pop("file_id")), str(row.pop("tenant_id")), **row) for row in rows]

    def forget_requests(self) -> int:
        return self._database.run(self._sql["forget_requests"])

    def forget_manifests(self, kept_days: int, limit: int) -> int:
        row = self._database.row(self._sql["forget_manifests"], kept_days=kept_days, limit=limit)
        return int(row["count"]) if row else 0

    def erase(self, removal_id: str, file_ids: Sequence[str], objects_erased: int) -> None:
        self._database.rows(
            self._sql["erase"], removal_id=removal_id, file_ids=list(file_ids), objects_erased=objects_erased
        )

    def is_up(self) -> bool:
        return self._database.row(self._sql["is_up"]) is not None


def _depends_on_other_parts(attempt: Finished) -> bool:
    return not attempt.claim.is_only_part and entry(attempt.outcome).state in ENDED


def _plan(attempt: Finished) -> FilePlan:
    if entry(attempt.outcome).state not in ENDED:
        return FilePlan()
    return attempt.planner(after(attempt.claim.file, attempt.claim.step, attempt.outcome))


def _as_then(plan: FilePlan) -> dict[str, Any]:
    then: dict[str, Any] = {"planned": plan_as_json(plan.steps)} if plan.steps else {}
    return then | ({"file_state": plan.file_state, "error": plan.error} if plan.file_state else {})


def _as_recorded(verdict: dict[str, Any], plan: FilePlan) -> Recorded:
    follows = plan if verdict.get("joined") else FilePlan()
    return Recorded(
        bool(verdict.get("fenced")), bool(verdict.get("removed")), readied=follows.readied, short=follows.short
    )


def _removals(rows: list[Row]) -> list[tuple[str, list[tuple[str, str]]]]:
    return [(str(row["removal_id"]), [(str(tenant), str(file)) for tenant, file in row["files"]]) for row in rows]


def _as_wake_up(row: Row) -> WakeUp:
    return WakeUp(str(row["file_id"]), row["step"], row["part"], row["attempt"], row.get("rides", False))


def _as_claim(facts: dict[str, Any]) -> Claim:
    return Claim(
        file_from_facts(facts),
        facts["step"],
        facts["part"],
        facts["attempt"],
        facts["lease_id"],
        facts["failures_before"],
        facts["cost_estimate_s"],
        facts["snoozes"],
        facts["losses"],
        facts.get("owner", ""),
        facts.get("part_count") == 1,
    )
