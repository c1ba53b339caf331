"""Why a file waits: the reasons, positions and times in the API, on a real database."""

from __future__ import annotations

import time
from typing import Any

import pytest

from layers.adapters.redis.breakers import RedisBreakers
from layers.adapters.redis.budgets import RedisBudgets
from layers.domain.budget import Rate
from layers.domain.fairness import BUNDLE_TOOK_LONG, TAKES_LONG
from layers.domain.message import Arrival
from layers.domain.paid_reading import READING
from layers.domain.step import Done, Later, Part, PlannedStep, Retry, Skip
from layers.ports import FilePlan
from tests.integration.conftest import Api, replace_ports
from tests.integration.test_api import new_batch, new_dataset
from tests.making import INTAKE_DONE, nothing_follows


class Tenant:
    """A tenant with a batch, and a client with its key."""

    def __init__(self, api: Api, weight: float = 1.0) -> None:
        self.bench = api.bench
        self.id = api.bench.tenant(weight)
        self.caller = api.caller(self.id)
        self.dataset_id = new_dataset(self.caller)["id"]

    def arrived(self, count: int) -> list[str]:
        batch = new_batch(self.caller, self.dataset_id, [f"{index}.pdf" for index in range(count)])
        ids = [file["id"] for file in batch["files"]]
        self.bench.store.arrive([Arrival(f"originals/{self.id}/{file_id}", "v1") for file_id in ids])
        self.batch_id = batch["id"]
        return ids

    def past_intake(self, count: int, steps: list[PlannedStep]) -> list[str]:
        ids = self.arrived(count)
        for wake_up in self.bench.store.dispatch({"intake": 10_000}):
            claim = self.bench.claim(wake_up)
            self.bench.store.record(claim, INTAKE_DONE, lambda _: FilePlan(steps), cost_s=0.1, host="h")
        return ids

    def waiting(self, file_id: str) -> dict[str, Any]:
        return self.caller.get(f"/files/{file_id}").json()["waiting"]  # type: ignore[no-any-return]

    def positions(self, ids: list[str]) -> list[int]:
        listed = self.caller.get(f"/datasets/{self.dataset_id}/files?limit=200").json()["files"]
        by_id = {file["id"]: file["waiting"]["position"] for file in listed if file["waiting"]}
        return [by_id[file_id] for file_id in ids]


@pytest.fixture
def fresh(api: Api) -> Api:
    api.bench.empty()
    api.bench.database.run("TRUNCATE step_samples, lane_backlogs, step_outlooks")
    look(api)
    return api


def look(api: Api) -> None:
    api.bench.database.run("UPDATE backlog_looks SET looked_at = '-infinity', took_s = 0")
    assert api.bench.store.measure_backlogs(0) is not None
    time.sleep(1.1)  # the API caches forecasts for a second


OCR = [PlannedStep("text", Skip("a picture")), PlannedStep("ocr", (Part(cost_estimate_s=2.0),))]


def test_each_file_shows_how_many_files_of_its_owner_are_ahead(fresh: Api) -> None:
    tenant = Tenant(fresh)
    ids = tenant.arrived(40)
    look(fresh)
    positions = tenant.positions(ids)
    assert (positions[0], positions[-1]) == (0, 39) and positions == sorted(positions)
    last = tenant.waiting(ids[-1])
    assert last["reason"] == "fair_share"
    assert "waits its turn for the first check" in last["detail"] and "of yours are ahead" in last["detail"]
    low, high = last["eta_s"]
    assert 0 <= low < high


def test_the_first_file_of_another_tenant_has_none_of_its_own_ahead_and_waits_less(fresh: Api) -> None:
    noisy, quiet = Tenant(fresh), Tenant(fresh)
    many = noisy.past_intake(100, OCR)
    fresh.bench.store.dispatch({"ocr": 5})
    (waiting_file,) = quiet.past_intake(1, OCR)
    look(fresh)
    first, last = quiet.waiting(waiting_file), noisy.waiting(many[-1])
    assert first["position"] == 0 and "no file of yours is ahead" in first["detail"]
    assert (
        last["position"] == pytest.approx(94, abs=3) and "other tenants' files take turns with yours" in last["detail"]
    )
    assert first["eta_s"][1] < last["eta_s"][1] / 3


def test_a_file_that_arrived_after_the_last_check_is_behind_its_whole_lane(fresh: Api) -> None:
    tenant = Tenant(fresh)
    tenant.arrived(10)
    look(fresh)
    batch = {"files": [{"name": "late.pdf", "size_bytes": 10}]}
    late = tenant.caller.post(f"/batches/{tenant.batch_id}/files", json=batch).json()["files"][0]["id"]
    fresh.bench.store.arrive([Arrival(f"originals/{tenant.id}/{late}", "v1")])
    assert tenant.waiting(late)["position"] == 10


def test_the_end_of_a_batch_follows_from_the_measured_rate(fresh: Api) -> None:
    """100 files of 2 s each, at 10 s of work dispatched per second: the last one starts in about 20 s."""
    tenant = Tenant(fresh)
    tenant.past_intake(100, OCR)
    fresh.bench.store.dispatch({"ocr": 1})
    sample = """INSERT INTO step_samples (step, sampled_at, taken, taken_s, waited)
                SELECT 'ocr', now() - make_interval(secs => 40 - 2 * n), n * 10 - 200, n * 20 - 400, true
                  FROM generate_series(0, 20) n"""
    fresh.bench.database.run(sample)
    look(fresh)
    outlook = fresh.bench.database.row("SELECT * FROM step_outlooks WHERE step = 'ocr'")
    assert outlook and outlook["served"] == pytest.approx(10, rel=0.15)
    assert outlook["served_low"] <= outlook["served"] <= outlook["served_high"]
    low, high = tenant.caller.get(f"/batches/{tenant.batch_id}").json()["eta_s"]
    assert 10 <= low <= 20 <= high <= 60


def test_running_and_uploading_files_have_their_own_reasons(fresh: Api) -> None:
    tenant = Tenant(fresh)
    (done,) = tenant.past_intake(1, OCR)
    (wake_up,) = fresh.bench.store.dispatch({"ocr": 5})
    assert tenant.waiting(done)["detail"] == "it is next for OCR"
    claim = fresh.bench.claim(wake_up)
    assert tenant.waiting(done)["reason"] == "at_work"
    fresh.bench.store.record(claim, Done(), lambda _: FilePlan((), "done"), cost_s=1, host="h")
    assert tenant.waiting(done) is None
    (promised,) = new_batch(tenant.caller, tenant.dataset_id, ["later.pdf"])["files"]
    assert tenant.waiting(promised["id"])["reason"] == "upload"


def test_a_retry_shows_its_error_and_when_it_runs(fresh: Api) -> None:
    tenant = Tenant(fresh)
    (file_id,) = tenant.past_intake(1, OCR)
    (wake_up,) = fresh.bench.store.dispatch({"ocr": 5})
    retry = Retry(20.0, "unreachable", "no answer")
    fresh.bench.store.record(fresh.bench.claim(wake_up), retry, nothing_follows, cost_s=1, host="h")
    wait = tenant.waiting(file_id)
    assert wait["reason"] == "retry_backoff"
    assert wait["detail"].startswith("no answer; it is tried again in") and wait["eta_s"][0] >= 18


TEXTRACT = [PlannedStep("textract", tuple(Part((number,), 2.0) for number in range(1, 5)))]


def test_pages_that_wait_for_calls_to_textract_are_counted(fresh: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    budgets = RedisBudgets("", {"textract": Rate(1)})
    replace_ports(monkeypatch, budgets=budgets)
    tenant = Tenant(fresh)
    ids = tenant.past_intake(10, TEXTRACT)
    look(fresh)
    assert tenant.waiting(ids[-1])["reason"] == "fair_share"
    budgets.take("textract", 100)
    wait = tenant.waiting(ids[-1])
    assert wait["reason"] == "rate_limited"
    assert wait["detail"].startswith("Textract is limiting calls; 3") and "pages of yours are ahead" in wait["detail"]


def test_a_throttled_page_is_rate_limited_and_a_running_job_is_not(fresh: Api) -> None:
    tenant = Tenant(fresh)
    ids = tenant.past_intake(2, [PlannedStep("textract", (Part((1,), 2.0),))])
    first, second = fresh.bench.store.dispatch({"textract": 5})
    for wake_up, reason in ((first, "Amazon Textract is limiting calls"), (second, READING)):
        claim = fresh.bench.claim(wake_up)
        fresh.bench.store.record(claim, Later(9.0, reason), nothing_follows, cost_s=0, host="h")
    by_id = {wake_up.file_id: tenant.waiting(wake_up.file_id) for wake_up in (first, second)}
    assert set(by_id) == set(ids)
    assert (by_id[first.file_id]["reason"], by_id[second.file_id]["reason"]) == ("rate_limited", "at_work")


@pytest.mark.parametrize("reason", [BUNDLE_TOOK_LONG, TAKES_LONG, "the status store could not be reached"])
def test_a_snoozed_part_waits_for_its_turn(fresh: Api, reason: str) -> None:
    tenant = Tenant(fresh)
    (file_id,) = tenant.past_intake(1, [PlannedStep("text", (Part(),))])
    (wake_up,) = fresh.bench.store.dispatch({"text": 5})
    fresh.bench.store.record(fresh.bench.claim(wake_up), Later(9.0, reason), nothing_follows, cost_s=0, host="h")
    wait = tenant.waiting(file_id)
    assert wait["reason"] == "fair_share" and wait["detail"].startswith(f"{reason}; ")


def test_while_a_service_is_down_its_files_name_it_with_the_reason_and_the_next_try(
    fresh: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    breakers = RedisBreakers("", chance=lambda: 1.0)
    replace_ports(monkeypatch, breakers=breakers)
    tenant = Tenant(fresh)
    (file_id,) = tenant.past_intake(1, TEXTRACT)
    look(fresh)
    for _ in range(5):
        breakers.failed("textract", "it refuses our key")
    wait = tenant.waiting(file_id)
    assert wait["reason"] == "dependency_down"
    assert wait["detail"].startswith("Textract is unavailable (it refuses our key); it is tried again in")
    assert wait["eta_s"][0] >= 3 and wait["eta_s"][1] > 600


def test_a_tenant_sees_only_its_own_lanes(fresh: Api) -> None:
    first, second = Tenant(fresh), Tenant(fresh)
    first.arrived(3)
    second.arrived(3)
    look(fresh)
    with fresh.bench.tenants(first.id) as catalog:
        assert {str(row.batch_id) for row in catalog.own_lanes([])} == {first.batch_id}
        (backlog,) = [row for row in catalog.step_backlogs() if row.files]
        assert backlog.files == 6


def test_a_check_is_not_repeated_at_once(fresh: Api) -> None:
    assert fresh.bench.store.measure_backlogs(3600) is None
