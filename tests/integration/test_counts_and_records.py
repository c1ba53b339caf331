"""Counts are exact before and after folding; records are listed as JSON, JSON lines, CSV and Arrow."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import arro3.io
import httpx
import pytest
from fairway_client import Client
from psycopg.types.json import Jsonb

from tests.integration.conftest import Api
from tests.integration.test_api import new_batch, new_dataset, problem

SCHEMA = {
    "type": "object",
    "required": ["zeta"],
    "properties": {
        "zeta": {"type": "string"},
        "alpha": {"type": "number"},
        "paid": {"type": "boolean"},
        "lines": {"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string"}}}},
    },
}


@pytest.fixture(scope="module")
def caller(api: Api) -> httpx.Client:
    return api.caller()


# --- counts ------------------------------------------------------------------------------------------


def counted(api: Api, dataset_id: str) -> dict[str, int]:
    """The counts by state, counted from the rows of files."""
    rows = api.bench.database.rows(
        "SELECT state, count(*) AS n FROM files WHERE dataset_id = %(d)s AND removed_at IS NULL GROUP BY 1",
        d=dataset_id,
    )
    return {row["state"]: row["n"] for row in rows}


def test_counts_are_exact_after_every_change_folded_or_not(api: Api, caller: httpx.Client) -> None:
    dataset = new_dataset(caller)
    batch = new_batch(caller, dataset["id"], [str(index) for index in range(10)])
    ids = [file["id"] for file in batch["files"]]

    def shown() -> dict[str, int]:
        counts = caller.get(f"/datasets/{dataset['id']}").json()["counts"]
        assert counts["files"] == sum(counts["by_state"].values()) and counts["as_of"].endswith("Z")
        assert counts["by_state"] == counted(api, dataset["id"])
        assert caller.get(f"/batches/{batch['id']}").json()["counts"]["by_state"] == counts["by_state"]
        return counts["by_state"]  # type: ignore[no-any-return]

    assert shown() == {"uploading": 10}
    api.bench.database.run("UPDATE files SET state = 'processing' WHERE file_id = ANY (%(ids)s)", ids=ids[:6])
    assert shown() == {"uploading": 4, "processing": 6}
    assert api.bench.store.fold_counts(1000) > 0
    assert shown() == {"uploading": 4, "processing": 6}
    api.bench.database.run("UPDATE files SET state = 'done' WHERE file_id = ANY (%(ids)s)", ids=ids[:2])
    removal = caller.post(f"/datasets/{dataset['id']}/removals", json={"file_ids": ids[:3]}).json()
    assert shown() == {"uploading": 4, "processing": 3}
    caller.post(f"/removals/{removal['id']}/undo")
    assert shown() == {"uploading": 4, "processing": 4, "done": 2}
    while api.bench.store.fold_counts(3):
        pass
    assert shown() == {"uploading": 4, "processing": 4, "done": 2}
    assert api.bench.database.rows("SELECT * FROM count_deltas") == []
    assert sum(dataset["counts"]["files"] for dataset in caller.get("/datasets").json()["datasets"]) == 10


def test_a_batch_shows_its_progress(api: Api, caller: httpx.Client) -> None:
    dataset = new_dataset(caller)
    batch = new_batch(caller, dataset["id"], ["a", "b", "c"])
    api.bench.database.run("UPDATE files SET state = 'done' WHERE file_id = %(f)s", f=batch["files"][0]["id"])
    assert caller.get(f"/batches/{batch['id']}").json()["progress"] == {"done": 1, "total": 3, "unit": "file"}
    cancelled = caller.post(f"/batches/{batch['id']}/cancel").json()
    assert cancelled["counts"]["by_state"] == {"done": 1, "cancelled": 2} and cancelled["cancelled_at"]
    body = {"files": [{"name": "d", "size_bytes": 1}]}
    problem(caller.post(f"/batches/{batch['id']}/files", json=body), 409, "conflict")


# --- records -----------------------------------------------------------------------------------------


def with_records(
    api: Api,
    caller: httpx.Client,
    fields: list[dict[str, Any]],
    names: list[str] | None = None,
    columns: list[str] | None = None,
) -> str:
    """A dataset with files that have these records; `columns` are its columns if they are not those of SCHEMA."""
    properties = {name: {"type": "string"} for name in columns or ()}
    dataset = new_dataset(caller, schema={"type": "object", "properties": properties} if columns else SCHEMA)
    names = names or [f"{index}.pdf" for index in range(len(fields))]
    files = new_batch(caller, dataset["id"], names)["files"]
    for file, values in zip(files, fields, strict=True):
        api.bench.database.run(
            "INSERT INTO records (file_id, tenant_id, dataset_id, schema_version, fields, missing, evidence, complete)"
            " SELECT file_id, tenant_id, dataset_id, 1, %(fields)s, '[]', '{}', true FROM files WHERE file_id = %(f)s",
            fields=Jsonb(values),
            f=file["id"],
        )
    return str(dataset["id"])


def test_records_are_listed_in_pages_with_the_schema_version(api: Api, caller: httpx.Client) -> None:
    dataset_id = with_records(api, caller, [{"zeta": str(index)} for index in range(5)])
    names, cursor = [], None
    for _ in range(3):
        query = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = caller.get(f"/datasets/{dataset_id}/records", params=query).json()
        assert page["schema_version"] == 1
        names += [record["fields"]["zeta"] for record in page["records"]]
        cursor = page["next_cursor"]
    assert names == ["0", "1", "2", "3", "4"] and cursor is None


def test_csv_has_the_columns_of_the_schema_in_order_and_a_link_to_the_next_page(api: Api, caller: httpx.Client) -> None:
    rows = [
        {"alpha": -3.5, "zeta": "x", "paid": True, "lines": [{"name": "nails"}]},
        {"zeta": 'say "hi", twice\nover'},
        {"zeta": "last", "alpha": 1e21},
    ]
    dataset_id = with_records(api, caller, rows)
    response = caller.get(f"/datasets/{dataset_id}/records", params={"format": "csv", "limit": 2})
    assert response.headers["content-type"].startswith("text/csv") and response.headers["x-schema-version"] == "1"
    header, first, second = list(csv.reader(io.StringIO(response.text, newline="")))
    assert header[-4:] == ["zeta", "alpha", "paid", "lines"]
    assert first[-4:] == ["x", "-3.5", "true", '[{"name": "nails"}]']
    assert second[-4:] == ['say "hi", twice\nover', "", "", ""]
    following = response.links["next"]["url"]
    response = caller.get(following)
    assert "next" not in response.links
    assert [row[-4] for row in csv.reader(io.StringIO(response.text))] == ["zeta", "last"]


FORMULAS = ("=1+1", "+49 30", "-2+3", "@SUM(A1)", "\uff1d1", "\ufe661", '=HYPERLINK("x")')
BEFORE = {
    "nothing": "",
    "space": " ",
    "no-break space": "\u00a0",
    "ideographic space": "\u3000",
    "byte order mark": "\ufeff",
    "zero-width space": "\u200b",
    "zero-width joiner": "\u200d",
    "right-to-left mark": "\u200f",
    "soft hyphen": "\u00ad",
    "vertical tab": "\v",
    "form feed": "\f",
    "next line": "\u0085",
    "line separator": "\u2028",
    "Hangul filler": "\u3164",
    "blank braille": "\u2800",
    "variation selector": "\ufe0f",
    "quote": '"',
    "several": ' \u200b\u3000"\ufeff',
}


def csv_cells(caller: httpx.Client, dataset_id: str) -> tuple[str, list[str]]:
    """The text of a dataset with one record, and its cells as parsed by RFC 4180."""
    text = caller.get(f"/datasets/{dataset_id}/records", params={"format": "csv"}).text
    return text, list(csv.reader(io.StringIO(text, newline="")))[1]


def seen_with(separator: str, text: str) -> list[str]:
    """The cells in a spreadsheet that expects another separator, without leading quotes and blanks."""
    cells = [cell for line in re.split(r"[\r\n]", text) for cell in line.split(separator)]
    return [cell.lstrip('"\u3000\u00a0\ufeff\u200b\u200d\u200f\u00ad\u3164\u2800\ufe0f\t\v\f\u2028 ') for cell in cells]


@pytest.mark.parametrize("before", BEFORE)
def test_no_cell_can_start_a_formula(api: Api, caller: httpx.Client, before: str) -> None:
    fields = {f"f{index}": BEFORE[before] + formula for index, formula in enumerate(FORMULAS)}
    dataset_id = with_records(api, caller, [fields], names=[f"{BEFORE[before]}=1.pdf"], columns=list(fields))
    _, cells = csv_cells(caller, dataset_id)
    for cell, text in zip(cells[-len(fields) :], fields.values(), strict=True):
        assert cell == f"'{text}"
    assert cells[2].startswith("'")


@pytest.mark.parametrize("control", ["\t", "\r", "\n"])
def test_a_cell_that_starts_with_a_control_character_is_escaped(api: Api, caller: httpx.Client, control: str) -> None:
    dataset_id = with_records(api, caller, [{"zeta": f"{control}=1"}])
    assert csv_cells(caller, dataset_id)[1][-4] == f"'{control}'=1"


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_no_formula_appears_where_another_separator_is_expected(api: Api, caller: httpx.Client, separator: str) -> None:
    starts = ("", "\u00a0", '"', "\u200b ", "\n", "\r\n", "\u2028")
    values = [f"a{separator}{start}{formula}{separator}b" for start in starts for formula in FORMULAS]
    fields = {f"f{index}": value for index, value in enumerate(values)}
    fields["lines"] = [{"name": f"a{separator}=1"}]  # type: ignore[assignment]
    dataset_id = with_records(api, caller, [fields], names=[f"a{separator}=1+1.pdf"], columns=list(fields))
    text, _ = csv_cells(caller, dataset_id)
    assert not [
        cell for cell in seen_with(separator, text) if cell.startswith(("=", "+", "-", "@", "\uff1d", "\ufe66"))
    ]


def test_every_cell_is_quoted(api: Api, caller: httpx.Client) -> None:
    dataset_id = with_records(api, caller, [{"zeta": "x", "alpha": 2.5, "paid": True}])
    text, cells = csv_cells(caller, dataset_id)
    assert cells[-4:] == ["x", "2.5", "true", ""]
    for line in text.splitlines():
        assert line.startswith('"') and line.endswith('"') and line.count('","') == len(cells) - 1


def test_each_json_line_is_one_record_with_every_field(api: Api, caller: httpx.Client) -> None:
    dataset_id = with_records(api, caller, [{"zeta": "\u00fc\u2028"}, {"alpha": 2}])
    response = caller.get(f"/datasets/{dataset_id}/records", params={"format": "jsonl"})
    assert response.headers["content-type"] == "application/x-ndjson"
    records = [json.loads(line) for line in response.content.decode().rstrip("\n").split("\n")]
    assert [list(record["fields"]) for record in records] == [["zeta", "alpha", "paid", "lines"]] * 2
    assert records[0]["fields"]["zeta"] == "\u00fc\u2028" and records[1]["fields"]["zeta"] is None


def test_records_of_removed_files_are_not_listed(api: Api, caller: httpx.Client) -> None:
    dataset_id = with_records(api, caller, [{"zeta": "a"}, {"zeta": "b"}])
    file = caller.get(f"/datasets/{dataset_id}/files").json()["files"][0]
    caller.delete(f"/files/{file['id']}")
    records = caller.get(f"/datasets/{dataset_id}/records").json()["records"]
    assert [record["fields"]["zeta"] for record in records] == ["a"]


def test_a_csv_for_excel_begins_with_a_byte_order_mark_on_each_page(api: Api, caller: httpx.Client) -> None:
    dataset_id = with_records(api, caller, [{"zeta": "Grüße 請求書"}, {"zeta": "b"}])
    path = f"/datasets/{dataset_id}/records"
    plain = caller.get(path, params={"format": "csv", "limit": 1}).content
    for value in ("1", "0"):
        page = caller.get(path, params={"format": "csv", "excel": value, "limit": 1})
        assert page.content == (b"\xef\xbb\xbf" if value == "1" else b"") + plain
    following = caller.get(path, params={"format": "csv", "excel": "1", "limit": 1}).links["next"]["url"]
    assert caller.get(following).content.startswith(b'\xef\xbb\xbf"id"')


@pytest.mark.parametrize("query", ["format=csv&excel=yes", "excel=1", "format=jsonl&excel=1"])
def test_a_mark_for_excel_is_refused_where_it_makes_no_sense(caller: httpx.Client, query: str) -> None:
    dataset = new_dataset(caller)
    problem(caller.get(f"/datasets/{dataset['id']}/records?{query}"), 400, "invalid_request")


def test_arrow_pages_have_the_records_in_typed_columns(api: Api, caller: httpx.Client) -> None:
    dataset_id = with_records(
        api, caller, [{"zeta": "a", "alpha": 1, "lines": [{"name": "ü"}]}, {"alpha": "x", "q": 2}]
    )
    client = Client(api.url, caller.headers["Authorization"].removeprefix("Bearer "))
    pages = [arro3.io.read_ipc_stream(io.BytesIO(page)).read_all() for page in client.arrow_pages(dataset_id, limit=1)]
    listed = caller.get(f"/datasets/{dataset_id}/records").json()["records"]
    assert [page["id"].to_pylist() for page in pages] == [[record["id"]] for record in listed]
    assert [page["alpha"].to_pylist() for page in pages] == [[1.0], [None]]
    assert json.loads(pages[0]["lines"].to_pylist()[0]) == [{"name": "ü"}]
    assert json.loads(pages[1]["other_values"].to_pylist()[0]) == {"alpha": "x", "q": 2}


def test_the_header_accept_chooses_the_format_and_the_query_prevails(api: Api, caller: httpx.Client) -> None:
    path = f"/datasets/{with_records(api, caller, [{'zeta': 'a'}])}/records"
    arrow = "application/vnd.apache.arrow.stream"
    wanted = {arrow: arrow, f"{arrow};q=0.5, text/csv": "text/csv", "*/*": "application/json"}
    for accept, media_type in wanted.items():
        response = caller.get(path, headers={"Accept": accept})
        assert response.headers["content-type"].split(";")[0] == media_type
        assert (response.headers.get("x-schema-version") is None) == (media_type == "application/json")
    response = caller.get(path, params={"format": "json"}, headers={"Accept": arrow})
    assert response.headers["content-type"] == "application/json"
    assert caller.get(path, params={"format": "arrow"}).headers["content-type"] == arrow


def test_records_in_no_known_media_type_are_refused(api: Api, caller: httpx.Client) -> None:
    path = f"/datasets/{with_records(api, caller, [{'zeta': 'a'}])}/records"
    problem(caller.get(path, headers={"Accept": "application/vnd.apache.arrow.file"}), 406, "not_acceptable")
    problem(
        caller.get(f"{path}?cursor=x", headers={"Accept": "application/vnd.apache.arrow.stream"}),
        400,
        "invalid_request",
    )
    with api.caller() as stranger:
        response = stranger.get(path, headers={"Accept": "application/vnd.apache.arrow.stream"})
        problem(response, 404, "not_found")


def test_an_unknown_format_is_refused(caller: httpx.Client) -> None:
    dataset = new_dataset(caller)
    problem(caller.get(f"/datasets/{dataset['id']}/records?format=xml"), 400, "invalid_request")


def test_a_new_schema_gets_a_new_version_and_old_records_keep_theirs(api: Api, caller: httpx.Client) -> None:
    dataset_id = with_records(api, caller, [{"zeta": "a"}])
    schema = {"type": "object", "properties": {"omega": {"type": "string"}}}
    assert caller.put(f"/datasets/{dataset_id}/schema", json={"schema": schema}).json()["schema_version"] == 2
    page = caller.get(f"/datasets/{dataset_id}/records").json()
    assert (page["schema_version"], page["records"][0]["schema_version"]) == (2, 1)


def test_a_file_with_several_documents_has_a_row_for_each(api: Api, caller: httpx.Client) -> None:
    dataset = new_dataset(caller, schema=SCHEMA)
    (file,) = new_batch(caller, dataset["id"], ["three"])["files"]
    further = [
        {
            "fields": {"zeta": name, "alpha": 7},
            "missing": [] if is_complete else ["omega"],
            "doubtful": ["alpha", "zeta"],
            "notes": [],
            "evidence": {},
            "complete": is_complete,
        }
        for name, is_complete in (("second", True), ("third", False))
    ]
    api.bench.database.run(
        "INSERT INTO records (file_id, tenant_id, dataset_id, schema_version, fields, missing, evidence, complete, further)"
        " SELECT file_id, tenant_id, dataset_id, 1, %(fields)s, '[]', %(evidence)s, true, %(further)s FROM files"
        " WHERE file_id = %(id)s",
        id=file["id"],
        fields=Jsonb({"zeta": "first", "alpha": 7}),
        evidence=Jsonb({name: {"page": 1, "text": "x", "box": None} for name in ("alpha", "zeta")}),
        further=Jsonb(further),
    )
    shared = caller.get(f"/files/{file['id']}").json()["artifacts"]["record"]
    assert shared["fields"] == {"alpha": 7}
    assert (shared["complete"], shared["missing"], shared["doubtful"]) == (False, ["omega"], ["alpha"])
    assert list(shared["evidence"]) == ["alpha"]
    assert "only the values" in shared["notes"][-1]
    records = caller.get(f"/files/{file['id']}").json()["records"]
    assert [record["fields"]["zeta"] for record in records] == ["first", "second", "third"]
    assert [record["complete"] for record in records] == [True, True, False]
    assert len({record["id"] for record in records}) == 3
    rows = caller.get(f"/datasets/{dataset['id']}/records").json()["records"]
    assert [row["fields"]["zeta"] for row in rows] == ["first", "second", "third"]
    text = caller.get(f"/datasets/{dataset['id']}/records", params={"format": "csv"}).text
    assert [row["zeta"] for row in csv.DictReader(io.StringIO(text))] == ["first", "second", "third"]
