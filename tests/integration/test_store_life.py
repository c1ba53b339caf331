"""The life of a step, on PostgreSQL only: the rows behind the port, and the changes by the API."""

from __future__ import annotations

import psycopg
import pytest

from layers.adapters.postgres.database import Database
from layers.domain.errors import StoreUnreachable
from layers.domain.message import WakeUp
from layers.domain.page import Evidence, Extraction, Note, Page, Word
from layers.domain.step import Done, Failed, PlannedStep
from layers.ports import FilePlan
from tests.making import INTAKE_DONE, ONE_PART, Bench, Urls, nothing_follows
from tests.waiting import eventually


@pytest.fixture
def bench(database_urls: Urls) -> Bench:
    bench = Bench.on(database_urls)
    bench.empty()
    return bench


def intake_of(bench: Bench) -> WakeUp:
    bench.arrived()
    (wake_up,) = bench.store.dispatch({"intake": 10})
    return wake_up


def remove(bench: Bench, tenant_id: str, dataset_id: str, file_id: str) -> str:
    return bench.remove(tenant_id, dataset_id, [file_id])


def test_the_results_of_a_step_are_stored(bench: Bench) -> None:
    (wake_up,) = bench.planned(1, [PlannedStep("text", ONE_PART)])
    claim = bench.claim(wake_up)
    page = Page(1, "Total 9.00", (Word("Total", 0.1, 0.2, 0.3, 0.25, 91.0),), "ocr", 91.0, 100, 200)
    evidence = {"total": Evidence(1, "9.00", (0.1, 0.2, 0.3, 0.4))}
    found = Extraction({"total": 9.0}, ("title",), evidence, doubtful=("total",), notes=(Note("a sheet is hidden"),))
    outcome = Done(pages=(page,), extraction=found, complete=False)
    bench.store.record(claim, outcome, lambda _: FilePlan((), "partial"), cost_s=1, host="h")
    assert bench.store.pages(claim.file.file_id) == [page]
    record = bench.database.row("SELECT fields, missing, doubtful, notes, evidence, complete FROM records")
    assert record == {
        "fields": {"total": 9.0},
        "missing": ["title"],
        "doubtful": ["total"],
        "notes": ["a sheet is hidden"],
        "evidence": {"total": {"page": 1, "text": "9.00", "box": [0.1, 0.2, 0.3, 0.4]}},
        "complete": False,
    }
    assert bench.database.row("SELECT state FROM files") == {"state": "partial"}


def test_a_table_that_has_grown_is_analyzed_once(bench: Bench, database_urls: Urls) -> None:
    with psycopg.connect(database_urls.owner, autocommit=True) as owner:
        owner.execute("CREATE TABLE grown AS SELECT 1 AS n WHERE false")
        try:
            bench.store.analyze_grown()
            assert _rows_known(owner) == -1
            with psycopg.connect(database_urls.owner) as other:  # a session reports what it has changed when it ends
                other.execute("INSERT INTO grown SELECT generate_series(1, 2000)")
            assert eventually(lambda: bench.store.analyze_grown() >= 1, 10)
            assert _rows_known(owner) == 2000
            assert bench.store.analyze_grown() == 0
        finally:
            owner.execute("DROP TABLE grown")


def _rows_known(owner: psycopg.Connection) -> int:
    row = owner.execute("SELECT reltuples::int FROM pg_class WHERE oid = 'grown'::regclass").fetchone()
    assert row
    return int(row[0])


def test_lanes_that_a_crash_left_inactive_are_repaired(bench: Bench) -> None:
    bench.arrived()
    bench.database.run("UPDATE lanes SET active = false")
    assert bench.store.dispatch({"intake": 10}) == []
    assert bench.store.repair_lanes() == 1
    assert len(bench.store.dispatch({"intake": 10})) == 1


def test_erasure_leaves_a_tombstone_and_ends_the_removal(bench: Bench) -> None:
    tenant_id = bench.tenant()
    ((file_id, _),) = bench.arrived(1, tenant_id)
    row = bench.database.row("SELECT dataset_id FROM files")
    assert row
    removal = remove(bench, tenant_id, str(row["dataset_id"]), file_id)
    assert bench.store.removals_due(10) == [(removal, [(tenant_id, file_id)])]
    bench.store.erase(removal, [file_id], 3)
    assert bench.database.rows("SELECT * FROM files") == bench.database.rows("SELECT * FROM steps") == []
    with bench.tenants(tenant_id) as catalog:
        receipt = catalog.removal(removal)
    assert receipt and receipt.erased_at and (receipt.objects_erased, receipt.rows_erased) == (3, 2)
    assert bench.store.removals_due(10) == []


def test_cancelling_a_batch_stops_its_queued_steps(bench: Bench) -> None:
    tenant_id = bench.tenant()
    bench.arrived(2, tenant_id)
    first, second = bench.store.dispatch({"intake": 10})
    claim = bench.claim(first)
    bench.cancel(tenant_id, str(claim.file.batch_id))
    assert bench.store.claim(second, "late", 60, durably=False) is None
    plan = FilePlan([PlannedStep("text", ONE_PART)])
    recorded = bench.store.record(claim, INTAKE_DONE, lambda _: plan, cost_s=1, host="h")
    assert not recorded.readied
    assert {row["state"] for row in bench.database.rows("SELECT state FROM files")} == {"cancelled"}


def test_a_redriven_step_continues_its_attempt_numbers(bench: Bench) -> None:
    (wake_up,) = bench.planned(1, [PlannedStep("thumbnail", ONE_PART)])
    claim = bench.claim(wake_up)
    bench.store.record(claim, Failed("corrupt", "damaged"), nothing_follows, cost_s=1, host="h")
    plan = [PlannedStep("thumbnail", ONE_PART)]
    with bench.tenants(claim.file.tenant_id) as catalog:
        assert catalog.redrive(wake_up.file_id, ["thumbnail"], ["intake"], False, [], lambda _: plan)
    (again,) = bench.store.dispatch({"thumbnail": 10})
    assert again.attempt == 2
    with bench.tenants(claim.file.tenant_id) as catalog:
        assert not catalog.redrive(wake_up.file_id, ["thumbnail"], ["intake"], False, [], lambda _: plan)
    assert bench.claim(again).failures == 0


def test_an_unreachable_store_raises_store_unreachable() -> None:
    from layers.adapters.postgres.store import PostgresStore

    with pytest.raises(StoreUnreachable):
        PostgresStore(Database("postgresql://nobody@127.0.0.1:1/none", connect_timeout_s=1)).is_up()
