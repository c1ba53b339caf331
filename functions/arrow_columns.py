"""Arrow columns: records as batches of typed columns, for Parquet and for Arrow streams."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from io import BytesIO
from itertools import accumulate, chain
from typing import TYPE_CHECKING, Any

from functions.typed_values import LARGEST_INTEGER, LARGEST_NUMBER, OTHER, as_json, fitting, kind_of, typed
from layers.domain.extraction.schemas import resolve_references

if TYPE_CHECKING:
    from arro3.core import Array, RecordBatch

Record = Mapping[str, Any]
Values = list[Any]
DAY_0 = date(1970, 1, 1).toordinal()
LISTS = ("missing", "doubtful", "notes")
NONE = type(None)
# The types of JSON that a column takes as they are, if they are within its range.
TAKEN: dict[str, set[type]] = {
    "string": {str, NONE},
    "boolean": {bool, NONE},
    "number": {int, float, NONE},
    "integer": {int, NONE},
}
RANGES: dict[str, float] = {"number": LARGEST_NUMBER, "integer": LARGEST_INTEGER}


class ArrowColumns:
    """The columns of a dataset's table: Fairway's own, those of the dataset's schema in its order, and the values that
    fit into none of these, as JSON. A list or an object is JSON text.

    A column is checked as a whole first: almost all values have its type. Value by value costs ten times as much.
    """

    def __init__(self, own: Sequence[str], schema: Mapping[str, Any]) -> None:
        from arro3.core import DataType, Field, Schema  # at first use: few processes need it

        properties: dict[str, Any] = resolve_references(schema).get("properties") or {}
        self._own = own
        self._kinds = {name: kind_of(each) for name, each in properties.items()}
        text = DataType.string()
        texts = DataType.list(Field("element", text))
        own_types = {"schema_version": DataType.int32(), "complete": DataType.bool(), **dict.fromkeys(LISTS, texts)}
        types = {
            "number": DataType.float64(),
            "integer": DataType.int64(),
            "boolean": DataType.bool(),
            "date": DataType.date32(),
        }
        taken = {*own, OTHER}
        self.schema = Schema(
            [
                *(Field(name, own_types.get(name, text)) for name in own),
                *(Field(_unique(name, taken), types.get(kind, text)) for name, kind in self._kinds.items()),
                Field(OTHER, text),
            ]
        )

    def batch(self, records: Sequence[Record]) -> RecordBatch:
        """The records as a batch of `schema`."""
        from arro3.core import Array, RecordBatch

        types = iter([field.type for field in self.schema])
        arrays = [_own_array(name, [record[name] for record in records], next(types)) for name in self._own]
        fields = [record["fields"] for record in records]
        misfits = {index for index, values in enumerate(fields) if not values.keys() <= self._kinds.keys()}
        for name, kind in self._kinds.items():
            values = _column([values.get(name) for values in fields], kind, misfits)
            arrays.append(_array(values, kind, next(types)))
        other = [typed(values, self._kinds)[1] if index in misfits else None for index, values in enumerate(fields)]
        arrays.append(Array(other, next(types)))
        return RecordBatch.from_arrays(arrays, schema=self.schema)

    def stream(self, records: Sequence[Record]) -> bytes:
        """The records as an Arrow IPC stream."""
        from arro3.io import write_ipc_stream

        stream = BytesIO()
        write_ipc_stream(self.batch(records), stream)
        return stream.getvalue()


def _own_array(name: str, values: Values, kind: Any) -> Array:
    from arro3.core import Array, DataType, list_array

    if name not in LISTS:
        return Array(values, kind)
    offsets = Array([0, *accumulate(map(len, values))], DataType.int32())
    return list_array(offsets, Array(list(chain.from_iterable(values)), DataType.string()), type=kind)


def _column(values: Values, kind: str, misfits: set[int]) -> Values:
    """The values as the column's type, None where there is none that fits. Adds the rows of values that do not fit to
    `misfits`."""
    if kind in TAKEN and TAKEN[kind].issuperset(map(type, values)) and _is_within(values, RANGES.get(kind)):
        return values
    fitted = [fitting(value, kind) for value in values]
    misfits.update(index for index, fits in enumerate(fitted) if fits is None and values[index] is not None)
    return fitted


def _is_within(values: Values, most: float | None) -> bool:
    """Whether all numbers are smaller than `most`."""
    if most is None:
        return True
    numbers = [value for value in values if value is not None]
    return not numbers or (max(numbers) < most and min(numbers) > -most)


def _array(values: Values, kind: str, as_type: Any) -> Array:
    from arro3.core import Array, DataType

    convert = CONVERTED.get(kind)
    if convert is not None:
        values = [None if value is None else convert(value) for value in values]
    # Arrow counts the days since 1970. The library makes no dates of Python's.
    return Array(values, DataType.int32()).cast(as_type) if kind == "date" else Array(values, as_type)


CONVERTED: dict[str, Callable[[Any], Any]] = {
    "array": as_json,
    "object": as_json,
    "date": lambda day: day.toordinal() - DAY_0,
}


def _unique(name: str, taken: set[str]) -> str:
    return f"fields.{name}" if name in taken else name
