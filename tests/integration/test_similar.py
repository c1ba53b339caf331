"""Near-duplicates through the API: found by picture and by values, within a dataset, and forgotten with the file."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.integration.conftest import Api
from tests.integration.records import dataset_with_records

RECEIPT = {"company": "Gin Kee Hardware", "date": "2017-12-28", "total": 148.4}
HASH = "a5" * 18


@pytest.fixture
def caller(api: Api) -> httpx.Client:
    return api.caller()


def store_thumbnail(api: Api, file_id: str, page_hash: str | None) -> None:
    api.bench.database.run(
        "INSERT INTO artifacts (file_id, kind, tenant_id, object_key, media_type, size_bytes, page_hash) "
        "SELECT file_id, 'thumbnail', tenant_id, 'artifacts/t', 'image/webp', 1, %(h)s FROM files WHERE file_id = %(f)s "
        "ON CONFLICT (file_id, kind) DO UPDATE SET page_hash = excluded.page_hash",
        f=file_id,
        h=page_hash,
    )


def similar(caller: httpx.Client, file_id: str) -> list[dict[str, Any]]:
    answer = caller.get(f"/files/{file_id}")
    assert answer.status_code == 200, answer.text
    return answer.json()["artifacts"]["similar"]  # type: ignore[no-any-return]


def keys(api: Api, file_id: str) -> int:
    (row,) = api.bench.database.rows("SELECT count(*) FROM similar_keys WHERE file_id = %(f)s", f=file_id)
    return int(row["count"])


def test_files_are_similar_by_their_values(api: Api, caller: httpx.Client) -> None:
    _, file_ids = dataset_with_records(api, caller, [RECEIPT, RECEIPT, {**RECEIPT, "total": 9.5}])
    assert similar(caller, file_ids[0]) == [
        {"file_id": file_ids[1], "name": "1.pdf", "picture": None, "fields": ["company", "date", "total"]}
    ]
    assert similar(caller, file_ids[2]) == []


def test_files_are_similar_by_their_pictures_unless_a_value_differs(api: Api, caller: httpx.Client) -> None:
    rows = [{"company": "A", "total": 5.0}, {"company": "B", "total": 5.0}, {"company": "A", "total": 6.0}]
    _, file_ids = dataset_with_records(api, caller, rows)
    nearly = HASH[:-1] + "4"
    for file_id, page_hash in zip(file_ids, (HASH, nearly, HASH), strict=True):
        store_thumbnail(api, file_id, page_hash)
    (found,) = similar(caller, file_ids[1])
    assert (found["file_id"], found["picture"], found["fields"]) == (file_ids[0], 0.99, ["total"])
    caller.patch(f"/files/{file_ids[2]}/record", json={"fields": {"total": 5}}, headers={"If-Match": "*"})
    assert {file["file_id"] for file in similar(caller, file_ids[1])} == {file_ids[0], file_ids[2]}
    store_thumbnail(api, file_ids[0], None)
    assert keys(api, file_ids[0]) == 0
    assert {file["file_id"] for file in similar(caller, file_ids[1])} == {file_ids[2]}


def test_datasets_and_tenants_are_apart(api: Api, caller: httpx.Client) -> None:
    _, (one,) = dataset_with_records(api, caller, [RECEIPT])
    dataset_with_records(api, caller, [RECEIPT])
    dataset_with_records(api, api.caller(), [RECEIPT])
    assert similar(caller, one) == []


def test_a_removed_file_is_not_named_and_an_erased_one_leaves_no_key(api: Api, caller: httpx.Client) -> None:
    dataset_id, file_ids = dataset_with_records(api, caller, [RECEIPT, RECEIPT])
    store_thumbnail(api, file_ids[1], HASH)
    assert keys(api, file_ids[1]) == 10
    removal_id = caller.post(
        f"/datasets/{dataset_id}/removals", json={"file_ids": [file_ids[1]], "undo_window_s": 0}
    ).json()["id"]
    assert similar(caller, file_ids[0]) == []
    api.bench.store.erase(removal_id, [file_ids[1]], 0)
    assert keys(api, file_ids[1]) == 0 and keys(api, file_ids[0]) == 1


def test_a_call_looks_up_a_bounded_number_of_files(api: Api, caller: httpx.Client) -> None:
    _, file_ids = dataset_with_records(api, caller, [RECEIPT] * 30)
    found = similar(caller, file_ids[0])
    assert [file["file_id"] for file in found] == file_ids[:-11:-1]
