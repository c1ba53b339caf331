"""Dead letters: they are listed and counted, can be redriven, and disappear after success."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

import pytest

from layers.domain.step import Done, Failed, Outcome, Part, PlannedStep, Stop
from layers.ports import FilePlan
from tests.integration.conftest import Api
from tests.integration.test_api import problem
from tests.integration.test_removal import Host
from tests.making import INTAKE_DONE, ONE_PART, nothing_follows


@pytest.fixture
def host(api: Api) -> Iterator[Host]:
    yield Host(api)


def given_up(host: Host, outcome: Outcome, count: int = 1) -> list[str]:
    """Create files whose text step has this outcome. Returns their ids."""
    claims = host.past_intake(count)
    for claim in claims.values():
        host.runner.record(claim, outcome)
    return list(claims)


DAMAGED = Failed("corrupt", "the file is damaged")


def test_failed_steps_are_listed_and_counted(host: Host) -> None:
    damaged, broken = given_up(host, DAMAGED, 3), given_up(host, Failed("internal_error", "a fault in Fairway"))
    found = host.caller.get("/operations/dead-letters").json()
    assert found["count"] == 4 and found["count_is_exact"]
    assert found["by_code"] == {"corrupt": 3, "internal_error": 1}
    assert {letter["file_id"] for letter in found["dead_letters"]} == {*damaged, *broken}
    newest = found["dead_letters"][0]
    assert (newest["file_id"], newest["step"], newest["code"]) == (broken[0], "text", "internal_error")
    assert newest["detail"] == "a fault in Fairway" and newest["attempts"] == 1 and newest["given_up_at"]
    selected = host.caller.get("/operations/dead-letters", params={"code": "internal_error"}).json()
    assert [letter["file_id"] for letter in selected["dead_letters"]] == broken and selected["count"] == 1


def test_pages_list_each_dead_letter_once(host: Host) -> None:
    file_ids = given_up(host, DAMAGED, 7)
    host.api.bench.database.run("UPDATE steps SET ended_at = date_trunc('minute', ended_at) WHERE state = 'failed'")
    listed, cursor = [], None
    while True:
        page = host.caller.get("/operations/dead-letters", params={"limit": 3} | ({"cursor": cursor} if cursor else {}))
        listed += [letter["file_id"] for letter in page.json()["dead_letters"]]
        if not (cursor := page.json()["next_cursor"]):
            break
    assert sorted(listed) == sorted(file_ids)


def test_a_failure_that_a_later_reader_resolved_is_no_dead_letter(host: Host) -> None:
    (claim,) = host.past_intake().values()
    follows = FilePlan([PlannedStep("ocr", ONE_PART), PlannedStep("textract", None)])
    host.store.record(claim, Done(), lambda _: follows, cost_s=0, host="h")
    host.runner.dispatch({"ocr"})
    (wake_up,) = host._published("ocr")
    host.store.record(
        host.claim(wake_up), Failed("ocr_down", "down"), lambda _: FilePlan((), "done"), cost_s=0, host="h"
    )
    assert host.caller.get("/operations/dead-letters").json()["count"] == 0


def test_a_stopped_pipeline_is_listed_once_by_the_step_that_stopped_it(host: Host) -> None:
    (claim,) = host.past_intake().values()
    stop = FilePlan(
        [PlannedStep("extraction", Stop("no_text", "nothing"))], "failed", ("extraction", "no_text", "nothing")
    )
    host.store.record(claim, Failed("ocr_down", "down"), lambda _: stop, cost_s=0, host="h")
    (found,) = host.caller.get("/operations/dead-letters").json()["dead_letters"]
    assert (found["step"], found["code"]) == ("extraction", "no_text")


def test_several_failed_parts_of_a_step_are_one_dead_letter(host: Host) -> None:
    plan = FilePlan([PlannedStep("thumbnail", (Part((1,)), Part((2,))))])
    host.uploaded()
    (wake_up,) = host._published("intake")
    host.store.record(host.claim(wake_up), INTAKE_DONE, lambda _: plan, cost_s=0, host="h")
    host.runner.dispatch({"thumbnail"})
    for published in host._published("thumbnail"):
        host.store.record(host.claim(published), DAMAGED, nothing_follows, cost_s=0, host="h")
    assert host.caller.get("/operations/dead-letters").json()["count"] == 1


def test_redriven_dead_letters_disappear_after_success(host: Host) -> None:
    damaged, broken = given_up(host, DAMAGED, 2), given_up(host, Failed("internal_error", "a fault in Fairway"), 2)
    response = host.caller.post("/operations/dead-letters/redrive", json={"code": "internal_error"})
    assert response.status_code == 202 and response.json() == {"count": 2, "has_more": False}
    remaining = host.caller.get("/operations/dead-letters").json()
    assert {letter["file_id"] for letter in remaining["dead_letters"]} == set(damaged)
    host.runner.dispatch({"text"})
    again = {wake_up.file_id: host.claim(wake_up) for wake_up in host._published("text")}
    assert set(again) == set(broken) and {claim.failures for claim in again.values()} == {0}
    for claim in again.values():
        host.store.record(claim, Done(), lambda _: FilePlan((), "done"), cost_s=0, host="h")
    assert host.caller.get("/operations/dead-letters").json()["count"] == 2


@pytest.mark.parametrize("by", ["file", "time"])
def test_dead_letters_are_selected_by_file_and_by_time(host: Host, by: str) -> None:
    early = given_up(host, DAMAGED, 2)
    now = datetime.datetime.now(datetime.UTC)
    host.api.bench.database.run("UPDATE steps SET ended_at = now() - interval '1 day' WHERE state = 'failed'")
    late = given_up(host, DAMAGED, 1)
    hour_ago = (now - datetime.timedelta(hours=1)).isoformat()
    filters = {"file_ids": early} if by == "file" else {"until": hour_ago}
    assert host.caller.post("/operations/dead-letters/redrive", json=filters).json()["count"] == 2
    remaining = host.caller.get("/operations/dead-letters", params={"since": hour_ago}).json()
    assert [letter["file_id"] for letter in remaining["dead_letters"]] == late


def test_an_operator_sees_its_own_dead_letters_and_an_admin_all(host: Host) -> None:
    given_up(host, DAMAGED, 2)
    stranger, admin = host.api.caller(), host.api.caller(role="admin")
    assert stranger.get("/operations/dead-letters").json()["count"] == 0
    assert stranger.post("/operations/dead-letters/redrive", json={}).json()["count"] == 0
    assert admin.get("/operations/dead-letters").json()["count"] == 2
    assert admin.post("/operations/dead-letters/redrive", json={}).json()["count"] == 2
    assert host.caller.get("/operations/dead-letters").json()["count"] == 0


def test_dead_letters_need_an_operator_and_valid_times(host: Host) -> None:
    editor = host.api.caller(host.tenant_id, "editor")
    problem(editor.get("/operations/dead-letters"), 403, "forbidden")
    problem(host.caller.get("/operations/dead-letters?since=yesterday"), 400, "invalid_request")
    problem(host.caller.post("/operations/dead-letters/redrive", json={"file_ids": ["x"]}), 400, "invalid_request")
    problem(host.caller.post("/operations/dead-letters/redrive", json={"since": "2026-01-01"}), 400, "invalid_request")


def test_a_removed_file_is_no_dead_letter(host: Host) -> None:
    host.remove(given_up(host, DAMAGED))
    assert host.caller.get("/operations/dead-letters").json()["count"] == 0
