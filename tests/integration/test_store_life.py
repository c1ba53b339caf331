"""The life of a step in PostgreSQL: arrive, claim, record, retry, rescue, remove."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest

from layers.database import Database
from layers.domain.errors import StoreUnreachable
from layers.domain.message import Arrival, WakeUp
from layers.domain.page import Evidence, Extraction, Page, Word
from layers.domain.step import Artifact, Done, Failed, Later, Part, PlannedStep, Retry, Skip
from layers.ports import FilePlan
from tests.integration.making import INTAKE_DONE, ONE_PART, Bench, nothing_follows


@pytest.fixture
def bench(database_url: str) -> Bench:
    bench = Bench.on(database_url)
    bench.database.run("TRUNCATE tenants CASCADE")
    bench.database.run("TRUNCATE lane_clocks")
    return bench


def intake_of(bench: Bench) -> WakeUp:
    bench.arrived()
    (wake_up,) = bench.store.dispatch({"intake": 10})
    return wake_up


def test_an_arrival_readies_intake_once_however_often_it_is_told(bench: Bench) -> None:
    ((file_id, key),) = bench.arrived()
    assert bench.store.arrive([Arrival(key, "v2"), Arrival(key, "v3")]) == {key: "known"}
    assert len(bench.store.dispatch({"intake": 10})) == 1
    row = bench.database.row("SELECT version_id FROM files WHERE file_id = %(id)s", id=file_id)
    assert row == {"version_id": "v1"}


def test_an_object_that_nobody_announced_is_unknown(bench: Bench) -> None:
    key = f"originals/{uuid.uuid4()}/{uuid.uuid4()}"
    assert bench.store.arrive([Arrival(key)]) == {key: "unknown"}


def test_an_object_of_a_removed_file_is_named_so(bench: Bench) -> None:
    tenant_id = bench.tenant()
    dataset_id = bench.dataset(tenant_id)
    ((file_id, key),) = bench.files(tenant_id, dataset_id, bench.batch(tenant_id, dataset_id), 1)
    removal = remove(bench, tenant_id, dataset_id, file_id)
    assert bench.store.arrive([Arrival(key)]) == {key: "removed"}
    bench.store.erase(removal, [file_id], 0)
    assert bench.store.arrive([Arrival(key)]) == {key: "removed"}


def remove(bench: Bench, tenant_id: str, dataset_id: str, file_id: str) -> str:
    row = bench.catalog.row(
        "remove_files", tenant_id=tenant_id, dataset_id=dataset_id, file_ids=[file_id], batch_id=None, undo_s=0
    )
    assert row
    return str(row["removal_id"])


def test_a_part_is_claimed_once(bench: Bench) -> None:
    wake_up = intake_of(bench)
    assert bench.store.claim(wake_up, "one", 60, durably=False) is not None
    assert bench.store.claim(wake_up, "two", 60, durably=True) is None


def test_a_wake_up_for_another_attempt_claims_nothing(bench: Bench) -> None:
    wake_up = intake_of(bench)
    assert bench.store.claim(replace(wake_up, attempt=2), "one", 60, durably=False) is None
    assert bench.store.claim(wake_up, "one", 60, durably=False) is not None


def test_a_late_writer_changes_nothing(bench: Bench) -> None:
    claim = bench.claim(intake_of(bench))
    zombie = replace(claim, lease_id=str(uuid.uuid4()))
    artifact = Artifact("text", "key", "text/plain", 1)
    assert bench.store.record(zombie, Done(artifacts=(artifact,)), nothing_follows, cost_s=1, host="h").fenced
    assert not bench.store.keep_artifact(zombie, artifact)
    assert bench.database.rows("SELECT * FROM artifacts") == []
    assert not bench.store.record(claim, INTAKE_DONE, nothing_follows, cost_s=1, host="h").fenced
    assert bench.store.record(claim, INTAKE_DONE, nothing_follows, cost_s=1, host="h").fenced
    assert len(bench.database.rows("SELECT * FROM attempts")) == 1


def test_an_outcome_and_what_it_readies_are_written_together(bench: Bench) -> None:
    claim = bench.claim(intake_of(bench))
    plan = FilePlan(
        [PlannedStep("text", Skip("a picture")), PlannedStep("ocr", ONE_PART), PlannedStep("textract", None)]
    )
    recorded = bench.store.record(claim, INTAKE_DONE, lambda file: plan, cost_s=1, host="h")
    assert recorded.readied == {"ocr"}
    assert bench.states(claim.file.file_id) == {
        ("intake", 0): "done",
        ("text", 0): "skipped",
        ("ocr", 0): "ready",
        ("textract", 0): "waiting",
    }


def test_a_planner_that_fails_leaves_the_outcome_unwritten(bench: Bench) -> None:
    claim = bench.claim(intake_of(bench))

    def broken(_file: object) -> FilePlan:
        raise RuntimeError("died here")

    with pytest.raises(RuntimeError):
        bench.store.record(claim, INTAKE_DONE, broken, cost_s=1, host="h")
    assert bench.states(claim.file.file_id) == {("intake", 0): "running"}
    assert not bench.store.record(claim, INTAKE_DONE, nothing_follows, cost_s=1, host="h").fenced


def test_what_a_step_made_is_kept_and_read_back(bench: Bench) -> None:
    (wake_up,) = bench.planned(1, [PlannedStep("text", ONE_PART)])
    claim = bench.claim(wake_up)
    page = Page(1, "Total 9.00", (Word("Total", 0.1, 0.2, 0.3, 0.25, 91.0),), "ocr", 91.0, 100, 200)
    found = Extraction({"total": 9.0}, ("title",), {"total": Evidence(1, "9.00", (0.1, 0.2, 0.3, 0.4))})
    outcome = Done(pages=(page,), extraction=found, complete=False)
    bench.store.record(claim, outcome, lambda _: FilePlan((), "partial"), cost_s=1, host="h")
    assert bench.store.pages(claim.file.file_id) == [page]
    record = bench.database.row("SELECT fields, missing, evidence, complete FROM records")
    assert record == {
        "fields": {"total": 9.0},
        "missing": ["title"],
        "evidence": {"total": {"page": 1, "text": "9.00", "box": [0.1, 0.2, 0.3, 0.4]}},
        "complete": False,
    }
    assert bench.database.row("SELECT state FROM files") == {"state": "partial"}


def test_the_better_reading_of_a_page_is_kept(bench: Bench) -> None:
    first, second = bench.planned(1, [PlannedStep("ocr", (Part((1,)), Part((1,))))])
    sure, unsure = Page(1, "sure", (), "ocr", 90.0), Page(1, "unsure", (), "textract", 40.0)
    bench.store.record(bench.claim(first), Done(pages=(sure,)), nothing_follows, cost_s=1, host="h")
    bench.store.record(bench.claim(second), Done(pages=(unsure,)), nothing_follows, cost_s=1, host="h")
    assert [page.text for page in bench.store.pages(first.file_id)] == ["sure"]


@pytest.mark.parametrize(
    ("outcome", "word", "failures", "snoozes"),
    [
        (Retry(0, "unreachable", "no answer"), "retried", 1, 0),
        (Retry(0, "worker_lost", "gone", lost=True), "lost", 1, 0),
        (Later(0, "throttled"), "snoozed", 0, 1),
    ],
)
def test_what_runs_again_is_woken_when_due(
    bench: Bench, outcome: Retry | Later, word: str, failures: int, snoozes: int
) -> None:
    wake_up = intake_of(bench)
    bench.store.record(bench.claim(wake_up), outcome, nothing_follows, cost_s=1, host="h")
    assert bench.store.dispatch({"intake": 10}) == []
    assert bench.store.wake_due(10) == {"intake"}
    (again,) = bench.store.dispatch({"intake": 10})
    assert again == replace(wake_up, attempt=2)
    row = bench.database.row("SELECT failures, snoozes FROM steps")
    assert row == {"failures": failures, "snoozes": snoozes}
    assert bench.database.row("SELECT outcome FROM attempts") == {"outcome": word}


def test_what_is_not_due_yet_stays_where_it_is(bench: Bench) -> None:
    wake_up = intake_of(bench)
    bench.store.record(bench.claim(wake_up), Retry(60, "x", "y"), nothing_follows, cost_s=1, host="h")
    assert bench.store.wake_due(10) == set()


def test_an_expired_lease_is_found_and_a_living_one_is_not(bench: Bench) -> None:
    bench.arrived(2)
    first, second = bench.store.dispatch({"intake": 10})
    bench.claim(first, lease_s=-1)
    held = bench.claim(second)
    assert [claim.file.file_id for claim in bench.store.expired(10)] == [first.file_id]
    assert {claim.file.file_id for claim in bench.store.held_by("worker")} == {first.file_id, second.file_id}
    assert bench.store.held_by("work") == []
    assert held.failures == 0


def test_a_wake_up_that_nobody_heard_is_told_again(bench: Bench) -> None:
    wake_up = intake_of(bench)
    assert bench.store.unheard(30, 10) == []
    assert bench.store.unheard(0, 10) == [wake_up]


def test_lanes_that_a_crash_left_inactive_are_mended(bench: Bench) -> None:
    bench.arrived()
    bench.database.run("UPDATE lanes SET active = false")
    assert bench.store.dispatch({"intake": 10}) == []
    assert bench.store.mend_lanes() == 1
    assert len(bench.store.dispatch({"intake": 10})) == 1


def test_uploads_that_never_came_are_marked_and_may_still_come(bench: Bench) -> None:
    tenant_id = bench.tenant()
    dataset_id = bench.dataset(tenant_id)
    ((_, key),) = bench.files(tenant_id, dataset_id, bench.batch(tenant_id, dataset_id), 1)
    assert bench.store.awaited(0) == {tenant_id: [key]}
    bench.database.run("UPDATE files SET upload_until = now() - interval '1 s'")
    assert bench.store.miss_uploads(10) == 1
    assert bench.database.row("SELECT state FROM files") == {"state": "upload_missing"}
    assert bench.store.arrive([Arrival(key)]) == {key: "arrived"}


def test_a_removed_file_cannot_be_claimed_and_its_late_outcome_says_so(bench: Bench) -> None:
    tenant_id = bench.tenant()
    bench.arrived(2, tenant_id)
    running, queued = bench.store.dispatch({"intake": 10})
    claim = bench.claim(running)
    for wake_up in (running, queued):
        remove(bench, tenant_id, claim.file.dataset_id, wake_up.file_id)
    assert bench.store.claim(queued, "late", 60, durably=False) is None
    recorded = bench.store.record(claim, INTAKE_DONE, nothing_follows, cost_s=1, host="h")
    assert recorded.removed and not recorded.readied
    assert set(bench.states(running.file_id).values()) == {"cancelled"}
    in_flight = bench.database.rows("SELECT * FROM steps WHERE state IN ('queued', 'running')")
    assert in_flight == [], "a removed file must not fill its step's cap"


def test_erasure_leaves_a_tombstone_and_closes_the_removal(bench: Bench) -> None:
    tenant_id = bench.tenant()
    ((file_id, _),) = bench.arrived(1, tenant_id)
    row = bench.database.row("SELECT dataset_id FROM files")
    assert row
    removal = remove(bench, tenant_id, str(row["dataset_id"]), file_id)
    assert bench.store.removals_due(10) == [(removal, [(tenant_id, file_id)])]
    bench.store.erase(removal, [file_id], 3)
    assert bench.database.rows("SELECT * FROM files") == bench.database.rows("SELECT * FROM steps") == []
    receipt = bench.catalog.row("removal", tenant_id=tenant_id, removal_id=removal)
    assert receipt and receipt["erased_at"] and (receipt["objects_erased"], receipt["rows_erased"]) == (3, 2)
    assert bench.store.removals_due(10) == []


def test_a_cancelled_batch_stops_what_has_not_run(bench: Bench) -> None:
    tenant_id = bench.tenant()
    bench.arrived(2, tenant_id)
    first, second = bench.store.dispatch({"intake": 10})
    claim = bench.claim(first)
    bench.catalog.row("cancel_batch", tenant_id=tenant_id, batch_id=claim.file.batch_id)
    assert bench.store.claim(second, "late", 60, durably=False) is None
    plan = FilePlan([PlannedStep("text", ONE_PART)])
    recorded = bench.store.record(claim, INTAKE_DONE, lambda _: plan, cost_s=1, host="h")
    assert not recorded.readied
    assert {row["state"] for row in bench.database.rows("SELECT state FROM files")} == {"cancelled"}


def test_a_redriven_step_runs_anew_and_goes_on_counting(bench: Bench) -> None:
    (wake_up,) = bench.planned(1, [PlannedStep("thumbnail", ONE_PART)])
    claim = bench.claim(wake_up)
    bench.store.record(claim, Failed("corrupt", "damaged"), nothing_follows, cost_s=1, host="h")
    plan = [PlannedStep("thumbnail", ONE_PART)]
    assert bench.catalog.redrive(claim.file.tenant_id, wake_up.file_id, ["thumbnail"], False, lambda _: plan)
    (again,) = bench.store.dispatch({"thumbnail": 10})
    assert again.attempt == 2
    assert not bench.catalog.redrive(claim.file.tenant_id, wake_up.file_id, ["thumbnail"], False, lambda _: plan)
    assert bench.claim(again).failures == 0


def test_a_store_that_is_away_says_so() -> None:
    from layers.adapters.postgres_store import PostgresStore

    with pytest.raises(StoreUnreachable):
        PostgresStore(Database("postgresql://nobody@127.0.0.1:1/none", connect_timeout_s=1)).is_up()
