"""For any answer of a model, the values that are kept fit the schema, are in the text, and can be stored."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layers.adapters.aws.textract_reader import TextractReader
from layers.adapters.extraction.model_extractor import ModelExtractor
from layers.adapters.extraction.schema_check import faults
from layers.domain.errors import TransientError
from layers.domain.extraction.conversation import Question, Reply
from layers.domain.extraction.schemas import resolve_references, without_required
from layers.domain.extraction.windows import whole
from layers.domain.file import File
from layers.domain.meter import Meter
from layers.domain.page import Page

TEXT = "ACME Trading\nDate 5 March 2024\nCoffee 3.00\nTea 2.00\nTotal RM 1,234.50"
LINE = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}, "price": {"type": "number"}}}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["title"],
    "properties": {
        "title": {"type": "string", "maxLength": 30},
        "date": {"type": "string", "format": "date"},
        "total": {"type": "number", "minimum": 0},
        "count": {"type": "integer"},
        "note": {"type": "string", "x-evidence": False},
        "paid": {"type": "boolean"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "lines": {"type": "array", "items": LINE},
        "seller": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
SHAPE = without_required(resolve_references(SCHEMA))
WORDS = st.sampled_from(["ACME Trading", "2024-03-05", "1,234.50", "Coffee", "HACKED", "a\x00b", "\ud800", "", "3.00"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.just(1234.5) | WORDS | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(WORDS | st.sampled_from(["name", "price", "city"]), inner, max_size=3)
    ),
    max_leaves=8,
)
ANSWERS = st.dictionaries(st.sampled_from([*SCHEMA["properties"], "other"]), VALUES, max_size=6) | VALUES


class Answering:
    """A model that answers with these texts, one per call, and then repeats the last."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)

    def ask(self, question: Question, meter: Meter, wrong: tuple[Reply, str] | None = None) -> Reply:
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]

    def is_up(self) -> bool | None:
        return None


@given(ANSWERS, ANSWERS, st.booleans(), st.integers(0, 200))
@settings(max_examples=150, deadline=None)
def test_no_answer_makes_extraction_fail_or_yields_values_that_can_not_be_stored(
    first: Any, second: Any, cut_short: bool, length: int
) -> None:
    texts = [json.dumps(first), json.dumps(second)]
    replies = [Reply(text[:length] if cut_short else text, cut_short) for text in texts]
    window = whole([Page(1, TEXT, (), "native", 100.0)])
    try:
        found = ModelExtractor(Answering(*replies)).extract(window, SCHEMA, Meter())
    except TransientError:
        assert not cut_short
        return
    assert faults(found.fields, SHAPE) == []
    json.dumps(found.fields, allow_nan=False).encode()
    assert "\\u0000" not in json.dumps(found.fields)
    assert "HACKED" not in json.dumps({name: field for name, field in found.fields.items() if name != "note"})
    assert bool(found.missing) is (
        "title" not in found.fields or any("name" not in line for line in found.fields.get("lines", ()))
    )  # type: ignore[attr-defined]
    assert bool(found.unread) is cut_short


WORD = {"BlockType": "WORD", "Text": "a", "Confidence": 99.0}
BOX = {"Left": 0.1, "Top": 0.1, "Width": 0.1, "Height": 0.1}


@pytest.mark.parametrize(
    "blocks",
    [
        7,
        [None],
        [{}],
        [WORD],
        [WORD | {"Geometry": {"BoundingBox": BOX | {"Left": "x"}}}],
        [WORD | {"Geometry": {"BoundingBox": BOX | {"Width": float("nan")}}}],
        [WORD | {"Geometry": {"BoundingBox": BOX}, "Text": None}],
        [{"BlockType": "LINE"}, WORD | {"Geometry": {"BoundingBox": BOX}}],
    ],
)
def test_a_textract_answer_of_an_unexpected_shape_is_a_failed_call(blocks: Any, tmp_path: Path) -> None:
    (tmp_path / "page").write_bytes(b"picture")
    client = SimpleNamespace(detect_document_text=lambda **_: {"Blocks": blocks})
    file = File("f", "t", "d", "b", "a.pdf", "key", None, 5, None, media_type="application/pdf", page_count=2)
    with pytest.raises(TransientError, match="unknown shape"):
        TextractReader(lambda: client, "bucket").read(file, [1], "token", lambda _: tmp_path / "page", Meter())
