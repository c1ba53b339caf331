"""Arrow columns have the types of the schema, and lose no value that does not fit."""

from __future__ import annotations

import io
import json
from datetime import date
from pathlib import Path
from typing import Any

import arro3.io
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.api.records import ALL_COLUMNS
from functions.arrow_columns import ArrowColumns
from functions.tables import write_parquet
from functions.typed_values import OTHER, typed

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "text": {"type": "string"},
        "number": {"type": "number"},
        "integer": {"type": "integer"},
        "paid": {"type": "boolean"},
        "day": {"type": "string", "format": "date"},
        "lines": {"type": "array"},
        "id": {"type": "string"},
    },
}
KINDS = {
    "text": "string",
    "number": "number",
    "integer": "integer",
    "paid": "boolean",
    "day": "date",
    "lines": "array",
    "id": "string",
}
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
    | st.dates().map(date.isoformat)
    | st.sampled_from([10**400, 2**63 - 1, 2**63, -(2**63), 1e300, -1e300, "20260102", "2026-W01-1", "2026-13-01"])
)
VALUES = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(st.just("a"), SCALARS, max_size=1)
FIELDS = st.dictionaries(st.sampled_from([*KINDS, "former"]), VALUES)


def record(fields: dict[str, Any], **own: Any) -> dict[str, Any]:
    texts = dict.fromkeys(("id", "file_id", "file_name", "review"), "a")
    lists: dict[str, list[str]] = {"missing": [], "doubtful": [], "notes": []}
    return {**texts, **lists, "schema_version": 1, "complete": True, "fields": fields, **own}


def table(records: list[dict[str, Any]]) -> Any:
    stream = ArrowColumns(ALL_COLUMNS, SCHEMA).stream(records)
    return arro3.io.read_ipc_stream(io.BytesIO(stream)).read_all()


def column(read: Any, name: str) -> list[Any]:
    return list(read[name].to_pylist())


def test_a_column_has_the_type_of_its_property() -> None:
    types = {field.name: str(field.type).partition("arro3.core.DataType<")[2] for field in table([]).schema}
    assert types == {
        **dict.fromkeys(("id", "file_id", "file_name", "review", "text", "lines", "fields.id", OTHER), "Utf8>\n"),
        **dict.fromkeys(("missing", "doubtful", "notes"), "List(Utf8, field: 'element')>\n"),
        "schema_version": "Int32>\n",
        "complete": "Boolean>\n",
        "number": "Float64>\n",
        "integer": "Int64>\n",
        "paid": "Boolean>\n",
        "day": "Date32>\n",
    }


def test_lists_of_a_record_stay_lists() -> None:
    read = table([record({}, missing=["a", "b"]), record({}), record({}, missing=["ü"])])
    assert column(read, "missing") == [["a", "b"], [], ["ü"]]


@given(st.lists(FIELDS, max_size=4))
def test_a_whole_column_is_judged_as_each_of_its_values(rows: list[dict[str, Any]]) -> None:
    read = table([record(fields) for fields in rows])
    for index, fields in enumerate(rows):
        values, other = typed(fields, KINDS)
        for name in KINDS:
            shown = column(read, "fields.id" if name == "id" else name)[index]
            value = values.get(name)
            assert shown == (json.dumps(value, ensure_ascii=False) if name == "lines" and value is not None else value)
        assert column(read, OTHER)[index] == other


def test_an_error_while_pages_are_read_stays_what_it_is(tmp_path: Path) -> None:
    def pages() -> Any:
        yield [record({})]
        raise TimeoutError("too long")

    with pytest.raises(TimeoutError, match="too long"):
        write_parquet(tmp_path / "a.parquet", SCHEMA, pages())
