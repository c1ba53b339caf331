"""Reprocessing: a dry run stores nothing, apply changes each record once, and a rollback brings the former ones back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest

from functions import jobs, reprocess
from functions.pipelines import MAIN_STEPS, SIDE_ARTIFACTS
from layers.adapters.postgres.jobs import PostgresJobs
from layers.adapters.postgres.plans import PostgresPlans
from layers.domain.page import Page
from layers.ports.rows import AuditRules
from tests.integration.conftest import Api
from tests.integration.extracting_host import ExtractingHost, extracting
from tests.integration.test_api import problem
from tests.making import Urls

FILES = 6
TOTAL = {"type": "number", "x-labels": ["Total"]}
OLD = {"type": "object", "properties": {"total": TOTAL, "shop": {"type": "string", "x-labels": ["Shop"]}}}
NEW = {
    "type": "object",
    "properties": {"total": {"type": "number", "x-labels": ["Paid"]}, "till": {"type": "number", "x-labels": ["Till"]}},
}
TEXT = "Shop: Corner\nTotal: 9.00\nPaid: 10.00\nTill: 7\n"


class Host(ExtractingHost):
    def extracted(self, count: int = FILES, *texts: str) -> list[str]:
        """Create files of these documents, whose records have the fields of the current schema. Returns their ids."""
        pages = [
            Page(number, text, (), "native", 100.0, 100, 200, begins_document=number > 1)
            for number, text in enumerate(texts or (TEXT,), 1)
        ]
        return self.extract(pages, count)

    def plan(self, **body: Any) -> str:
        """A plan whose dry run has ended. Returns its id."""
        answer = self.caller.post(f"/datasets/{self.dataset}/plans", json=body)
        assert answer.status_code == 202, answer.text
        self.advance()
        return str(answer.json()["id"])

    def apply(self, plan_id: str, **body: Any) -> dict[str, Any]:
        answer = self.caller.post(f"/plans/{plan_id}/apply", json=body)
        assert answer.status_code == 202, answer.text
        self.finish()
        return self.show(plan_id)

    def roll_back(self, plan_id: str) -> dict[str, Any]:
        assert self.caller.post(f"/plans/{plan_id}/rollback").status_code == 202
        self.finish()
        return self.show(plan_id)

    def advance(self) -> None:
        self.api.bench.database.run("UPDATE jobs SET due_at = now() WHERE ended_at IS NULL")
        jobs.advance(self.runner)

    def finish(self) -> None:
        for _ in range(10):
            self.advance()
            self.work()

    def show(self, plan_id: str) -> dict[str, Any]:
        return cast(dict[str, Any], self.caller.get(f"/plans/{plan_id}").json())

    def records(self) -> list[dict[str, Any]]:
        records = self.caller.get(f"/datasets/{self.dataset}/records").json()["records"]
        return [{"fields": record["fields"], "version": record["schema_version"]} for record in records]

    def settings(self) -> dict[str, Any]:
        dataset = self.caller.get(f"/datasets/{self.dataset}").json()
        return {name: dataset[name] for name in ("date_order", "reading", "sure_from")}

    def findings(self) -> dict[str, int]:
        with self.api.bench.tenants(self.tenant_id) as catalog:
            return catalog.audit_findings(self.tenant_id, AuditRules(MAIN_STEPS, SIDE_ARTIFACTS))


BEFORE = {"fields": {"total": 9.0, "shop": "Corner"}, "version": 1}
AFTER = {"fields": {"total": 10.0, "till": 7.0}, "version": 2}


@pytest.fixture
def host(api: Api, database_urls: Urls, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    monkeypatch.setattr(reprocess, "IN_PROCESS", 4)
    monkeypatch.setattr(reprocess, "FILES_AT_ONCE", 2)
    with extracting(Host, api, database_urls, OLD, jobs=PostgresJobs, plans=PostgresPlans) as host:
        yield host


# --- the dry run -------------------------------------------------------------------------------------


def test_a_dry_run_compares_records_by_field_and_stores_nothing(host: Host) -> None:
    files = host.extracted()
    shown = host.show(host.plan(schema=NEW, sample=None))
    assert (shown["state"], shown["estimate"]["files"], shown["dry_run"]["files"]) == ("planned", FILES, FILES)
    fields = shown["dry_run"]["fields"]
    counts = {name: [fields[name][kind] for kind in ("same", "changed", "appeared", "vanished")] for name in fields}
    assert counts == {"total": [0, FILES, 0, 0], "shop": [0, 0, 0, FILES], "till": [0, 0, FILES, 0]}
    assert len(fields["total"]["examples"]) == 5
    example = fields["total"]["examples"][0]
    assert (example["kind"], example["before"], example["after"]) == ("changed", 9.0, 10.0)
    assert example["file_id"] in files
    assert host.records() == [BEFORE] * FILES
    assert host.caller.get(f"/datasets/{host.dataset}").json()["schema_version"] == 1


def test_a_sample_compares_so_many_files_each_once(host: Host) -> None:
    host.extracted()
    shown = host.show(host.plan(schema=NEW, sample=3))
    assert (shown["dry_run"]["files"], shown["estimate"]["files"]) == (3, FILES)


def test_without_another_schema_nothing_would_change(host: Host) -> None:
    host.extracted()
    fields = host.show(host.plan(sample=None))["dry_run"]["fields"]
    assert {(name, field["same"], field["changed"]) for name, field in fields.items()} == {
        ("total", FILES, 0),
        ("shop", FILES, 0),
    }


def test_only_the_chosen_files_are_planned(host: Host) -> None:
    files = host.extracted()
    batch_id = host.caller.get(f"/files/{files[0]}").json()["batch_id"]
    host.extracted(2)
    assert host.show(host.plan(schema=NEW, where={"batch_id": batch_id}))["estimate"]["files"] == FILES
    assert host.show(host.plan(schema=NEW, where={"state": "failed"}))["estimate"]["files"] == 0
    assert host.show(host.plan(where={"older_schema": True}))["estimate"]["files"] == 0


def test_a_dry_run_that_dies_counts_each_file_once(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.extracted()
    monkeypatch.setattr(reprocess, "SLICE_S", 0.0001)
    end_slice, deaths = host.runner.ports.jobs.end_slice, [2]

    def dies(*arguments: Any) -> bool:
        deaths[0] -= 1
        return end_slice(*arguments) if deaths[0] < 0 else False

    monkeypatch.setattr(host.runner.ports.jobs, "end_slice", dies)
    plan_id = host.plan(schema=NEW, sample=None)
    for _ in range(10):
        host.advance()
    assert host.show(plan_id)["dry_run"]["files"] == FILES


# --- apply -------------------------------------------------------------------------------------------


def test_apply_changes_every_record_and_shows_the_differences(host: Host) -> None:
    host.extracted()
    shown = host.apply(host.plan(schema=NEW))
    assert (shown["state"], shown["schema_version"]) == ("applied", 2)
    assert host.records() == [AFTER] * FILES
    assert (shown["applied"]["files"], shown["applied"]["failed"], shown["applied"]["skipped"]) == (FILES, 0, 0)
    assert shown["applied"]["fields"]["total"]["changed"] == FILES
    assert host.findings() == {}


def test_few_files_are_in_process_at_a_time(host: Host) -> None:
    host.extracted()
    plan_id = host.plan(schema=NEW)
    host.caller.post(f"/plans/{plan_id}/apply")
    for _ in range(3):
        host.advance()
    processing = host.caller.get(f"/datasets/{host.dataset}/files?state=processing").json()["files"]
    assert len(processing) == reprocess.IN_PROCESS


def test_applying_twice_and_dying_in_between_processes_each_file_once(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.extracted()
    plan_id = host.plan(schema=NEW)
    first = host.caller.post(f"/plans/{plan_id}/apply").json()
    assert host.caller.post(f"/plans/{plan_id}/apply").json()["id"] == first["id"]
    end_slice, deaths = host.runner.ports.jobs.end_slice, [3]

    def dies(*arguments: Any) -> bool:
        deaths[0] -= 1
        return end_slice(*arguments) if deaths[0] < 0 else False

    monkeypatch.setattr(host.runner.ports.jobs, "end_slice", dies)
    host.finish()
    shown = host.show(plan_id)
    assert (shown["state"], shown["applied"]["files"], shown["applied"]["skipped"]) == ("applied", FILES, 0)
    row = host.api.bench.database.row("SELECT max(redrives) AS most FROM steps WHERE step = 'extraction'")
    assert row == {"most": 1}
    assert host.caller.post(f"/plans/{plan_id}/apply").json()["id"] == first["id"]


def test_shards_process_all_files_together(host: Host) -> None:
    host.extracted(12)
    plan_id = host.plan(schema=NEW)
    assert host.apply(plan_id, shard=0, shards=3)["state"] == "applying"
    problem(host.caller.post(f"/plans/{plan_id}/apply", json={"shard": 1, "shards": 2}), 409, "conflict")
    problem(host.caller.post(f"/plans/{plan_id}/apply", json={"shard": 3, "shards": 3}), 400, "invalid_request")
    host.apply(plan_id, shard=1, shards=3)
    shown = host.apply(plan_id, shard=2, shards=3)
    assert (shown["state"], shown["shards"], shown["applied"]["files"]) == ("applied", {"done": 3, "total": 3}, 12)
    assert host.records() == [AFTER] * 12


def test_a_cancelled_apply_is_continued_by_another(host: Host) -> None:
    host.extracted()
    plan_id = host.plan(schema=NEW)
    first = host.caller.post(f"/plans/{plan_id}/apply").json()
    host.advance()
    host.caller.post(f"/operations/jobs/{first['id']}/cancel")
    host.finish()
    assert 0 < host.records().count(AFTER) < FILES
    shown = host.apply(plan_id)
    assert (shown["state"], shown["applied"]["files"]) == ("applied", FILES)


def test_a_removed_file_holds_no_plan_up(host: Host) -> None:
    files = host.extracted()
    plan_id = host.plan(schema=NEW)
    host.caller.post(f"/plans/{plan_id}/apply")
    host.advance()
    host.caller.post(f"/datasets/{host.dataset}/removals", json={"file_ids": files})
    host.finish()
    assert host.show(plan_id)["state"] == "applied"
    assert host.roll_back(plan_id)["state"] == "rolled_back"


# --- rollback ----------------------------------------------------------------------------------------


def test_a_rollback_brings_the_former_records_and_the_former_schema_back(host: Host) -> None:
    host.extracted()
    plan_id = host.plan(schema=NEW)
    host.apply(plan_id)
    shown = host.roll_back(plan_id)
    assert shown["state"] == "rolled_back"
    assert host.records() == [BEFORE] * FILES
    dataset = host.caller.get(f"/datasets/{host.dataset}").json()
    assert (dataset["schema"], dataset["schema_version"]) == (OLD, 3)
    assert host.findings() == {}


def test_a_rollback_of_a_part_that_was_applied_restores_that_part(host: Host) -> None:
    host.extracted()
    plan_id = host.plan(schema=NEW)
    job = host.caller.post(f"/plans/{plan_id}/apply").json()
    host.advance()
    problem(host.caller.post(f"/plans/{plan_id}/rollback"), 409, "conflict")
    host.caller.post(f"/operations/jobs/{job['id']}/cancel")
    host.finish()
    assert host.roll_back(plan_id)["state"] == "rolled_back"
    assert host.records() == [BEFORE] * FILES


def test_a_schema_that_was_set_after_an_apply_stays(host: Host) -> None:
    host.extracted()
    plan_id = host.plan(schema=NEW)
    host.apply(plan_id)
    later = {"type": "object", "properties": {"shop": {"type": "string"}}}
    host.caller.put(f"/datasets/{host.dataset}/schema", json={"schema": later})
    host.roll_back(plan_id)
    assert host.caller.get(f"/datasets/{host.dataset}").json()["schema"] == later
    assert host.records() == [BEFORE] * FILES


def test_a_plan_that_was_not_applied_can_not_be_rolled_back(host: Host) -> None:
    host.extracted(1)
    plan_id = host.plan(schema=NEW)
    problem(host.caller.post(f"/plans/{plan_id}/rollback"), 409, "conflict")
    host.apply(plan_id)
    host.roll_back(plan_id)
    job = host.caller.post(f"/plans/{plan_id}/rollback")
    assert (job.status_code, job.json()["state"]) == (202, "done")


# --- settings ----------------------------------------------------------------------------------------

DATED = {"type": "object", "properties": {"date": {"type": "string", "format": "date", "x-labels": ["Date"]}}}
AMBIGUOUS = "Date: 3/4/2024\n"


def test_another_order_of_dates_is_compared_applied_and_taken_back(host: Host) -> None:
    host.caller.put(f"/datasets/{host.dataset}/schema", json={"schema": DATED})
    host.caller.put(f"/datasets/{host.dataset}", json={"date_order": "day_first"})
    host.extracted(3, AMBIGUOUS)
    plan_id = host.plan(extraction={"date_order": "month_first"}, sample=None)
    (example, *_) = host.show(plan_id)["dry_run"]["fields"]["date"]["examples"]
    assert (example["before"], example["after"]) == ("2024-04-03", "2024-03-04")
    shown = host.apply(plan_id)
    assert (shown["extraction"], shown["applied"]["fields"]["date"]["changed"]) == ({"date_order": "month_first"}, 3)
    assert host.settings() == {"date_order": "month_first", "reading": "balanced", "sure_from": 80}
    assert host.roll_back(plan_id)["state"] == "rolled_back"
    assert host.settings()["date_order"] == "day_first"
    assert [record["fields"] for record in host.records()] == [{"date": "2024-04-03"}] * 3


def test_values_that_become_doubtful_or_sure_are_counted(host: Host) -> None:
    host.caller.put(f"/datasets/{host.dataset}/schema", json={"schema": DATED})
    host.extracted(2, AMBIGUOUS)
    date = host.show(host.plan(extraction={"date_order": "day_first"}))["dry_run"]["fields"]["date"]
    assert (date["doubtful_before"], date["doubtful_after"]) == (2, 0)


def test_records_of_further_documents_and_files_that_would_fail_are_counted(host: Host) -> None:
    host.extracted(2, "Shop: Corner\nTotal: 9.00\n", "Shop: Mill\nTotal: 8.00\n")
    first = host.show(host.plan(extraction={"several": "first"}))["dry_run"]
    assert (first["failed"], first["records"]) == (0, {"before": 4, "after": 2})
    plan_id = host.plan(extraction={"several": "fail"})
    refused = host.show(plan_id)["dry_run"]
    assert (refused["failed"], refused["records"]) == (2, {"before": 4, "after": 0})
    assert refused["fields"]["total"]["vanished"] == 2
    assert host.apply(plan_id)["applied"]["failed"] == 2
    host.roll_back(plan_id)
    assert [record["fields"]["shop"] for record in host.records()] == ["Corner", "Mill"] * 2


def test_another_level_of_reading_runs_from_ocr_and_stays_unless_it_is_taken_back(host: Host) -> None:
    host.extracted(2)
    plan_id = host.plan(reading="accurate")
    assert (host.show(plan_id)["from"], host.show(plan_id)["reading"]) == ("ocr", "accurate")
    assert host.settings()["reading"] == "balanced"
    assert host.apply(plan_id)["applied"]["files"] == 2
    assert host.settings()["reading"] == "accurate"
    host.roll_back(plan_id)
    assert host.settings()["reading"] == "balanced"


def test_a_setting_that_was_changed_after_an_apply_stays(host: Host) -> None:
    host.extracted(1)
    plan_id = host.plan(extraction={"sure_from": 80.1, "date_order": "day_first"})
    host.apply(plan_id)
    host.caller.put(f"/datasets/{host.dataset}", json={"sure_from": 90})
    host.roll_back(plan_id)
    assert host.settings() == {"date_order": "auto", "reading": "balanced", "sure_from": 90}


# --- who, and what is refused ------------------------------------------------------------------------


def test_the_plan_of_another_tenant_is_unknown(host: Host) -> None:
    host.extracted(1)
    plan_id = host.plan(schema=NEW)
    stranger = host.api.caller()
    for method, path in (("GET", ""), ("POST", "/apply"), ("POST", "/rollback")):
        problem(stranger.request(method, f"/plans/{plan_id}{path}"), 404, "not_found")
    problem(stranger.post(f"/datasets/{host.dataset}/plans", json={}), 404, "not_found")
    problem(stranger.get(f"/datasets/{host.dataset}/plans"), 404, "not_found")


def test_a_schedulers_key_plans_and_applies_in_its_tenant(host: Host) -> None:
    host.extracted(1)
    scheduler = host.api.caller(host.tenant_id, "scheduler")
    plan_id = scheduler.post(f"/datasets/{host.dataset}/plans", json={"schema": NEW}).json()["id"]
    host.advance()
    assert scheduler.post(f"/plans/{plan_id}/apply").status_code == 202
    assert [plan["id"] for plan in scheduler.get(f"/datasets/{host.dataset}/plans").json()["plans"]] == [plan_id]


@pytest.mark.parametrize(
    "body",
    [
        {"from": "preview"},
        {"schema": {"type": "string"}},
        {"where": {"name": "x"}},
        {"where": {"batch_id": "x"}},
        {"sample": 0},
        {"reading": {}},
        {"reading": "fast", "from": "extraction"},
        {"extraction": {"languages": ["deu"]}},
        {"extraction": {"several": "all"}},
    ],
)
def test_a_plan_that_can_not_be_is_refused(host: Host, body: dict[str, Any]) -> None:
    problem(host.caller.post(f"/datasets/{host.dataset}/plans", json=body), 400, "invalid_request")
