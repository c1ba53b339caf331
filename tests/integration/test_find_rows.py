"""Rows are found and sorted by the values of their records, each exactly once, at a bounded cost."""

from __future__ import annotations

import json
import random
from typing import Any

import httpx
import pytest

from layers.adapters.postgres import people
from layers.domain.page import Extraction
from tests.integration.conftest import Api
from tests.integration.records import dataset_with_records, extract, found
from tests.integration.test_api import new_batch, problem

ROWS = 60


@pytest.fixture(scope="module")
def caller(api: Api) -> httpx.Client:
    return api.caller()


@pytest.fixture(scope="module")
def table(api: Api, caller: httpx.Client) -> tuple[str, dict[str, dict[str, Any]]]:
    """A dataset with records of chance, and the fields of each file."""
    chance = random.Random(5)
    rows = [
        {
            "company": chance.choice(["ACME", "acme", "Beta", "Gamma GmbH", "äöü", "_%"]),
            **({"total": float(chance.randrange(-5, 5))} if chance.random() < 0.8 else {}),
            **({"date": f"2026-01-{chance.randrange(1, 29):02}"} if chance.random() < 0.7 else {}),
            **({"paid": chance.random() < 0.5} if chance.random() < 0.5 else {}),
        }
        for _ in range(ROWS)
    ]
    dataset_id, file_ids = dataset_with_records(api, caller, rows)
    return dataset_id, dict(zip(file_ids, rows, strict=True))


def ids(caller: httpx.Client, dataset_id: str, limit: int = 7, **query: Any) -> list[str]:
    """The ids of all rows, from pages of this size."""
    if "where" in query:
        query["where"] = json.dumps(query["where"])
    cursor, rows = "", []
    while cursor is not None:
        more = {"cursor": cursor} if cursor else {}
        answer = caller.get(f"/datasets/{dataset_id}/rows", params={"limit": limit, **query, **more})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert len(page["rows"]) <= limit
        rows += [row["id"] for row in page["rows"]]
        cursor = page["next_cursor"]
    return rows


def total(caller: httpx.Client, dataset_id: str, **query: Any) -> Any:
    if "where" in query:
        query["where"] = json.dumps(query["where"])
    return caller.get(f"/datasets/{dataset_id}/rows", params=query).json()["total"]


def expected(rows: dict[str, dict[str, Any]], sort: str | None) -> list[str]:
    newest = sorted(rows, reverse=True)
    if sort is None:
        return newest
    field, falls = sort.removeprefix("-"), sort.startswith("-")
    having = [file_id for file_id in rows if rows[file_id].get(field) is not None]

    def key(file_id: str) -> Any:
        value = rows[file_id][field]
        return (value.lower() if isinstance(value, str) else value, file_id)

    return [*sorted(having, key=key, reverse=falls), *(file_id for file_id in newest if file_id not in having)]


@pytest.fixture(params=["by index", "few candidates", "many candidates"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each way to search must find the same rows: pages may end early, and a search continues where it ended."""
    if request.param == "few candidates":
        monkeypatch.setattr(people, "FEW_ROWS", 0)
    if request.param == "many candidates":
        monkeypatch.setattr(people, "FEW_ROWS", 0)
        monkeypatch.setattr(people, "MOST_CANDIDATES", 5)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("sort", [None, "total", "-total", "company", "-company", "date", "paid", "-paid"])
def test_rows_come_in_order_each_once(
    caller: httpx.Client, table: tuple[str, dict[str, dict[str, Any]]], sort: str | None
) -> None:
    dataset_id, rows = table
    assert ids(caller, dataset_id, **({"sort": sort} if sort else {})) == expected(rows, sort)


CONDITIONS: list[tuple[list[dict[str, Any]], Any]] = [
    ([{"field": "total", "op": "ge", "value": 1}], lambda row: row.get("total", -9) >= 1),
    ([{"field": "total", "op": "lt", "value": 0.5}], lambda row: row.get("total", 9) < 0.5),
    ([{"field": "total", "op": "eq", "value": 3}], lambda row: row.get("total") == 3),
    ([{"field": "total", "op": "ne", "value": 3}], lambda row: row.get("total", 3) != 3),
    ([{"field": "total", "op": "missing"}], lambda row: "total" not in row),
    ([{"field": "company", "op": "eq", "value": "Acme"}], lambda row: row["company"].lower() == "acme"),
    ([{"field": "company", "op": "contains", "value": "MA G"}], lambda row: "ma g" in row["company"].lower()),
    ([{"field": "company", "op": "contains", "value": "%"}], lambda row: "%" in row["company"]),
    ([{"field": "company", "op": "eq", "value": "ÄÖÜ"}], lambda row: row["company"] == "äöü"),
    ([{"field": "company", "op": "eq", "value": "x' OR 'a' = 'a"}], lambda row: False),
    ([{"field": "date", "op": "le", "value": "2026-01-14"}], lambda row: row.get("date", "3") <= "2026-01-14"),
    ([{"field": "paid", "op": "eq", "value": True}], lambda row: row.get("paid") is True),
    (
        [{"field": "paid", "op": "eq", "value": False}, {"field": "total", "op": "gt", "value": 0}],
        lambda row: row.get("paid") is False and row.get("total", 0) > 0,
    ),
    ([{"field": "@state", "op": "eq", "value": "done"}], lambda row: True),
    ([{"field": "@state", "op": "ne", "value": "done"}], lambda row: False),
    ([{"field": "@name", "op": "contains", "value": ".PDF"}], lambda row: True),
]


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("sort", [None, "-total", "company"])
@pytest.mark.parametrize(("where", "fits"), CONDITIONS, ids=[str(index) for index in range(len(CONDITIONS))])
def test_rows_fulfil_all_conditions(
    caller: httpx.Client,
    table: tuple[str, dict[str, dict[str, Any]]],
    where: list[dict[str, Any]],
    fits: Any,
    sort: str | None,
) -> None:
    dataset_id, rows = table
    wanted = {file_id: row for file_id, row in rows.items() if fits(row)}
    query = {"where": where} | ({"sort": sort} if sort else {})
    assert ids(caller, dataset_id, **query) == expected(wanted, sort)


def test_the_total_is_exact_or_more_or_unknown(
    caller: httpx.Client, table: tuple[str, dict[str, dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset_id, rows = table
    where = [{"field": "company", "op": "contains", "value": "a"}]
    matching = sum("a" in row["company"].lower() for row in rows.values())
    assert total(caller, dataset_id) == ROWS
    assert total(caller, dataset_id, where=where) == matching
    monkeypatch.setattr("functions.api.rows.COUNTED", matching - 1)
    assert total(caller, dataset_id, where=where) == "more"
    monkeypatch.setattr("functions.api.rows.COUNTED", 10_000)
    monkeypatch.setattr(people, "MOST_CANDIDATES", 10)
    assert total(caller, dataset_id, where=where) is None


def test_the_page_around_a_file_begins_with_its_row(
    caller: httpx.Client, table: tuple[str, dict[str, dict[str, Any]]]
) -> None:
    dataset_id, rows = table
    for sort in (None, "total", "-company"):
        order = expected(rows, sort)
        for place in (0, 20, len(order) - 1):
            query = {"around": order[place], "limit": 3} | ({"sort": sort} if sort else {})
            page = caller.get(f"/datasets/{dataset_id}/rows", params=query).json()
            assert [row["id"] for row in page["rows"]] == order[place : place + 3]


@pytest.mark.parametrize(
    "query",
    [
        {"where": "x"},
        {"where": "{}"},
        {"where": "[1]"},
        {"where": '[{"field": "unknown", "op": "eq", "value": 1}]'},
        {"where": '[{"field": "total", "op": "like", "value": 1}]'},
        {"where": '[{"field": "total", "op": "eq", "value": "1"}]'},
        {"where": '[{"field": "total", "op": "eq", "value": 1e999}]'},
        {"where": '[{"field": "paid", "op": "lt", "value": true}]'},
        {"where": '[{"field": "company", "op": "eq", "value": "\\u0000"}]'},
        {"where": '[{"field": "@batch", "op": "eq", "value": "x"}]'},
        {"where": json.dumps([{"field": "total", "op": "missing"}] * 9)},
        {"sort": "unknown"},
        {"cursor": "x"},
        {"around": "x"},
    ],
)
def test_an_invalid_search_is_refused(
    caller: httpx.Client, table: tuple[str, dict[str, dict[str, Any]]], query: dict[str, str]
) -> None:
    problem(caller.get(f"/datasets/{table[0]}/rows", params=query), 400, "invalid_request")


def test_a_cursor_is_valid_only_for_its_search(
    caller: httpx.Client, table: tuple[str, dict[str, dict[str, Any]]]
) -> None:
    path = f"/datasets/{table[0]}/rows"
    cursor = caller.get(path, params={"limit": 1, "sort": "total"}).json()["next_cursor"]
    problem(caller.get(path, params={"sort": "-total", "cursor": cursor}), 400, "invalid_request")


# --- rows follow their records -----------------------------------------------------------------------


def test_a_row_is_found_by_what_a_person_set_and_reset(api: Api, caller: httpx.Client) -> None:
    dataset_id, (file_id,) = dataset_with_records(api, caller, [{"company": "A", "total": 1}])
    path, any_version = f"/files/{file_id}/record", {"If-Match": "*"}

    def has(value: float) -> bool:
        return ids(caller, dataset_id, where=[{"field": "total", "op": "eq", "value": value}]) == [file_id]

    assert has(1)
    caller.patch(path, json={"fields": {"total": 2}}, headers=any_version)
    assert has(2) and not has(1)
    extract(api, file_id, found({"company": "A", "total": 3}))
    assert has(2) and not has(3)
    caller.patch(path, json={"reset": ["total"]}, headers=any_version)
    assert has(3)
    extract(api, file_id, found({"company": "A"}))
    assert ids(caller, dataset_id, where=[{"field": "total", "op": "missing"}]) == [file_id]


def test_rows_that_need_a_review_are_those_that_say_so(api: Api, caller: httpx.Client) -> None:
    dataset_id, file_ids = dataset_with_records(api, caller, [{"company": "A", "total": n} for n in range(6)])
    extract(api, file_ids[0], found({"total": 0}))  # lacks the company
    extract(api, file_ids[1], found({"company": "A", "total": 1}, doubtful=("total",)))
    extract(api, file_ids[2], found({"company": "A", "total": 2}, doubtful=("total",)))
    caller.patch(f"/files/{file_ids[2]}/record", json={"fields": {"total": 2}}, headers={"If-Match": "*"})
    other = Extraction({"company": "A", "total": 4}, (), {}, doubtful=("total",))
    extract(api, file_ids[3], found({"company": "A", "total": 3}, further=(other,)))
    extract(api, file_ids[4], found({"company": "A"}, doubtful=("total",)))
    caller.put(f"/files/{file_ids[4]}/review", json={"state": "approved"})
    for state in ("open", "needed", "approved", "rejected"):
        found_ids = ids(caller, dataset_id, where=[{"field": "@review", "op": "eq", "value": state}])
        shown = {file_id: caller.get(f"/files/{file_id}").json()["review"] for file_id in file_ids}
        assert sorted(found_ids) == sorted(file_id for file_id, review in shown.items() if review == state), state
    doubtful = ids(caller, dataset_id, where=[{"field": "total", "op": "doubtful"}])
    assert doubtful == [file_ids[1]]


def test_removed_files_and_those_of_others_are_not_found(api: Api, caller: httpx.Client) -> None:
    dataset_id, file_ids = dataset_with_records(api, caller, [{"company": "A", "total": 1}] * 3)
    caller.delete(f"/files/{file_ids[1]}")
    where = [{"field": "total", "op": "eq", "value": 1}]
    assert ids(caller, dataset_id, where=where, sort="total") == [file_ids[0], file_ids[2]]
    with api.caller() as stranger:
        problem(stranger.get(f"/datasets/{dataset_id}/rows"), 404, "not_found")
        own, _ = dataset_with_records(api, stranger, [{"company": "A", "total": 1}])
        assert len(ids(stranger, own, where=where)) == 1


def test_records_of_earlier_releases_are_found_once_upkeep_has_stored_their_values(
    api: Api, caller: httpx.Client
) -> None:
    dataset_id, file_ids = dataset_with_records(api, caller, [{"company": "A", "total": 1}] * 3)
    database = api.bench.database
    database.run("DELETE FROM row_values WHERE dataset_id = %(d)s", d=dataset_id)
    database.run("ALTER TABLE records DISABLE TRIGGER USER")
    database.run("UPDATE records SET has_row_values = false WHERE dataset_id = %(d)s", d=dataset_id)
    database.run("ALTER TABLE records ENABLE TRIGGER USER")
    where = [{"field": "total", "op": "eq", "value": 1}]
    assert ids(caller, dataset_id, where=where) == []
    assert (api.bench.store.add_row_values(2), api.bench.store.add_row_values(2)) == (2, 1)
    assert sorted(ids(caller, dataset_id, where=where)) == sorted(file_ids)


def test_numbers_that_no_index_can_hold_do_not_fail_the_record(api: Api, caller: httpx.Client) -> None:
    dataset_id, (file_id,) = dataset_with_records(api, caller, [{"company": "A"}])
    extract(api, file_id, found({"company": "A", "total": 10**400, "date": "x" * 100_000}))
    assert ids(caller, dataset_id, sort="total") == [file_id]


def test_files_are_found_by_the_labels_of_their_batch(api: Api, caller: httpx.Client) -> None:
    dataset_id, _ = dataset_with_records(api, caller, [{"company": "A"}])
    path = f"/datasets/{dataset_id}/batches"
    made: dict[str, dict[str, Any]] = {}
    for name, labels in {"a": ["Munich", "2024"], "b": ["Munich", "O'Brien \\ %s", "Munich"], "c": []}.items():
        body = {"files": [{"name": name, "size_bytes": 1}], "labels": labels}
        made[name] = caller.post(path, json=body).json()
    batches = {name: caller.get(f"/batches/{batch['id']}").json() for name, batch in made.items()}
    assert [batch["labels"] for batch in batches.values()] == [["Munich", "2024"], ["Munich", "O'Brien \\ %s"], []]
    assert [batch["id"] for batch in caller.get(path, params={"label": "Munich"}).json()["batches"]] == [
        made["b"]["id"],
        made["a"]["id"],
    ]

    def found(op: str, label: str) -> set[str]:
        rows = ids(caller, dataset_id, where=[{"field": "@label", "op": op, "value": label}])
        return {name for name, batch in made.items() if batch["files"][0]["id"] in rows}

    assert found("eq", "Munich") == {"a", "b"} and found("eq", "O'Brien \\ %s") == {"b"} and found("eq", "x") == set()
    assert found("ne", "2024") == {"b", "c"}
    rows = caller.get(f"/datasets/{dataset_id}/files", params={"view": "row"}).json()["files"]
    shown = {row["name"]: row["labels"] for row in rows if row["name"] in made}
    assert shown == {name: batch["labels"] for name, batch in batches.items()}
    for label in ("", "x" * 101, "a\0"):
        problem(caller.get(path, params={"label": label}), 400, "invalid_request")
    for refused in (["a,b"], [" a"], [""], ["a\n"], ["x" * 101], [str(n) for n in range(21)], "a"):
        body = {"files": [{"name": "d", "size_bytes": 1}], "labels": refused}
        problem(caller.post(path, json=body), 400, "invalid_request")


# --- what is done with all that match ----------------------------------------------------------------


def test_all_rows_that_match_are_reviewed_removed_and_redriven(api: Api, caller: httpx.Client) -> None:
    dataset_id, file_ids = dataset_with_records(api, caller, [{"company": "A", "total": n} for n in range(6)])
    new_batch(caller, dataset_id, ["without record"])
    large = [{"field": "total", "op": "ge", "value": 2}]
    path = f"/datasets/{dataset_id}"
    answer = caller.post(f"{path}/reviews", json={"state": "approved", "where": large}).json()
    assert answer == {"id": answer["id"], "count": 4, "changed": 4, "has_more": False}
    assert caller.post(f"{path}/reviews", json={"state": "approved", "where": large}).json()["changed"] == 0
    approved = [{"field": "@review", "op": "eq", "value": "approved"}, {"field": "total", "op": "gt", "value": 4}]
    removal = caller.post(f"{path}/removals", json={"where": approved}).json()
    assert (removal["count"], removal["has_more"]) == (1, False)
    problem(caller.post(f"{path}/removals", json={"where": approved}), 404, "not_found")
    assert ids(caller, dataset_id, where=large) == file_ids[2:5][::-1]
    api.bench.database.run(
        "UPDATE files SET state = 'failed', error_code = 'timeout' WHERE file_id = ANY (%(f)s)", f=file_ids[:4]
    )
    assert caller.post(f"{path}/redrive", json={"where": large}).json()["has_more"] is False


def test_a_body_with_two_selections_is_refused(caller: httpx.Client, table: tuple[str, dict[str, Any]]) -> None:
    where = [{"field": "total", "op": "missing"}]
    path, file_ids = f"/datasets/{table[0]}", list(table[1])[:1]
    problem(caller.post(f"{path}/removals", json={"where": where, "file_ids": file_ids}), 400, "invalid_request")
    problem(caller.post(f"{path}/reviews", json={"state": "open"}), 400, "invalid_request")
    problem(caller.post(f"{path}/removals", json={"where": []}), 400, "invalid_request")
