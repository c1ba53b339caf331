"""Rows as JSON texts: how many queries they need, and that every text in them is valid JSON."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from functions.api.row_texts import RowTexts
from functions.api.row_views import row_texts
from layers.ports.people import TableRow

FILE = "0199d0a5-01b8-71aa-b3c5-5e0d9a7f4c36"
ROW = TableRow(
    file_id=FILE, batch_id=FILE, name="receipt.jpg", state="done", size_bytes=1, media_type="image/jpeg", created_at="c",
    updated_at="u", error_step=None, error_code=None, error_detail=None, steps="text:done", thumbnail_key="t",
    thumbnail_type="image/webp", width=None, height=20, record_version=1, fields='{"total":9.5}', cut="[]", missing="[]",
    doubtful="[]", review="open", is_plain=True, kind=None, kind_probability=None, kind_by=None, moved=None, labels=[], archive_id=None, first_page=None, last_page=None, version="1",
)  # fmt: skip


class Catalog:
    """Notes the queries."""

    def __init__(self, *rows: TableRow) -> None:
        self._rows = rows
        self.queries: list[str] = []

    def table_rows(self, file_ids: Any) -> list[TableRow]:
        self.queries.append("table_rows")
        return list(self._rows)

    def row_versions(self, file_ids: Any) -> dict[str, str]:
        self.queries.append("row_versions")
        return {row.file_id: row.version for row in self._rows}

    def records_of(self, file_ids: list[UUID]) -> list[Any]:
        self.queries.append("records_of")
        return []


def shown(row: TableRow, url: str = "http://store/t?a=1&b=2") -> tuple[dict[str, Any], list[str]]:
    catalog = Catalog(row)
    ports: Any = SimpleNamespace(objects=SimpleNamespace(presign_get=lambda *_, **__: url), rows=RowTexts())
    (text,) = row_texts(ports, catalog, [FILE])  # type: ignore[arg-type]
    return json.loads(text), catalog.queries


def test_a_page_of_plain_rows_needs_one_query() -> None:
    assert shown(ROW)[1] == ["table_rows"]
    assert shown(ROW._replace(is_plain=False))[1] == ["table_rows", "records_of"]


def test_an_unchanged_row_is_made_once_and_one_of_a_file_that_waits_each_time() -> None:
    ports: Any = SimpleNamespace(objects=SimpleNamespace(presign_get=lambda *_, **__: "url"), rows=RowTexts())
    catalog: Any = Catalog(ROW)
    first = row_texts(ports, catalog, [FILE])
    assert row_texts(ports, catalog, [FILE]) == first
    assert catalog.queries == ["table_rows", "row_versions"]
    changed: Any = Catalog(ROW._replace(name="other.jpg", version="2"))
    assert json.loads(row_texts(ports, changed, [FILE])[0])["name"] == "other.jpg"
    uploading: Any = Catalog(ROW._replace(state="uploading", version="3"))
    for _ in range(2):
        row_texts(ports, uploading, [FILE])
    assert uploading.queries == ["row_versions", "table_rows", "row_versions", "table_rows"]


def test_a_row_shows_the_labels_of_its_batch_and_the_scan_that_it_was_taken_from() -> None:
    row, _ = shown(ROW._replace(labels=['Munich "office"', "2024"], archive_id=FILE, first_page=4, last_page=5))
    assert row["labels"] == ['Munich "office"', "2024"]
    assert row["taken_from"] == {"id": FILE, "first_page": 4, "last_page": 5}
    assert shown(ROW)[0]["taken_from"] is None


@pytest.mark.parametrize(
    "name", ['a "quoted" name', "back\\slash", "line\nbreak", "tab\t\x01", "naïve ☃ \u2028", "</script>"]
)
def test_names_and_addresses_are_valid_json_texts(name: str) -> None:
    row, _ = shown(ROW._replace(name=name, media_type=name), url=f"http://store/{name}")
    assert (row["name"], row["media_type"]) == (name, name)
    assert row["thumbnail"] == {"url": f"http://store/{name}", "width": None, "height": 20}
