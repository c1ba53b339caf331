"""Datasets are renamed, removed with all their files, and restored; batches and removals are listed."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from functions.api import removals
from functions.upkeep import REMOVED_AT_ONCE
from tests.integration.conftest import Api
from tests.integration.records import dataset_with_records
from tests.integration.test_api import new_batch, new_dataset, problem


@pytest.fixture(scope="module")
def caller(api: Api) -> httpx.Client:
    return api.caller()


def test_a_dataset_is_renamed(caller: httpx.Client) -> None:
    dataset_id = new_dataset(caller, sure_from=80)["id"]
    changed = caller.put(f"/datasets/{dataset_id}", json={"name": "Receipts 2026"}).json()
    assert (changed["name"], changed["sure_from"]) == ("Receipts 2026", 80)
    assert caller.put(f"/datasets/{dataset_id}", json={"sure_from": 0}).json()["sure_from"] == 0
    problem(caller.put(f"/datasets/{dataset_id}", json={"name": ""}), 400, "invalid_request")


def test_a_removed_dataset_and_all_that_is_in_it_vanish_at_once_and_come_back(
    api: Api, caller: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(removals, "FILES_AT_ONCE", 2)  # a large dataset is removed in steps
    dataset_id, file_ids = dataset_with_records(api, caller, [{"company": "A", "total": n} for n in range(5)])
    batch_id = new_batch(caller, dataset_id, ["late.pdf"])["id"]
    started = caller.delete(f"/datasets/{dataset_id}")
    assert (started.status_code, started.json()["count"]) == (202, 2)
    for path in (
        f"/datasets/{dataset_id}",
        f"/datasets/{dataset_id}/files",
        f"/datasets/{dataset_id}/rows",
        f"/datasets/{dataset_id}/records",
        f"/files/{file_ids[0]}",
        f"/files/{file_ids[-1]}",
        f"/files/{file_ids[0]}/record",
        f"/batches/{batch_id}",
    ):
        problem(caller.get(path), 404, "not_found")
    assert dataset_id not in [dataset["id"] for dataset in caller.get("/datasets").json()["datasets"]]
    body = {"files": [{"name": "a", "size_bytes": 1}]}
    problem(caller.post(f"/datasets/{dataset_id}/batches", json=body), 404, "not_found")
    problem(caller.post(f"/batches/{batch_id}/files", json=body), 404, "not_found")
    problem(caller.delete(f"/datasets/{dataset_id}"), 404, "not_found")

    assert api.bench.store.remove_rest(REMOVED_AT_ONCE) == 4
    assert api.bench.store.remove_rest(REMOVED_AT_ONCE) == 0
    (removal,) = caller.get("/removals", params={"limit": 1}).json()["removals"]
    assert (removal["id"], removal["whole_dataset"], removal["count"]) == (started.json()["id"], True, 6)
    caller.post(f"/removals/{removal['id']}/undo")
    assert caller.get(f"/datasets/{dataset_id}").json()["counts"]["files"] == 6
    assert len(caller.get(f"/datasets/{dataset_id}/records").json()["records"]) == 5


def test_the_rest_of_a_restored_dataset_is_not_removed(
    api: Api, caller: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(removals, "FILES_AT_ONCE", 1)
    dataset_id, _ = dataset_with_records(api, caller, [{"company": "A"}] * 3)
    removal = caller.delete(f"/datasets/{dataset_id}").json()
    caller.post(f"/removals/{removal['id']}/undo")
    assert api.bench.store.remove_rest(100) == 0
    assert caller.get(f"/datasets/{dataset_id}").json()["counts"]["files"] == 3


def test_nothing_is_erased_before_all_files_of_a_dataset_are_marked(
    api: Api, caller: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(removals, "FILES_AT_ONCE", 1)
    dataset_id, file_ids = dataset_with_records(api, caller, [{"company": "A"}] * 3)
    removal_id = caller.delete(f"/datasets/{dataset_id}", params={"undo_window_s": 0}).json()["id"]
    assert removal_id not in dict(api.bench.store.removals_due(100))
    api.bench.store.remove_rest(100)
    due = dict(api.bench.store.removals_due(100))[removal_id]
    assert sorted(file_id for _, file_id in due) == sorted(file_ids)
    api.bench.store.erase(removal_id, file_ids, 0)
    api.bench.store.remove_rest(100)
    receipt = caller.get(f"/removals/{removal_id}").json()
    assert receipt["erased_at"] and receipt["dataset_name"] is None
    row = api.bench.database.row("SELECT name FROM datasets WHERE dataset_id = %(d)s", d=dataset_id)
    assert row == {"name": "erased"}


def test_a_dataset_of_another_tenant_can_not_be_removed(api: Api, caller: httpx.Client) -> None:
    dataset_id = new_dataset(caller)["id"]
    with api.caller() as stranger:
        problem(stranger.delete(f"/datasets/{dataset_id}"), 404, "not_found")
        assert stranger.get("/removals").json()["removals"] == []
    assert caller.get(f"/datasets/{dataset_id}").status_code == 200


def listed(caller: httpx.Client, path: str, what: str) -> list[dict[str, Any]]:
    """All items of a listing, two on a page."""
    items: list[dict[str, Any]] = []
    query: dict[str, Any] = {"limit": 2}
    while query.get("cursor", "") is not None:
        page = caller.get(path, params=query).json()
        items += page[what]
        query["cursor"] = page["next_cursor"]
    return items


def test_batches_are_listed_with_their_names_and_counts(caller: httpx.Client) -> None:
    dataset_id = new_dataset(caller)["id"]
    for number in range(5):
        body = {"name": f"Batch {number}", "files": [{"name": "a", "size_bytes": 1}] * (number + 1)}
        caller.post(f"/datasets/{dataset_id}/batches", json=body)
    batches = listed(caller, f"/datasets/{dataset_id}/batches", "batches")
    assert [(batch["name"], batch["counts"]["files"]) for batch in batches] == [
        (f"Batch {number}", number + 1) for number in (4, 3, 2, 1, 0)
    ]


def test_removals_of_a_dataset_are_listed(caller: httpx.Client) -> None:
    dataset_id = new_dataset(caller)["id"]
    files = new_batch(caller, dataset_id, ["a", "b", "c"])["files"]
    removed = [caller.delete(f"/files/{file['id']}").json()["id"] for file in files]
    shown = listed(caller, f"/datasets/{dataset_id}/removals", "removals")
    assert [(removal["id"], removal["count"], removal["whole_dataset"]) for removal in shown] == [
        (removal_id, 1, False) for removal_id in removed[::-1]
    ]
