"""The daily report: figures, by tenant and dataset, of the files that were created on a day."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from functions.api import jobs as api_jobs
from functions.api import reports as api_reports
from layers.adapters.postgres.database import Database
from layers.adapters.postgres.jobs import PostgresJobs
from layers.adapters.postgres.reports import PostgresReports
from layers.domain.message import Arrival
from layers.domain.page import Extraction, Identity
from layers.domain.step import Done, Failed, Part, PlannedStep
from layers.ports import FilePlan
from tests.integration.conftest import Api
from tests.integration.test_api import new_dataset, problem
from tests.integration.test_jobs import Host, working
from tests.making import Urls

TODAY = datetime.now(UTC).date()
THREE_PAGES = Done(identity=Identity("application/pdf", 3), sha256="0" * 64, size_bytes=10)
EXTRACTION = FilePlan([PlannedStep("extraction", (Part(),))])
RECORD, NO_TEXT = Done(extraction=Extraction({"total": 9.0}, (), {})), Failed("no_text", "there is no text")


@pytest.fixture
def host(api: Api, database_urls: Urls) -> Host:
    api.bench.empty()
    api.bench.database.run("TRUNCATE report_days CASCADE")
    database = Database(database_urls.worker, prepares=not database_urls.is_pooled)
    return Host(api, PostgresJobs(database), {"reports": PostgresReports(database)})


@pytest.fixture
def admin(host: Host) -> Iterator[httpx.Client]:
    with host.api.caller(role="admin") as client:
        yield client


def processed(host: Host, done: int, failed: int, name: str = "receipts") -> tuple[str, str]:
    """Create files of three pages, of which some fail. Returns their tenant and dataset."""
    bench, store = host.api.bench, host.api.bench.store
    tenant_id = bench.tenant()
    dataset_id = new_dataset(host.api.caller(tenant_id), name=name)["id"]
    files = bench.files(tenant_id, dataset_id, bench.batch(tenant_id, dataset_id), done + failed)
    store.arrive([Arrival(key, "v1") for _, key in files])
    for wake_up in store.dispatch({"intake": 100}):
        store.record(bench.claim(wake_up), THREE_PAGES, lambda _: EXTRACTION, cost_s=0.5, host="h")
    for index, wake_up in enumerate(store.dispatch({"extraction": 100})):
        outcome = RECORD if index < done else NO_TEXT
        state = FilePlan(
            (), "done" if index < done else "failed", None if index < done else ("extraction", "no_text", "")
        )
        store.record(bench.claim(wake_up), outcome, lambda _, s=state: s, cost_s=2.0, host="h", used={"calls": 2})  # type: ignore[misc]
    return tenant_id, dataset_id


def test_the_report_counts_files_pages_records_errors_times_and_costs(host: Host, admin: httpx.Client) -> None:
    tenant_id, dataset_id = processed(host, done=3, failed=1)
    with working(host):
        body = admin.get(f"/operations/report?day={TODAY}").json()
    (row,) = body["datasets"]
    assert (body["day"], row["tenant_id"], row["dataset_id"]) == (str(TODAY), tenant_id, dataset_id)
    assert (row["files"], row["by_state"], row["pages"]) == (4, {"done": 3, "failed": 1}, 12)
    assert (row["records"], row["complete_records"], row["size_bytes"]) == (3, 3, 40)
    assert (row["attempts"], row["failed_attempts"], row["error_rate"]) == (8, 1, 0.125)
    assert row["errors"] == row["failed_files"] == {"no_text": 1}
    assert (row["cost_s"], row["used"]) == (10.0, {"calls": 8})
    assert (row["steps"]["extraction"]["attempts"], row["steps"]["extraction"]["failed"]) == (4, 1)
    assert row["steps"]["intake"]["cost_s"] == 2.0
    assert 0 <= row["steps"]["intake"]["p50_s"] <= row["steps"]["intake"]["p95_s"]


def test_files_of_other_days_and_removed_files_are_not_counted(host: Host, admin: httpx.Client) -> None:
    tenant_id, dataset_id = processed(host, done=2, failed=0)
    row = host.api.bench.database.row("SELECT min(file_id::text) AS file_id FROM files")
    assert row
    host.api.bench.remove(tenant_id, dataset_id, [row["file_id"]])
    with working(host):
        of_today = admin.get(f"/operations/report?day={TODAY}").json()["datasets"]
        of_yesterday = admin.get("/operations/report").json()
    assert [dataset["files"] for dataset in of_today] == [1]
    assert (of_yesterday["day"], of_yesterday["datasets"]) == (str(TODAY - timedelta(days=1)), [])


@pytest.mark.parametrize(("role", "seen"), [("operator", 1), ("scheduler", 2), ("admin", 2)])
def test_an_operator_sees_its_own_tenant_only(host: Host, role: str, seen: int) -> None:
    tenant_id, _ = processed(host, done=1, failed=0)
    processed(host, done=1, failed=0)
    with working(host):
        rows = host.api.caller(tenant_id, role).get(f"/operations/report?day={TODAY}").json()["datasets"]
    assert len(rows) == seen and tenant_id in {row["tenant_id"] for row in rows}


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_other_roles_get_no_report(host: Host, role: str) -> None:
    problem(host.api.caller(role=role).get("/operations/report"), 403, "forbidden")


def test_a_report_that_was_made_after_its_day_is_not_made_again(
    host: Host, admin: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    with working(host):
        first = admin.get("/operations/report").json()
    monkeypatch.setattr(api_jobs, "LONGEST_WAIT_S", 0)  # no worker runs now
    assert admin.get("/operations/report").json() == first


def test_the_report_of_today_is_made_again_when_it_is_old(
    host: Host, admin: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    with working(host):
        before = admin.get(f"/operations/report?day={TODAY}").json()
        processed(host, done=1, failed=0)
        assert admin.get(f"/operations/report?day={TODAY}").json() == before
        monkeypatch.setattr(api_reports, "FRESH_S", 0)
        assert len(admin.get(f"/operations/report?day={TODAY}").json()["datasets"]) == 1


def test_without_a_worker_the_job_is_shown(host: Host, admin: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_jobs, "LONGEST_WAIT_S", 0)
    answer = admin.get("/operations/report")
    assert (answer.status_code, answer.json()["kind"], answer.json()["state"]) == (202, "report", "waiting")
    assert host.advance() == 1
    assert admin.get("/operations/report").status_code == 200


def test_the_schedule_makes_the_report_of_yesterday(host: Host) -> None:
    host.jobs.start_job("report", {})
    host.advance()
    row = host.api.bench.database.row("SELECT day FROM report_days")
    assert row == {"day": TODAY - timedelta(days=1)}


@pytest.mark.parametrize("day", ["today", "2020-01-01", str(TODAY + timedelta(days=1)), "2026-02-30"])
def test_a_day_that_has_no_report_is_refused(admin: httpx.Client, day: str) -> None:
    problem(admin.get(f"/operations/report?day={day}"), 400, "invalid_request")


def test_a_csv_has_a_row_for_each_dataset_and_step_and_no_formula(host: Host, admin: httpx.Client) -> None:
    processed(host, done=1, failed=0, name="=cmd()")
    with working(host):
        answer = admin.get(f"/operations/report?day={TODAY}&format=csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["step"] for row in rows] == ["", "intake", "extraction"]
    assert {row["dataset"] for row in rows} == {"'=cmd()"}
    assert rows[0]["pages"] == "3" and rows[1]["p95_s"] != ""


def test_a_page_shows_names_as_text(host: Host, admin: httpx.Client) -> None:
    processed(host, done=1, failed=0, name="<script>alert(1)</script>")
    with working(host):
        answer = admin.get(f"/operations/report?day={TODAY}&format=html")
    assert answer.headers["content-type"].startswith("text/html")
    assert "script" not in answer.headers["content-security-policy"]
    assert "<script>" not in answer.text and "&lt;script&gt;" in answer.text


def test_a_report_comes_in_pages(host: Host, admin: httpx.Client) -> None:
    datasets = [processed(host, done=1, failed=0)[1] for _ in range(3)]
    path = f"/operations/report?day={TODAY}&limit=2"
    with working(host):
        first = admin.get(path).json()
        second = admin.get(f"{path}&cursor={first['next_cursor']}").json()
    assert {row["dataset_id"] for page in (first, second) for row in page["datasets"]} == set(datasets)
    assert second["next_cursor"] is None
