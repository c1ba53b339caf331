"""GET /operations and GET /metrics: their figures, and which caller gets which."""

from __future__ import annotations

from typing import Any

import httpx
import jsonschema
import pytest
from prometheus_client.parser import text_string_to_metric_families

from functions.api.entry import contract
from layers.adapters.redis.breakers import RedisBreakers
from layers.adapters.redis.budgets import RedisBudgets
from layers.domain.budget import Rate
from layers.domain.fleet import Registration
from layers.domain.step import Done, Failed, Parked, Retry
from layers.ports import FilePlan
from tests.integration.conftest import Api, replace_ports
from tests.integration.test_api import problem
from tests.integration.test_waits import OCR, Tenant, fresh, look
from tests.making import nothing_follows

__all__ = ["fresh"]


@pytest.fixture
def busy(fresh: Api) -> tuple[Tenant, Tenant]:
    """Files of two tenants in OCR: one each is done, failed, retrying, parked, running and queued; six are ready, two of
    them of the second tenant."""
    first_tenant, second = Tenant(fresh), Tenant(fresh)
    first_tenant.past_intake(10, OCR)
    first = fresh.bench.store.dispatch({"ocr": 7})  # six of them for long parts
    ends = [Done(), Failed("corrupt", "damaged"), Retry(60, "unreachable", "no answer"), Parked(60, "down", "ocr")]
    for wake_up, outcome in zip(first, ends, strict=False):
        plan = FilePlan((), "failed", ("ocr", "corrupt", "damaged")) if isinstance(outcome, Failed) else FilePlan()
        claim = fresh.bench.claim(wake_up)
        fresh.bench.store.record(claim, outcome, lambda _, plan=plan: plan, cost_s=2.0, host="h")  # type: ignore[misc]
    fresh.bench.claim(first[4])
    second.past_intake(2, OCR)
    look(fresh)
    return first_tenant, second


def shown(caller: httpx.Client) -> dict[str, Any]:
    answer = caller.get("/operations")
    assert answer.status_code == 200, answer.text
    schema = {"$ref": "#/components/schemas/Operations", "components": contract()["components"]}
    jsonschema.validate(answer.json(), schema)
    return answer.json()  # type: ignore[no-any-return]


def test_an_operator_sees_the_figures_of_its_tenant(fresh: Api, busy: tuple[Tenant, Tenant]) -> None:
    first, second = busy
    overview = shown(first.caller)
    assert overview["tenant_id"] == first.id
    ocr = overview["steps"]["ocr"]
    assert {name: ocr[name] for name in ("ready", "queued", "running", "retrying", "parked")} == {
        "ready": 4, "queued": 1, "running": 1, "retrying": 1, "parked": 1}  # fmt: skip
    assert ocr["oldest_s"] > 0.9 and ocr["duration_s"] == {"p50": 2.0, "p95": 2.0}
    assert (ocr["done_a_minute"], ocr["failed_a_minute"], ocr["error_rate"]) == (0.2, 0.2, 0.5)
    (lane,) = overview["lanes"]
    assert (lane["tenant_id"], lane["files"], lane["cost_s"], lane["batches"]) == (first.id, 4, 8.0, 1)
    assert shown(second.caller)["steps"]["ocr"]["running"] == 0
    assert shown(second.caller)["lanes"][0]["files"] == 2
    assert overview["quota"] == {
        "allowed": {},
        "used": {"files_in_processing": 9, "bytes_stored": 100, "files_a_day": 10},
    }


def test_an_admin_sees_the_figures_of_all_tenants(fresh: Api, busy: tuple[Tenant, Tenant]) -> None:
    overview = shown(fresh.caller(role="admin"))
    assert overview["tenant_id"] is None and overview["quota"] is None
    assert overview["steps"]["ocr"]["ready"] == 6
    assert {lane["tenant_id"] for lane in overview["lanes"]} == {tenant.id for tenant in busy}
    assert set(overview["dependencies"]) >= {"ocr", "textract", "extraction", "preview", "object_store"}


@pytest.mark.parametrize("path", ["/operations", "/metrics"])
def test_operations_need_the_role_operator(api: Api, path: str) -> None:
    problem(api.caller(role="editor").get(path), 403, "forbidden")


def test_an_open_breaker_and_a_spent_budget_are_shown(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    breakers, budgets = RedisBreakers(""), RedisBudgets("", {"textract": Rate(2)})
    replace_ports(monkeypatch, breakers=breakers, budgets=budgets, is_paid=lambda service: service == "textract")
    for _ in range(5):
        breakers.failed("extraction", "the model service wants to be paid")
    budgets.take("textract", 100)
    budgets.throttled("textract")
    admin = api.caller(role="admin")
    overview = shown(admin)
    extraction = overview["dependencies"]["extraction"]
    assert (extraction["state"], extraction["reason"]) == ("open", "the model service wants to be paid")
    assert extraction["next_probe_at"] and overview["dependencies"]["ocr"]["state"] == "closed"
    assert overview["budgets"]["textract"]["full_per_s"] == 2.0 and overview["budgets"]["textract"]["per_s"] < 2
    measured = metrics(admin)
    assert measured["fairway_breaker_open", ("extraction",)] == 1 and measured["fairway_breaker_open", ("ocr",)] == 0
    assert measured["fairway_budget_full_units_per_second", ("textract",)] == 2


def metrics(caller: httpx.Client) -> dict[tuple[str, tuple[str, ...]], float]:
    """Every sample, parsed by Prometheus's own parser, by its name and the values of its labels."""
    answer = caller.get("/metrics")
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, tuple(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_metrics_count_parts_by_step_and_state(fresh: Api, busy: tuple[Tenant, Tenant]) -> None:
    measured = metrics(fresh.caller(role="admin"))
    states = {"ready": 6, "queued": 1, "running": 1, "retrying": 1, "parked": 1}
    assert {state: measured["fairway_parts", (state, "ocr")]
            for state in states} == states  # fmt: skip
    assert measured["fairway_oldest_ready_seconds", ("ocr",)] > 0.9
    assert measured["fairway_attempt_duration_seconds", ("0.95", "ocr")] == 2.0
    assert measured["fairway_dead_letters", ("ocr",)] == 1
    assert measured["process_resident_memory_bytes", ()] > 1e6
    assert metrics(busy[1].caller)["fairway_parts", ("ready", "ocr")] == 2


def test_an_admin_sees_the_workers_and_how_many_are_needed(fresh: Api, busy: tuple[Tenant, Tenant]) -> None:
    store = fresh.bench.store
    store.beat(Registration("one", "host-a", "1", {"ocr": 3}))
    store.beat(Registration("two", "host-b", "2", {"ocr": 1, "text": 4}))
    store.beat(Registration("leaving", "host-b", "1", {"ocr": 5}, draining=True))
    admin = fresh.caller(role="admin")
    overview = shown(admin)
    assert [(worker["worker"], worker["host"], worker["version"], worker["state"]) for worker in overview["workers"]] == [
        ("leaving", "host-b", "1", "draining"), ("one", "host-a", "1", "live"), ("two", "host-b", "2", "live")]  # fmt: skip
    assert (overview["steps"]["ocr"]["concurrency"], overview["steps"]["preview"]["concurrency"]) == (4, 0)
    measured = metrics(admin)
    assert measured["fairway_live_workers", ("ocr",)] == 2 and measured["fairway_live_slots", ("ocr",)] == 4
    # Two parts in flight and 12 seconds of work, which one worker does with two slots in a minute.
    assert measured["fairway_ready_cost_seconds", ("ocr",)] == 12.0
    assert measured["fairway_needed_workers", ("ocr",)] == pytest.approx((2 + 12 / 60) / 2)
    assert shown(busy[0].caller)["workers"] == []
    assert ("fairway_needed_workers", ("ocr",)) not in metrics(busy[0].caller)


def test_counters_of_attempts_remain_after_their_files_are_erased(fresh: Api, busy: tuple[Tenant, Tenant]) -> None:
    first, second = busy
    assert fresh.bench.store.fold_attempts() == 0  # attempts of the last minute are not folded
    fresh.bench.database.run("UPDATE attempts SET ended_at = ended_at - interval '2 minutes'")
    fresh.bench.database.run("UPDATE attempt_folds SET folded_until = '-infinity'")
    assert fresh.bench.store.fold_attempts() == 16
    assert fresh.bench.store.fold_attempts() == 0
    measured = metrics(first.caller)
    outcomes = {
        outcome: measured["fairway_attempts_total", (outcome, "ocr")] for outcome in ("done", "failed", "retried")
    }
    assert outcomes == {"done": 1, "failed": 1, "retried": 1}
    assert measured["fairway_attempt_seconds_total", ("done", "ocr")] == 2.0
    assert ("fairway_attempts_total", ("done", "ocr")) not in metrics(second.caller)
    fresh.bench.database.run("DELETE FROM attempts")
    assert metrics(fresh.caller(role="admin"))["fairway_attempts_total", ("done", "intake")] == 12


def test_a_drained_lane_is_gone_after_the_next_check(fresh: Api, busy: tuple[Tenant, Tenant]) -> None:
    for wake_up in fresh.bench.store.dispatch({"ocr": 100}):
        fresh.bench.store.record(fresh.bench.claim(wake_up), Done(), nothing_follows, cost_s=1, host="h")
    look(fresh)
    overview = shown(fresh.caller(role="admin"))
    assert overview["steps"]["ocr"]["ready"] == 0 and overview["lanes"] == []
