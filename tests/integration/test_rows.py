"""`view=row`: the same facts as in the view of files, few bytes, and the same number of queries at any size."""

from __future__ import annotations

import gzip
import json
from typing import Any

import httpx
import psycopg
import pytest

from layers.domain.page import Extraction
from tests.integration.conftest import Api
from tests.integration.records import dataset_with_records, extract, found
from tests.integration.test_api import new_batch, new_dataset, problem


@pytest.fixture(scope="module")
def caller(api: Api) -> httpx.Client:
    return api.caller()


def rows_of(caller: httpx.Client, dataset_id: str, **query: Any) -> list[dict[str, Any]]:
    answer = caller.get(f"/datasets/{dataset_id}/files", params={"view": "row", **query})
    assert answer.status_code == 200, answer.text
    return answer.json()["files"]  # type: ignore[no-any-return]


def prepare(api: Api, caller: httpx.Client, count: int) -> tuple[str, list[str]]:
    """A dataset with records, steps and thumbnails."""
    dataset_id, file_ids = dataset_with_records(api, caller, [{"company": "ACME", "total": n} for n in range(count)])
    api.bench.database.run(
        """WITH s AS (INSERT INTO steps (file_id, step, tenant_id, batch_id, state)
                      SELECT file_id, step, tenant_id, batch_id, 'done' FROM files, unnest(%(steps)s::text[]) step
                       WHERE file_id = ANY (%(f)s))
           INSERT INTO artifacts (file_id, kind, tenant_id, object_key, media_type, size_bytes, width, height)
           SELECT file_id, 'thumbnail', tenant_id, 'artifacts/' || file_id, 'image/webp', 1, 226, 320
             FROM files WHERE file_id = ANY (%(f)s)""",
        f=file_ids,
        steps=["intake", "text", "ocr", "textract", "extraction", "preview", "thumbnail"],
    )
    return dataset_id, file_ids


def test_a_row_has_the_same_facts_as_the_file(api: Api, caller: httpx.Client) -> None:
    dataset_id, file_ids = prepare(api, caller, 4)
    caller.patch(f"/files/{file_ids[1]}/record", json={"fields": {"total": 7, "date": None}}, headers={"If-Match": "*"})
    extract(api, file_ids[2], found({"total": 1}, doubtful=("total",)))
    other = Extraction({"total": 1, "paid": True}, ("company",), {})
    extract(api, file_ids[3], found({"company": "A", "total": 1}, further=(other,)))
    new_batch(caller, dataset_id, ['hostile " </script>\n\u2028 name'])
    files = caller.get(f"/datasets/{dataset_id}/files").json()["files"]
    rows = rows_of(caller, dataset_id)
    assert len(rows) == 5
    same = (
        "id",
        "name",
        "batch_id",
        "size_bytes",
        "media_type",
        "created_at",
        "updated_at",
        "state",
        "stage",
        "waiting",
        "taken_from",
    )
    for row, file in zip(rows, files, strict=True):
        assert {name: row[name] for name in same} == {name: file[name] for name in same}
        assert row["error"] == file["error"]
        assert row["pipelines"] == {name: pipeline["state"] for name, pipeline in file["pipelines"].items()}
        assert sum(row["steps"].values()) == sum(len(shown["steps"]) for shown in file["pipelines"].values())
        record = file["artifacts"]["record"]
        if record is None:
            assert row["record"] is row["thumbnail"] is None
            continue
        assert row["thumbnail"]["url"] == file["artifacts"]["thumbnail"]["url"]
        shown = ("version", "fields", "doubtful", "missing")
        assert {name: row["record"][name] for name in shown} == {name: record[name] for name in shown}
        assert row["record"]["review"] == file["review"]
        assert row["record"]["set"] == sorted(name for name, by in record["by"].items() if by == "person")
        assert row["record"]["documents"] == len(file["records"])


def test_a_processed_file_says_why_it_waits(api: Api, caller: httpx.Client) -> None:
    dataset_id, file_ids = prepare(api, caller, 1)
    api.bench.database.run("UPDATE files SET state = 'processing' WHERE file_id = %(f)s", f=file_ids[0])
    api.bench.database.run(
        "UPDATE steps SET state = 'ready', ready_at = now() WHERE file_id = %(f)s AND step = 'ocr'", f=file_ids[0]
    )
    (row,) = rows_of(caller, dataset_id)
    (file,) = caller.get(f"/datasets/{dataset_id}/files").json()["files"]
    assert (row["stage"], row["waiting"]["reason"]) == ("ocr", "fair_share")
    assert (row["stage"], row["waiting"]["reason"]) == (file["stage"], file["waiting"]["reason"])
    assert row["pipelines"] == {name: pipeline["state"] for name, pipeline in file["pipelines"].items()}


def test_pages_of_rows_continue_as_those_of_files_do(api: Api, caller: httpx.Client) -> None:
    dataset_id, file_ids = prepare(api, caller, 5)
    first = caller.get(f"/datasets/{dataset_id}/files", params={"view": "row", "limit": 3}).json()
    rest = caller.get(f"/datasets/{dataset_id}/files", params={"view": "row", "cursor": first["next_cursor"]}).json()
    assert [row["id"] for row in first["files"] + rest["files"]] == file_ids[::-1]
    assert rest["next_cursor"] is None
    assert [row["id"] for row in rows_of(caller, dataset_id, name="3.pdf")] == [file_ids[3]]


def test_changes_are_shown_as_rows(api: Api, caller: httpx.Client) -> None:
    dataset_id, file_ids = prepare(api, caller, 3)
    cursor = caller.get(f"/datasets/{dataset_id}/files", params={"limit": 1}).json()["changes_cursor"]
    caller.put(f"/files/{file_ids[0]}/review", json={"state": "approved"})
    caller.delete(f"/files/{file_ids[1]}")
    path, query = f"/datasets/{dataset_id}/changes", {"after": cursor, "view": "row", "limit": 1000}
    changes = caller.get(path, params=query).json()
    assert [(row["id"], row["record"]["review"]) for row in changes["files"]] == [(file_ids[0], "approved")]
    assert changes["removed"] == [file_ids[1]]


@pytest.mark.parametrize(("query", "status"), [({"view": "row", "limit": 1000}, 200), ({"limit": 201}, 400)])
def test_a_page_has_more_rows_than_files(caller: httpx.Client, query: dict[str, Any], status: int) -> None:
    dataset_id = new_dataset(caller)["id"]
    assert caller.get(f"/datasets/{dataset_id}/files", params=query).status_code == status
    problem(caller.get(f"/datasets/{dataset_id}/files", params={"view": "row", "limit": 1001}), 400, "invalid_request")


def test_a_value_that_is_too_long_for_a_row_is_named_instead(api: Api, caller: httpx.Client) -> None:
    dataset_id, file_ids = dataset_with_records(api, caller, [{"company": "A" * 5000, "total": 1}] * 2)
    caller.patch(f"/files/{file_ids[1]}/record", json={"fields": {"total": 2}}, headers={"If-Match": "*"})
    for row in rows_of(caller, dataset_id):
        assert row["record"]["cut"] == ["company"]
        assert list(row["record"]["fields"]) == ["total"]


def test_a_page_of_rows_takes_the_same_number_of_queries_at_any_size(
    api: Api, caller: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    queries: list[str] = []
    execute = psycopg.Cursor.execute

    def counting(cursor: Any, query: Any, *arguments: Any, **more: Any) -> Any:
        if "quota" not in str(query):  # the rate of a key is read again every few seconds
            queries.append(str(query))
        return execute(cursor, query, *arguments, **more)

    monkeypatch.setattr(psycopg.Cursor, "execute", counting)
    counts = []
    for size in (1, 200):
        dataset_id, _ = prepare(api, caller, size)
        queries.clear()
        assert len(rows_of(caller, dataset_id, limit=1000)) == size
        counts.append(len(queries))
    # Key, tenant; dataset, position of changes, ids, rows.
    assert counts[0] == counts[1] <= 8


def test_two_hundred_rows_are_a_few_kilobytes_compressed(api: Api, caller: httpx.Client) -> None:
    dataset_id, _ = prepare(api, caller, 200)
    path = f"/datasets/{dataset_id}/files"
    plain = caller.get(path, params={"view": "row", "limit": 200}, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    with caller.stream(
        "GET", path, params={"view": "row", "limit": 200}, headers={"Accept-Encoding": "gzip"}
    ) as answer:
        sent = b"".join(answer.iter_raw())
        assert answer.headers["content-encoding"] == "gzip"
        assert "Accept-Encoding" in answer.headers["vary"]
    assert json.loads(gzip.decompress(sent))["files"] == plain.json()["files"]
    assert len(plain.content) < 250_000  # most of it are the URLs of thumbnails
    assert len(sent) < 40_000
