"""A person's values survive every extraction; edits at the same time are noticed; reviews; the history of a record."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from fairway_client import Client

from layers.domain.page import Extraction
from tests.integration.conftest import Api
from tests.integration.records import dataset_with_records, extract, found
from tests.integration.test_api import NO_ID, new_batch, new_dataset, problem

FIELDS = {"company": "ACME", "total": 9.0}


@pytest.fixture(scope="module")
def caller(api: Api) -> httpx.Client:
    return api.caller()


@pytest.fixture
def file_id(api: Api, caller: httpx.Client) -> str:
    return dataset_with_records(api, caller, [FIELDS])[1][0]


def correct(caller: httpx.Client, file_id: str, version: int | str = "*", **body: Any) -> httpx.Response:
    return caller.patch(f"/files/{file_id}/record", json=body, headers={"If-Match": f'"{version}"'})


def record(caller: httpx.Client, file_id: str) -> dict[str, Any]:
    return caller.get(f"/files/{file_id}/record").json()  # type: ignore[no-any-return]


def test_a_value_that_a_person_set_survives_every_extraction(api: Api, caller: httpx.Client, file_id: str) -> None:
    assert correct(caller, file_id, fields={"total": 9.5}).status_code == 200
    for total in (9.0, 8.0, 7.0):
        extract(api, file_id, found({"company": f"ACME {total}", "total": total}))
        shown = record(caller, file_id)
        assert shown["fields"] == {"company": f"ACME {total}", "total": 9.5}
        assert shown["by"] == {"company": "rules", "total": "person"}
        assert "total" not in shown["evidence"]
    extract(api, file_id, found({"company": "ACME"}))  # the later extraction finds no total at all
    assert record(caller, file_id)["fields"]["total"] == 9.5


def test_a_reset_shows_what_the_latest_extraction_found(api: Api, caller: httpx.Client, file_id: str) -> None:
    correct(caller, file_id, fields={"total": 9.5, "company": "X"})
    extract(api, file_id, found({"company": "ACME", "total": 8.0}))
    shown = correct(caller, file_id, reset=["total", "never set"]).json()
    assert (shown["fields"], shown["by"]) == (
        {"company": "X", "total": 8.0},
        {"company": "person", "total": "rules"},
    )


def test_a_corrected_record_is_the_same_in_every_listing(caller: httpx.Client, file_id: str) -> None:
    shown = correct(caller, file_id, fields={"total": None, "date": "2026-01-02"}).json()
    file = caller.get(f"/files/{file_id}").json()
    (row,) = caller.get(f"/datasets/{file['dataset_id']}/records").json()["records"]
    assert shown["fields"] == {"company": "ACME", "total": None, "date": "2026-01-02"}
    assert shown["fields"] == file["artifacts"]["record"]["fields"] == file["records"][0]["fields"]
    assert shown["fields"] == {name: row["fields"][name] for name in shown["fields"]}
    assert shown["by"] == file["artifacts"]["record"]["by"] == row["by"]


def test_of_two_people_who_edit_at_once_one_is_refused(caller: httpx.Client, file_id: str) -> None:
    version = record(caller, file_id)["version"]
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda total: correct(caller, file_id, version, fields={"total": total}), (1, 2)))
    assert sorted(answer.status_code for answer in answers) == [200, 412]
    (won,) = [answer.json() for answer in answers if answer.status_code == 200]
    assert record(caller, file_id)["fields"] == won["fields"]


def test_a_change_without_the_version_is_refused(caller: httpx.Client, file_id: str) -> None:
    problem(caller.patch(f"/files/{file_id}/record", json={"fields": {"total": 1}}), 428, "precondition_required")


def test_a_repeated_change_succeeds_and_changes_nothing(caller: httpx.Client, file_id: str) -> None:
    version = record(caller, file_id)["version"]
    first = correct(caller, file_id, version, fields={"total": 1})
    again = correct(caller, file_id, version, fields={"total": 1})
    assert again.status_code == 200
    assert (again.json(), again.headers["etag"]) == (first.json(), f'"{version + 1}"')
    assert len(caller.get(f"/files/{file_id}/record/history").json()["changes"]) == 1


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"total": "9"}, "/fields/total"),
        ({"date": "2.1.2026"}, "/fields/date"),
        ({"unknown": 1}, "/fields/unknown"),
        ({"company": None}, "/fields/company"),
        ({"company": "a\x00"}, "/fields"),
        ({"total": True}, "/fields/total"),
    ],
)
def test_a_value_that_does_not_fit_the_schema_is_refused_and_named(
    caller: httpx.Client, file_id: str, fields: dict[str, Any], pointer: str
) -> None:
    refused = problem(correct(caller, file_id, fields=fields), 400, "invalid_request")
    assert [error["pointer"] for error in refused["errors"]] == [pointer]
    assert record(caller, file_id)["fields"] == FIELDS


def test_setting_a_missing_value_completes_the_record(api: Api, caller: httpx.Client) -> None:
    _, (file_id,) = dataset_with_records(api, caller, [{"total": 1}], state="partial")
    before = record(caller, file_id)
    assert (before["missing"], before["complete"], before["review"]) == (["company"], False, "needed")
    shown = correct(caller, file_id, before["version"], fields={"company": "ACME"}).json()
    assert (shown["missing"], shown["complete"], shown["review"]) == ([], True, "open")


def test_the_evidence_that_a_person_names_is_shown(caller: httpx.Client, file_id: str) -> None:
    proof = {"page": 2, "text": "9.50", "box": [0, 0.5, 1, 1]}
    assert correct(caller, file_id, fields={"total": 9.5}, evidence={"total": proof}).json()["evidence"] == {
        "total": proof
    }


def test_a_row_shows_each_change_at_once(api: Api, caller: httpx.Client, file_id: str) -> None:
    dataset_id = caller.get(f"/files/{file_id}").json()["dataset_id"]

    def row() -> dict[str, Any]:
        for _ in range(2):  # the second time from the text that was kept
            (shown,) = caller.get(f"/datasets/{dataset_id}/files", params={"view": "row"}).json()["files"]
        return shown  # type: ignore[no-any-return]

    assert row()["record"]["fields"] == FIELDS
    correct(caller, file_id, fields={"total": 9.5})
    assert row()["record"]["fields"]["total"] == 9.5
    extract(api, file_id, found({"company": "Other", "total": 9.0}))
    assert row()["record"]["fields"] == {"company": "Other", "total": 9.5}
    caller.put(f"/files/{file_id}/review", json={"state": "approved"})
    assert row()["record"]["review"] == "approved"


def test_a_change_is_in_the_feed_of_changes(caller: httpx.Client, file_id: str) -> None:
    dataset_id = caller.get(f"/files/{file_id}").json()["dataset_id"]
    cursor = caller.get(f"/datasets/{dataset_id}/files").json()["changes_cursor"]
    correct(caller, file_id, fields={"total": 1})
    changes = caller.get(f"/datasets/{dataset_id}/changes", params={"after": cursor, "wait_s": 5}).json()
    assert [file["artifacts"]["record"]["fields"]["total"] for file in changes["files"]] == [1]


def test_the_history_says_who_set_what_from_which_value(api: Api) -> None:
    tenant_id = api.bench.tenant()
    with api.caller(tenant_id) as owner:
        _, (file_id,) = dataset_with_records(api, owner, [FIELDS])
        code = owner.post("/sessions", json={"name": "Ada"}).json()["code"]
    ada = Client.from_code(api.url, code)
    ada.correct(file_id, {"total": 9.5}, version=ada.record(file_id)["version"])
    ada.correct(file_id, {}, reset=["total"], version=ada.record(file_id)["version"])
    ada.review(file_id, "approved")
    shown = [
        (row["action"], row["field"], row["from"], row["to"], row["by"], row["person"])
        for row in ada.record_history(file_id)
    ]
    assert shown == [
        ("set", "total", 9.0, 9.5, "person", "Ada"),
        ("reset", "total", 9.5, 9.0, "person", "Ada"),
        ("review", None, "open", "approved", "person", "Ada"),
    ]


# --- reviews -----------------------------------------------------------------------------------------


def test_a_review_ends_when_the_values_change_and_only_then(api: Api, caller: httpx.Client, file_id: str) -> None:
    assert caller.put(f"/files/{file_id}/review", json={"state": "approved"}).json()["review"] == "approved"
    extract(api, file_id, found(FIELDS, doubtful=("total",)))
    assert record(caller, file_id)["review"] == "approved"  # the same values
    extract(api, file_id, found({"company": "ACME", "total": 90.0}))
    assert record(caller, file_id)["review"] == "open"
    last = caller.get(f"/files/{file_id}/record/history").json()["changes"][-1]
    assert (last["from"], last["to"], last["by"], last["key_id"]) == ("approved", "open", "extraction", None)


def test_a_correction_ends_the_review_of_other_values(caller: httpx.Client, file_id: str) -> None:
    caller.put(f"/files/{file_id}/review", json={"state": "rejected"})
    assert correct(caller, file_id, fields={"total": 9.0}).json()["review"] == "rejected"  # confirms what was found
    assert correct(caller, file_id, fields={"total": 1.0}).json()["review"] == "open"


def test_a_version_that_has_passed_is_not_approved(api: Api, caller: httpx.Client, file_id: str) -> None:
    version = record(caller, file_id)["version"]
    extract(api, file_id, found({"company": "ACME", "total": 90.0}))
    path, body = f"/files/{file_id}/review", {"state": "approved"}
    problem(caller.put(path, json=body, headers={"If-Match": f'"{version}"'}), 412, "precondition_failed")
    assert caller.put(path, json=body, headers={"If-Match": f'"{version + 1}"'}).json()["review"] == "approved"


def test_many_records_are_reviewed_at_once(api: Api, caller: httpx.Client) -> None:
    dataset_id, file_ids = dataset_with_records(api, caller, [FIELDS] * 3)
    without = new_batch(caller, dataset_id, ["no record"])["files"][0]["id"]
    caller.put(f"/files/{file_ids[0]}/review", json={"state": "approved"})
    wanted = {"state": "approved", "file_ids": [*file_ids, without, NO_ID]}
    first = caller.post(f"/datasets/{dataset_id}/reviews", json=wanted).json()
    assert first == {"id": first["id"], "count": 3, "changed": 2, "has_more": False}
    assert caller.post(f"/datasets/{dataset_id}/reviews", json=wanted).json() == {
        "id": None,
        "count": 3,
        "changed": 0,
        "has_more": False,
    }
    assert {record(caller, file_id)["review"] for file_id in file_ids} == {"approved"}


def test_reviews_of_many_records_are_undone_and_the_history_keeps_both(api: Api, caller: httpx.Client) -> None:
    dataset_id, file_ids = dataset_with_records(api, caller, [FIELDS] * 3)
    caller.put(f"/files/{file_ids[0]}/review", json={"state": "rejected"})
    approved = caller.post(f"/datasets/{dataset_id}/reviews", json={"state": "approved", "file_ids": file_ids}).json()
    cursor = caller.get(f"/datasets/{dataset_id}/files").json()["changes_cursor"]
    path = f"/reviews/{approved['id']}/undo"
    assert caller.post(path).json() == {"id": approved["id"], "count": 3, "changed": 3}
    assert [record(caller, file_id)["review"] for file_id in file_ids] == ["rejected", "open", "open"]
    changes = caller.get(f"/files/{file_ids[0]}/record/history").json()["changes"]
    assert [(row["from"], row["to"], row["by"]) for row in changes] == [
        ("open", "rejected", "person"),
        ("rejected", "approved", "person"),
        ("approved", "rejected", "person"),
    ]
    feed = caller.get(f"/datasets/{dataset_id}/changes", params={"after": cursor, "wait_s": 5}).json()
    assert {file["id"] for file in feed["files"]} == set(file_ids)
    assert caller.post(path).json() == {"id": approved["id"], "count": 3, "changed": 0}


def test_an_undo_of_reviews_leaves_what_was_decided_since_then(api: Api, caller: httpx.Client) -> None:
    dataset_id, file_ids = dataset_with_records(api, caller, [FIELDS] * 4)
    body = {"state": "approved", "file_ids": file_ids}
    approved = caller.post(f"/datasets/{dataset_id}/reviews", json=body).json()
    again, corrected, removed, untouched = file_ids
    for state in ("open", "approved"):
        caller.put(f"/files/{again}/review", json={"state": state})
    correct(caller, corrected, fields={"total": 1})
    removal = caller.delete(f"/files/{removed}").json()
    answer = caller.post(f"/reviews/{approved['id']}/undo").json()
    assert answer == {"id": approved["id"], "count": 4, "changed": 1}
    caller.post(f"/removals/{removal['id']}/undo")
    assert {file_id: record(caller, file_id)["review"] for file_id in file_ids} == {
        again: "approved",
        corrected: "open",
        removed: "approved",
        untouched: "open",
    }
    assert len(caller.get(f"/files/{corrected}/record/history").json()["changes"]) == 3


# --- access ------------------------------------------------------------------------------------------


def test_a_record_of_another_tenant_does_not_exist(api: Api, caller: httpx.Client, file_id: str) -> None:
    dataset_id = caller.get(f"/files/{file_id}").json()["dataset_id"]
    with api.caller() as stranger:
        problem(correct(stranger, file_id, fields={"total": 1}), 404, "not_found")
        problem(stranger.get(f"/files/{file_id}/record"), 404, "not_found")
        problem(stranger.get(f"/files/{file_id}/record/history"), 404, "not_found")
        problem(stranger.put(f"/files/{file_id}/review", json={"state": "approved"}), 404, "not_found")
        own = new_dataset(stranger)["id"]
        wanted = {"state": "approved", "file_ids": [file_id]}
        problem(stranger.post(f"/datasets/{dataset_id}/reviews", json=wanted), 404, "not_found")
        approved = caller.post(f"/datasets/{dataset_id}/reviews", json=wanted).json()
        problem(stranger.post(f"/reviews/{approved['id']}/undo"), 404, "not_found")
        assert record(caller, file_id)["review"] == "approved"
        assert stranger.post(f"/datasets/{own}/reviews", json=wanted).json() == {
            "id": None,
            "count": 0,
            "changed": 0,
            "has_more": False,
        }
    assert record(caller, file_id)["fields"] == FIELDS


def test_a_viewer_can_read_and_not_change(api: Api) -> None:
    tenant_id = api.bench.tenant()
    with api.caller(tenant_id) as owner, api.caller(tenant_id, "viewer") as viewer:
        _, (file_id,) = dataset_with_records(api, owner, [FIELDS])
        assert record(viewer, file_id)["fields"] == FIELDS
        problem(correct(viewer, file_id, fields={"total": 1}), 403, "forbidden")
        problem(viewer.put(f"/files/{file_id}/review", json={"state": "approved"}), 403, "forbidden")


def test_a_file_without_a_record_can_not_be_corrected(caller: httpx.Client) -> None:
    dataset_id = new_dataset(caller)["id"]
    file_id = new_batch(caller, dataset_id, ["a"])["files"][0]["id"]
    problem(correct(caller, file_id, fields={"total": 1}), 409, "conflict")


def test_a_removed_file_can_not_be_corrected_and_keeps_its_values_through_an_undo(
    caller: httpx.Client, file_id: str
) -> None:
    correct(caller, file_id, fields={"total": 1})
    removal = caller.delete(f"/files/{file_id}").json()
    problem(correct(caller, file_id, fields={"total": 2}), 404, "not_found")
    caller.post(f"/removals/{removal['id']}/undo")
    assert record(caller, file_id)["fields"]["total"] == 1


# --- files with several documents --------------------------------------------------------------------


def test_each_document_of_a_file_is_corrected_by_its_number(api: Api, caller: httpx.Client, file_id: str) -> None:
    extract(api, file_id, found(FIELDS, further=(Extraction({"company": "ACME", "total": 5}, (), {}),)))
    refused = problem(correct(caller, file_id, fields={"total": 6}), 400, "invalid_request")
    assert refused["errors"][0]["pointer"] == "/document"
    problem(correct(caller, file_id, fields={"total": 6}, document=3), 400, "invalid_request")
    shown = correct(caller, file_id, fields={"total": 6, "company": "Other"}, document=2).json()
    assert [document["fields"] for document in shown["records"]] == [FIELDS, {"company": "Other", "total": 6}]
    assert shown["fields"] == {}  # no value is the same in both
