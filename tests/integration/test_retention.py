"""Retention: what a dataset no longer keeps is erased by a purge, with a receipt, and nothing else is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import httpx
import pytest

from functions import jobs, purge
from functions.arrivals import take_arrivals
from functions.audit import walk_objects
from functions.job_kinds import PURGE
from functions.pipelines import INTAKE, MAIN_STEPS, PIPELINES, SIDE_ARTIFACTS
from functions.upkeep import erase_removed
from layers.adapters.postgres.database import Database
from layers.adapters.postgres.jobs import PostgresJobs
from layers.adapters.postgres.retention import PostgresRetention
from layers.attempts.runner import Runner
from layers.domain.errors import DependencyDown
from layers.domain.message import Arrival
from layers.domain.page import Extraction, Page
from layers.domain.step import Artifact, Done, Part, PlannedStep, Skip
from layers.ports import FilePlan, Ports
from layers.ports.rows import AuditRules
from tests.fakes import MemoryObjects, MemoryTopics
from tests.integration.conftest import Api
from tests.integration.test_api import new_batch, new_dataset, problem
from tests.making import INTAKE_DONE, Urls, nothing_follows

STEPS = ("text", "preview", "thumbnail", "extraction")
FILES = 5


@dataclass
class Host:
    """The API and a worker, with objects in memory."""

    api: Api
    runner: Runner
    objects: MemoryObjects
    caller: httpx.Client
    dataset: str = ""

    def files(self, count: int = FILES) -> list[str]:
        """Upload files and process them. Returns their ids."""
        batch = new_batch(self.caller, self.dataset, [f"{index}.txt" for index in range(count)])
        keys = [httpx.URL(file["upload"]["url"]).path.split("/", 2)[2] for file in batch["files"]]
        self.objects.objects |= dict.fromkeys(keys, b"0123456789")
        take_arrivals(self.runner, [Arrival(key) for key in keys])
        plan = [PlannedStep(name, (Part(),)) for name in STEPS]
        plan += [PlannedStep("ocr", Skip("every page has text")), PlannedStep("textract", Skip("read well"))]
        store, bench = self.api.bench.store, self.api.bench
        topics = cast(MemoryTopics, self.runner.ports.topics)
        arrived, topics.published = topics.published, []
        for wake_up in arrived:
            store.record(bench.claim(wake_up), INTAKE_DONE, lambda _: FilePlan(plan), cost_s=0, host="h")
        for wake_up in store.dispatch(dict.fromkeys(STEPS, 100)):
            claim = bench.claim(wake_up)
            follows = (lambda _: FilePlan((), "done")) if claim.step == "extraction" else nothing_follows
            store.record(claim, self._outcome(claim), follows, cost_s=0, host="h")
        return [file["id"] for file in batch["files"]]

    def _outcome(self, claim: Any) -> Done:
        if claim.step == "extraction":
            return Done(extraction=Extraction({"total": 9.0}, (), {}))
        key = claim.artifact_key(f"{claim.step}.bin")
        self.objects.objects[key] = b"made"
        pages = (Page(1, "Total 9.00", (), "native", 100.0, 100, 200),) if claim.step == "text" else ()
        return Done(pages=pages, artifacts=(Artifact(claim.step, key, "text/plain", 4),))

    def keep(self, **retention: int) -> httpx.Response:
        return self.caller.put(f"/datasets/{self.dataset}", json={"retention": retention})

    def purge(self) -> dict[str, Any]:
        """Run a purge to its end. Returns its result."""
        with self.api.bench.catalog.transaction() as catalog:
            catalog.act_as(self.api.bench.tenant(), is_system=True)
            job_id = str(catalog.request_system_job(PURGE, {}).job_id)
        while jobs.advance(self.runner):
            continue
        row = self.api.bench.database.row("SELECT * FROM jobs WHERE job_id = %(job_id)s", job_id=job_id)
        assert row and row["state"] == "done", row
        return cast(dict[str, Any], row["result"])

    def file(self, file_id: str) -> dict[str, Any]:
        return cast(dict[str, Any], self.caller.get(f"/files/{file_id}").json())

    def receipts(self) -> list[dict[str, Any]]:
        return cast(list[dict[str, Any]], self.caller.get(f"/datasets/{self.dataset}/purges").json()["purges"])

    def count(self, table: str) -> int:
        row = self.api.bench.database.row(f"SELECT count(*)::integer AS n FROM {table}")
        assert row
        return int(row["n"])


@pytest.fixture
def host(api: Api, database_urls: Urls, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    monkeypatch.setattr(purge, "FILES_AT_ONCE", 2)
    api.bench.empty()
    database = Database(database_urls.worker, prepares=not database_urls.is_pooled)
    objects = MemoryObjects()
    ports = Ports(
        api.bench.store,
        objects,
        MemoryTopics(),
        cast(Any, None),
        cast(Any, None),
        None,
        jobs=PostgresJobs(database),
        retention=PostgresRetention(database),
    )
    runner = Runner(ports, INTAKE, PIPELINES, dict.fromkeys(("intake", *STEPS), 100))
    with api.caller(api.bench.tenant()) as caller:
        yield Host(api, runner, objects, caller, new_dataset(caller)["id"])


@pytest.fixture
def after_days(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Lets purges run as if so many days had passed."""
    return lambda days: monkeypatch.setattr(purge, "now_utc", lambda: datetime.now(UTC) + timedelta(days=days))


# --- what is erased ----------------------------------------------------------------------------------


def test_originals_go_with_previews_and_thumbnails_and_the_rest_stays(host: Host, after_days: Any) -> None:
    files = host.files()
    host.keep(originals_days=30)
    after_days(31)
    assert host.purge() == {"erased": {"originals": {"files": FILES, "objects": 3 * FILES}}, "unsettled": 0}
    assert all("/text/" in key for key in host.objects.objects)
    shown = host.file(files[0])
    assert (shown["state"], shown["artifacts"]["record"]["fields"]) == ("done", {"total": 9.0})
    assert [shown["artifacts"][name] for name in ("original", "preview", "thumbnail")] == [None, None, None]
    assert shown["artifacts"]["text"]["url"]
    (receipt,) = host.receipts()
    assert (receipt["kind"], receipt["files"], receipt["objects"]) == ("originals", FILES, 3 * FILES)


def test_texts_go_with_their_pages(host: Host, after_days: Any) -> None:
    files = host.files()
    host.keep(text_days=30)
    after_days(31)
    assert host.purge()["erased"] == {"text": {"files": FILES, "objects": FILES}}
    assert host.count("pages") == 0 and not any("/text/" in key for key in host.objects.objects)
    shown = host.file(files[0])
    assert shown["artifacts"]["text"] is None and shown["artifacts"]["original"] and shown["artifacts"]["record"]


def test_records_go_with_the_whole_files_and_a_receipt_for_each_removal(host: Host, after_days: Any) -> None:
    host.files()
    host.keep(records_days=30)
    after_days(31)
    assert host.purge()["erased"]["records"]["files"] == FILES
    while erase_removed(host.runner):
        continue
    assert host.count("files") == host.count("records") == 0 and host.objects.objects == {}
    (receipt,) = host.receipts()
    erased = [host.caller.get(f"/removals/{removal_id}").json() for removal_id in receipt["removal_ids"]]
    assert sum(removal["count"] for removal in erased) == FILES
    assert all(removal["erased_at"] for removal in erased)


def test_a_text_that_is_the_original_goes_with_it(host: Host, after_days: Any) -> None:
    (file_id,) = host.files(1)
    host.api.bench.database.run(
        "UPDATE artifacts a SET object_key = f.object_key FROM files f WHERE f.file_id = a.file_id AND a.kind = 'text'"
    )
    host.keep(originals_days=30)
    after_days(31)
    host.purge()
    assert host.file(file_id)["artifacts"]["text"] is None
    assert host.count("pages") == 1


# --- what is kept ------------------------------------------------------------------------------------


def test_nothing_is_erased_before_its_time_or_without_a_retention(host: Host, after_days: Any) -> None:
    host.files()
    before = dict(host.objects.objects)
    after_days(29)
    for retention in ({}, {"originals_days": 30, "text_days": 30, "records_days": 30}):
        host.keep(**retention)
        assert host.purge() == {"erased": {}, "unsettled": 0}
    assert host.objects.objects == before and host.receipts() == []


def test_the_files_of_other_datasets_are_not_touched(host: Host, after_days: Any) -> None:
    kept = host.files()
    host.dataset = new_dataset(host.caller)["id"]
    host.files()
    host.keep(originals_days=1, records_days=30)
    after_days(31)
    host.purge()
    assert all(host.file(file_id)["artifacts"]["original"] for file_id in kept)


def test_a_file_with_work_left_keeps_its_original_until_a_later_purge(host: Host, after_days: Any) -> None:
    host.files(1)
    (unsettled,) = host.files(1)
    retrying = "UPDATE steps SET state = 'retrying', due_at = now() + interval '1 hour' WHERE step = 'preview' AND file_id = %(id)s"
    host.api.bench.database.run(retrying, id=unsettled)
    host.files(FILES)
    host.keep(originals_days=30)
    after_days(31)
    result = host.purge()
    assert (result["erased"]["originals"]["files"], result["unsettled"]) == (1 + FILES, 1)
    host.api.bench.database.run("UPDATE steps SET state = 'done', due_at = NULL WHERE state = 'retrying'")
    assert host.purge()["erased"]["originals"]["files"] == 1
    assert host.file(unsettled)["artifacts"]["original"] is None


def test_a_retention_that_is_withdrawn_stops_a_purge(
    host: Host, after_days: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purge, "SLICE_S", 0.0)
    host.files()
    host.keep(originals_days=30)
    after_days(31)
    taken = host.runner.ports.retention.purge_files

    def withdraw(*arguments: Any) -> Any:
        host.keep()
        return taken(*arguments)

    monkeypatch.setattr(host.runner.ports.retention, "purge_files", withdraw)
    assert host.purge()["erased"].get("originals", {"files": 0})["files"] <= purge.FILES_AT_ONCE


# --- twice, and with crashes in between --------------------------------------------------------------


def test_a_second_purge_examines_no_file_again(host: Host, after_days: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    host.files()
    host.keep(originals_days=30)
    after_days(31)
    host.purge()
    examined: list[int] = []
    taken = host.runner.ports.retention.purge_files

    def count(*arguments: Any) -> Any:
        purged = taken(*arguments)
        examined.append(purged.seen)
        return purged

    monkeypatch.setattr(host.runner.ports.retention, "purge_files", count)
    assert host.purge()["erased"] == {}
    assert sum(examined) == 0
    assert len(host.receipts()) == 1


def test_objects_that_a_dead_worker_left_are_deleted_by_the_walk_through_the_bucket(
    host: Host, after_days: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.files()
    host.keep(originals_days=30)
    after_days(31)

    def die(*_: Any) -> int:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(purge, "_delete_objects", die)
        with pytest.raises(SystemExit):
            host.purge()
    host.api.bench.database.run("UPDATE jobs SET due_at = now()")
    while jobs.advance(host.runner):
        continue
    assert sum("/text/" not in key for key in host.objects.objects) == 3 * purge.FILES_AT_ONCE
    host.api.bench.database.run("UPDATE audit_walks SET reached = '', rested_at = NULL")
    walk_objects(host.runner)
    assert all("/text/" in key for key in host.objects.objects)
    assert host.receipts()[0]["files"] == FILES


def test_an_object_store_that_is_away_fails_no_purge(
    host: Host, after_days: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.files()
    host.keep(originals_days=30)
    after_days(31)

    def away(*_: Any) -> int:
        raise DependencyDown("object_store", "it is away")

    with monkeypatch.context() as patch:
        patch.setattr(host.objects, "delete_under", away)
        with pytest.raises(AssertionError):  # it has not ended
            host.purge()
    host.api.bench.database.run("UPDATE jobs SET due_at = now()")
    host.purge()


# --- what follows ------------------------------------------------------------------------------------


def test_the_audit_finds_nothing_missing_after_a_purge(host: Host, after_days: Any) -> None:
    host.files()
    host.keep(originals_days=30, text_days=30)
    after_days(31)
    host.purge()
    tenant_id = host.api.bench.database.row("SELECT tenant_id FROM files LIMIT 1")
    assert tenant_id
    with host.api.bench.tenants(str(tenant_id["tenant_id"])) as catalog:
        of = str(tenant_id["tenant_id"])
        assert catalog.audit_findings(of, AuditRules(MAIN_STEPS, SIDE_ARTIFACTS)) == {}
        assert catalog.recorded_objects(of, 100) == []


@pytest.mark.parametrize(
    ("retention", "step", "possible"),
    [
        ({"originals_days": 30}, "text", False),
        ({"originals_days": 30}, "preview", False),
        ({"originals_days": 30}, "intake", False),
        ({"originals_days": 30}, "extraction", True),
        ({"text_days": 30}, "extraction", False),
        ({"text_days": 30}, "text", False),
    ],
)
def test_only_what_is_left_is_processed_again(
    host: Host, after_days: Any, retention: dict[str, int], step: str, possible: bool
) -> None:
    (file_id,) = host.files(1)
    host.keep(**retention)
    after_days(31)
    host.purge()
    answer = host.caller.post(f"/files/{file_id}/redrive", json={"step": step})
    if possible:
        assert answer.status_code == 202
    else:
        assert "retention" in problem(answer, 409, "conflict")["detail"]
        earlier = [name for name in ("intake", "text") if step == "extraction"]
        with host.api.bench.tenants(_tenant_of(host)) as catalog:
            is_main, sources = step != "preview", ["native"] if step == "text" else []
            assert not catalog.redrive(file_id, [step], earlier, is_main, sources, lambda _: [])


def _tenant_of(host: Host) -> str:
    row = host.api.bench.database.row("SELECT tenant_id FROM files LIMIT 1")
    assert row
    return str(row["tenant_id"])


def test_the_same_content_is_no_duplicate_of_a_file_without_original(host: Host, after_days: Any) -> None:
    (file_id,) = host.files(1)
    described = {"name": "again.txt", "size_bytes": 10, "sha256": INTAKE_DONE.sha256}
    batches = f"/datasets/{host.dataset}/batches"
    (first,) = host.caller.post(batches, json={"files": [described]}).json()["files"]
    assert first["duplicate_of"] == file_id
    host.keep(originals_days=30)
    after_days(31)
    host.purge()
    (second,) = host.caller.post(batches, json={"files": [described]}).json()["files"]
    assert second["state"] == "uploading"


def test_an_erased_original_no_longer_counts_as_stored(host: Host, after_days: Any) -> None:
    host.files()
    host.keep(originals_days=30, records_days=60)
    with host.api.bench.tenants(_tenant_of(host)) as catalog:
        before = catalog.tenant_use()["bytes"]
    assert before > 0
    for days in (31, 61):
        after_days(days)
        tenant_id = _tenant_of(host)
        host.purge()
        while erase_removed(host.runner):
            continue
        with host.api.bench.tenants(tenant_id) as catalog:
            assert catalog.tenant_use().get("bytes", 0) == 0


@pytest.mark.parametrize(
    ("retention", "pointer"),
    [
        ({"originals_days": 0}, "/retention/originals_days"),
        ({"records_days": 10, "text_days": 11}, "/retention"),
        ({"previews_days": 3}, "/retention/previews_days"),
    ],
)
def test_a_retention_that_makes_no_sense_is_refused(host: Host, retention: dict[str, int], pointer: str) -> None:
    errors = problem(host.keep(**retention), 400, "invalid_request")["errors"]
    assert errors[0]["pointer"] == pointer


def test_a_dataset_shows_its_retention(host: Host) -> None:
    made = host.caller.post("/datasets", json={"name": "kept", "retention": {"text_days": 5}}).json()
    assert made["retention"] == {"text_days": 5}
    assert host.keep(records_days=7).json()["retention"] == {"records_days": 7}
    assert host.keep().json()["retention"] == {}


def test_receipts_of_another_tenant_are_unknown(host: Host) -> None:
    problem(host.api.caller().get(f"/datasets/{host.dataset}/purges"), 404, "not_found")
