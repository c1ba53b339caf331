"""Exports hold every record once, in each format; they survive lost workers, and belong to one tenant."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import arro3.io
import httpx
import pytest
import python_calamine

from functions import exports
from layers.adapters.postgres.exports import PostgresExports
from layers.domain.errors import DependencyDown
from layers.domain.page import Extraction
from layers.domain.row_filter import MOST_CONDITIONS
from tests.fakes.objects import MemoryObjects
from tests.integration.conftest import Api
from tests.integration.records import dataset_with_records, extract, found
from tests.integration.test_api import new_dataset, problem

ROWS = [
    {"company": "=1+1", "total": 9.5, "date": "2026-01-02", "paid": True},
    {"company": 'Größe, "A"\n', "total": -1.0},
    {"company": "C", "total": 7},
]


@pytest.fixture
def caller(api: Api) -> Iterator[httpx.Client]:
    api.bench.database.run("DELETE FROM exports")
    with api.caller() as caller:
        yield caller


@pytest.fixture
def store(api: Api) -> PostgresExports:
    return PostgresExports(api.bench.store._database)


def write(store: PostgresExports, objects: MemoryObjects, tmp_path: Path, **more: Any) -> bool:
    folder = tmp_path / "scratch"
    folder.mkdir(exist_ok=True)
    return exports.run_next(store, objects, lambda: folder, **more)


def exported(
    caller: httpx.Client, store: PostgresExports, tmp_path: Path, dataset_id: str, **body: Any
) -> tuple[dict[str, Any], bytes]:
    """A finished export, and the content of its file."""
    objects = MemoryObjects()
    started = caller.post(f"/datasets/{dataset_id}/exports", json=body)
    assert started.status_code == 202, started.text
    assert write(store, objects, tmp_path)
    export = caller.get(f"/exports/{started.json()['id']}").json()
    (content,) = list(objects.objects.values()) or [b""]
    return export, content


def test_csv_has_a_byte_order_mark_and_no_formulas(
    api: Api, caller: httpx.Client, store: PostgresExports, tmp_path: Path
) -> None:
    dataset_id, _ = dataset_with_records(api, caller, ROWS)
    export, content = exported(caller, store, tmp_path, dataset_id, format="csv", sort="total")
    assert (export["state"], export["rows"], export["size_bytes"]) == ("done", 3, len(content))
    assert export["url"]
    assert content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    assert [row["total"] for row in rows] == ["-1.0", "7", "9.5"]
    assert rows[2]["company"] == "'=1+1"


def test_json_lines_have_every_record_and_who_reviewed(
    api: Api, caller: httpx.Client, store: PostgresExports, tmp_path: Path
) -> None:
    dataset_id, file_ids = dataset_with_records(api, caller, ROWS)
    caller.put(f"/files/{file_ids[0]}/review", json={"state": "approved"})
    caller.patch(f"/files/{file_ids[1]}/record", json={"fields": {"total": 8}}, headers={"If-Match": "*"})
    further = Extraction({"company": "D", "total": 1}, (), {})
    extract(api, file_ids[2], found({"company": "C", "total": 7}, further=(further,)))
    _, content = exported(caller, store, tmp_path, dataset_id, format="jsonl")
    lines = [json.loads(line) for line in content.splitlines()]
    assert [(line["fields"]["company"], line["fields"]["total"], line["review"]) for line in lines] == [
        ("C", 7, "open"),
        ("D", 1, "open"),
        ('Größe, "A"\n', 8, "open"),
        ("=1+1", 9.5, "approved"),
    ]


def test_a_workbook_has_typed_cells(api: Api, caller: httpx.Client, store: PostgresExports, tmp_path: Path) -> None:
    dataset_id, _ = dataset_with_records(api, caller, ROWS)
    export, content = exported(caller, store, tmp_path, dataset_id, format="xlsx", sort="-total")
    assert export["state"] == "done"
    header, first, *_ = (
        python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()
    )
    row = dict(zip(header, first, strict=True))
    assert (row["company"], row["total"], row["date"], row["paid"]) == ("=1+1", 9.5, date(2026, 1, 2), True)


def test_parquet_has_typed_columns_and_keeps_what_does_not_fit(
    api: Api, caller: httpx.Client, store: PostgresExports, tmp_path: Path
) -> None:
    dataset_id, file_ids = dataset_with_records(api, caller, ROWS)
    extract(api, file_ids[2], found({"company": "C", "total": "seven", "former": [1]}))
    _, content = exported(caller, store, tmp_path, dataset_id, format="parquet")
    table = arro3.io.read_parquet(io.BytesIO(content)).read_all()
    column = {name: table[name].to_pylist() for name in table.column_names}
    assert column["file_id"] == file_ids[::-1]
    assert column["total"] == [None, -1.0, 9.5]
    assert column["date"] == [None, None, date(2026, 1, 2)]
    assert column["missing"] == [[], [], []]
    assert json.loads(column["other_values"][0]) == {"total": "seven", "former": [1]}
    assert "Float64" in str(table.schema.field("total").type)


def test_an_export_shows_what_a_person_set_and_every_document(
    api: Api, caller: httpx.Client, store: PostgresExports, tmp_path: Path
) -> None:
    dataset_id, file_ids = dataset_with_records(api, caller, ROWS)
    caller.patch(f"/files/{file_ids[0]}/record", json={"fields": {"total": 8}}, headers={"If-Match": "*"})
    extract(api, file_ids[1], found({"company": "C"}, further=(Extraction({"total": 1}, ("company",), {}),)))
    _, content = exported(caller, store, tmp_path, dataset_id, format="parquet")
    table = arro3.io.read_parquet(io.BytesIO(content)).read_all()
    column = {name: table[name].to_pylist() for name in table.column_names}
    assert column["total"] == [7.0, None, 1.0, 8.0]
    assert column["missing"] == [[], [], ["company"], []]
    assert column["id"][2] == f"{column['id'][1]}-2"


def test_a_parquet_export_of_a_stopping_worker_is_given_back(
    api: Api, caller: httpx.Client, store: PostgresExports, tmp_path: Path
) -> None:
    dataset_id, _ = dataset_with_records(api, caller, ROWS)
    export_id = caller.post(f"/datasets/{dataset_id}/exports", json={"format": "parquet"}).json()["id"]
    for _ in range(exports.MOST_ATTEMPTS + 1):
        write(store, MemoryObjects(), tmp_path, is_stopping=lambda: True)
    assert caller.get(f"/exports/{export_id}").json()["state"] == "waiting"


def test_an_export_takes_the_rows_that_match(
    api: Api, caller: httpx.Client, store: PostgresExports, tmp_path: Path
) -> None:
    dataset_id, _ = dataset_with_records(api, caller, ROWS)
    where = [{"field": "total", "op": "gt", "value": 0}]
    export, content = exported(caller, store, tmp_path, dataset_id, format="jsonl", where=where)
    assert export["rows"] == len(content.splitlines()) == 2


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ({"sort": "total"}, list(range(9))),
        ({}, list(range(9))[::-1]),
        ({"where": [{"field": "total", "op": "lt", "value": 7}]}, list(range(7))[::-1]),
    ],
)
def test_an_export_is_written_in_pages(
    api: Api,
    caller: httpx.Client,
    store: PostgresExports,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    search: dict[str, Any],
    expected: list[int],
) -> None:
    monkeypatch.setattr(exports, "ROWS_AT_ONCE", 3)
    dataset_id, file_ids = dataset_with_records(api, caller, [{"company": "A", "total": n} for n in range(10)])
    caller.delete(f"/files/{file_ids[9]}")
    export, content = exported(caller, store, tmp_path, dataset_id, format="jsonl", **search)
    assert [json.loads(line)["fields"]["total"] for line in content.splitlines()] == expected
    assert export["rows"] == len(expected)


def test_an_export_of_a_lost_worker_begins_again_and_the_late_worker_changes_nothing(
    api: Api, caller: httpx.Client, store: PostgresExports, tmp_path: Path
) -> None:
    dataset_id, _ = dataset_with_records(api, caller, ROWS)
    export_id = caller.post(f"/datasets/{dataset_id}/exports", json={"format": "jsonl"}).json()["id"]
    late = store.claim(60)
    assert late and not write(store, MemoryObjects(), tmp_path)
    api.bench.database.run("UPDATE exports SET lease_expires_at = now() - interval '1 s'")
    assert write(store, MemoryObjects(), tmp_path)
    assert not store.extend(late, 1, 60)
    assert not store.finish(late, 1, "artifacts/late", 1)
    assert caller.get(f"/exports/{export_id}").json()["rows"] == 3


def test_an_export_that_loses_every_worker_is_given_up(
    api: Api, caller: httpx.Client, store: PostgresExports, tmp_path: Path
) -> None:
    dataset_id, _ = dataset_with_records(api, caller, ROWS)
    export_id = caller.post(f"/datasets/{dataset_id}/exports", json={"format": "jsonl"}).json()["id"]
    for _ in range(exports.MOST_ATTEMPTS):
        assert store.claim(60)
        api.bench.database.run("UPDATE exports SET lease_expires_at = now() - interval '1 s'")
    assert write(store, MemoryObjects(), tmp_path)
    shown = caller.get(f"/exports/{export_id}").json()
    assert (shown["state"], shown["error"]["code"]) == ("failed", "quarantined")


def test_a_stopping_worker_gives_its_export_back(
    api: Api, caller: httpx.Client, store: PostgresExports, tmp_path: Path
) -> None:
    dataset_id, _ = dataset_with_records(api, caller, ROWS)
    export_id = caller.post(f"/datasets/{dataset_id}/exports", json={"format": "jsonl"}).json()["id"]
    for _ in range(exports.MOST_ATTEMPTS + 1):
        write(store, MemoryObjects(), tmp_path, is_stopping=lambda: True)
    assert caller.get(f"/exports/{export_id}").json()["state"] == "waiting"


def test_an_export_waits_while_the_object_store_is_down_and_loses_no_attempt(
    api: Api, caller: httpx.Client, store: PostgresExports, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def upload(*_: Any) -> int:
        raise DependencyDown("object_store", "it is away")

    dataset_id, _ = dataset_with_records(api, caller, ROWS)
    export_id = caller.post(f"/datasets/{dataset_id}/exports", json={"format": "jsonl"}).json()["id"]
    objects = MemoryObjects()
    with monkeypatch.context() as patch:
        patch.setattr(objects, "upload", upload)
        for _ in range(exports.MOST_ATTEMPTS + 1):
            assert write(store, objects, tmp_path)
            assert not write(store, objects, tmp_path)  # not before a while
            api.bench.database.run("UPDATE exports SET lease_expires_at = now() - interval '1 s'")
    assert write(store, objects, tmp_path)
    assert caller.get(f"/exports/{export_id}").json()["state"] == "done"


def test_an_export_that_takes_longer_than_the_host_allows_fails_and_says_so(
    api: Api, caller: httpx.Client, store: PostgresExports, tmp_path: Path
) -> None:
    dataset_id, _ = dataset_with_records(api, caller, ROWS)
    export_id = caller.post(f"/datasets/{dataset_id}/exports", json={"format": "jsonl"}).json()["id"]
    write(store, MemoryObjects(), tmp_path, most_s=-1.0)
    assert caller.get(f"/exports/{export_id}").json()["error"]["code"] == "too_large"


def test_an_export_larger_than_the_store_takes_fails_and_says_so(
    api: Api, caller: httpx.Client, store: PostgresExports, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset_id, _ = dataset_with_records(api, caller, ROWS)
    export_id = caller.post(f"/datasets/{dataset_id}/exports", json={"format": "jsonl"}).json()["id"]
    monkeypatch.setattr(exports, "MOST_BYTES", 10)
    write(store, MemoryObjects(), tmp_path)
    error = caller.get(f"/exports/{export_id}").json()["error"]
    assert error["code"] == "too_large"
    assert "at most 10 can be stored" in error["detail"]


def test_old_exports_are_deleted(api: Api, caller: httpx.Client, store: PostgresExports, tmp_path: Path) -> None:
    dataset_id, _ = dataset_with_records(api, caller, ROWS)
    objects = MemoryObjects()
    export_id = caller.post(f"/datasets/{dataset_id}/exports", json={"format": "csv"}).json()["id"]
    write(store, objects, tmp_path)
    assert exports.delete_old(store, objects) == 0
    verdicts = api.bench.store.object_verdicts(list(objects.objects))
    assert set(verdicts.values()) == {"referenced"}
    api.bench.database.run("UPDATE exports SET ended_at = now() - interval '2 days'")
    assert exports.delete_old(store, objects) == 1
    assert not objects.objects
    problem(caller.get(f"/exports/{export_id}"), 404, "not_found")


def test_an_export_of_another_tenant_does_not_exist(api: Api, caller: httpx.Client) -> None:
    dataset_id = new_dataset(caller)["id"]
    export_id = caller.post(f"/datasets/{dataset_id}/exports", json={"format": "csv"}).json()["id"]
    with api.caller() as stranger:
        problem(stranger.get(f"/exports/{export_id}"), 404, "not_found")
        problem(stranger.post(f"/datasets/{dataset_id}/exports", json={"format": "csv"}), 404, "not_found")


def test_a_repeated_request_gets_the_same_export(api: Api, caller: httpx.Client) -> None:
    dataset_id = new_dataset(caller)["id"]
    path, key = f"/datasets/{dataset_id}/exports", {"Idempotency-Key": "k"}
    first, again = (caller.post(path, json={"format": "csv"}, headers=key).json() for _ in range(2))
    assert first["id"] == again["id"]


def test_the_number_of_open_exports_is_limited(api: Api, caller: httpx.Client) -> None:
    path = f"/datasets/{new_dataset(caller)['id']}/exports"
    for _ in range(20):
        assert caller.post(path, json={"format": "csv"}).status_code == 202
    problem(caller.post(path, json={"format": "csv"}), 429, "quota_exceeded")


@pytest.mark.parametrize(
    "body",
    [
        {"format": "pdf"},
        {"format": "csv", "sort": "unknown"},
        {"format": "csv", "where": [{"field": "unknown", "op": "missing"}]},
        {"format": "csv", "where": [{"field": "@name", "op": "contains", "value": "a"}] * (MOST_CONDITIONS + 1)},
    ],
)
def test_an_invalid_export_is_refused(caller: httpx.Client, body: dict[str, Any]) -> None:
    path = f"/datasets/{new_dataset(caller)['id']}/exports"
    problem(caller.post(path, json=body), 400, "invalid_request")


def test_tenants_take_turns(api: Api, caller: httpx.Client, store: PostgresExports) -> None:
    path = f"/datasets/{new_dataset(caller)['id']}/exports"
    for _ in range(3):
        caller.post(path, json={"format": "csv"})
    with api.caller() as other:
        mine = other.post(f"/datasets/{new_dataset(other)['id']}/exports", json={"format": "csv"}).json()["id"]
        first, second = store.claim(60), store.claim(60)
        assert first and second and str(second.export_id) == mine
