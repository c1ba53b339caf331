"""Merging the values from the windows of one text into one record."""

from __future__ import annotations

import json
from typing import Any

from layers.domain.extraction.merging import merge
from layers.domain.extraction.verification import verify
from layers.domain.extraction.windows import count_windows, cut
from layers.domain.extraction_json import extraction_as_json, extraction_from_json
from layers.domain.page import Evidence, Extraction, Note, Page

TEXT, NUMBER = {"type": "string"}, {"type": "number"}
ITEMS = {"type": "array", "items": {"type": "object", "properties": {"name": TEXT, "price": NUMBER}}}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["title"],
    "properties": {
        "title": TEXT,
        "total": NUMBER,
        "items": ITEMS,
        "from": {"type": "object", "properties": {"city": TEXT}},
    },
}


def found(fields: dict[str, Any], confidence: float = 95.0, at: int = 0, **rest: Any) -> Extraction:
    proofs = {name: Evidence(1, str(value), None, confidence, at) for name, value in fields.items()}
    return Extraction(fields, rest.pop("missing", ()), proofs, **rest)


def test_the_first_value_wins_unless_a_later_one_has_better_evidence() -> None:
    sure, unsure, bare = found({"total": 1.0}), found({"total": 2.0}, 40.0), Extraction({"total": 3.0}, (), {})
    assert merge({0: sure, 1: found({"total": 9.0}, 99.0)}, SCHEMA).fields == {"total": 1.0}
    assert merge({0: unsure, 1: sure}, SCHEMA).fields == {"total": 1.0}
    merged = merge({0: bare, 1: unsure}, SCHEMA)
    assert (merged.fields, merged.evidence["total"].confidence) == ({"total": 2.0}, 40.0)


def test_a_value_missing_in_one_window_is_taken_from_another() -> None:
    merged = merge({0: found({"total": 1.0}, missing=("title",)), 1: found({"title": "ACME"})}, SCHEMA)
    assert (merged.fields, merged.missing, merged.is_complete) == ({"title": "ACME", "total": 1.0}, (), True)


def test_a_value_missing_in_every_window_is_reported_once() -> None:
    lacking = found({}, missing=("title",))
    assert merge({0: lacking, 1: lacking}, SCHEMA).missing == ("title",)


def test_a_value_dropped_in_one_window_and_shown_in_another_is_not_reported() -> None:
    merged = merge({0: found({}, dropped=("total", "from.city")), 1: found({"title": "A", "total": 1.0})}, SCHEMA)
    assert merged.dropped == ("from.city",)


def test_unread_text_makes_the_record_partial() -> None:
    cut_short = found({"title": "ACME"}, unread=("window 1 of 3: the answer was cut short",))
    merged = merge({0: cut_short}, SCHEMA, ["window 2 of 3", "page 7"])
    assert merged.unread == ("window 1 of 3: the answer was cut short", "window 2 of 3", "page 7")
    assert not merged.is_complete


def test_a_note_of_lost_content_makes_the_record_partial() -> None:
    hidden, lost = Note("a sheet is hidden"), Note("a message was not read", lost=True)
    window = found({"title": "ACME"}, notes=(lost,))
    assert merge({0: found({"title": "ACME"})}, SCHEMA, notes=(hidden,)).is_complete
    merged = merge({0: window, 1: window}, SCHEMA, notes=(hidden,))
    assert (merged.notes, merged.is_complete) == ((hidden, lost), False)


def test_only_the_doubts_about_values_that_are_kept_are_kept() -> None:
    doubted, sure = found({"total": 1.0}, 40.0, doubtful=("total",)), found({"total": 2.0})
    assert merge({0: doubted, 1: sure}, SCHEMA).doubtful == ()
    assert merge({0: doubted}, SCHEMA).doubtful == ("total",)


def test_what_a_window_found_is_the_same_after_it_was_stored_as_json() -> None:
    stored = found({"total": 1.0}, doubtful=("total",), notes=(Note("a sheet is hidden", lost=True),))
    assert extraction_from_json(json.loads(json.dumps(extraction_as_json(stored)))) == stored


def test_the_parts_of_an_object_may_come_from_different_windows() -> None:
    extraction = Extraction(
        {"from": {"city": "Kuala Lumpur"}}, (), {"from.city": Evidence(1, "Kuala Lumpur", None, 90.0, 5)}
    )
    merged = merge({0: Extraction({}, (), {}), 1: extraction}, SCHEMA)
    assert merged.fields == {"from": {"city": "Kuala Lumpur"}}
    assert merged.evidence["from.city"].at == 5


LINES = [f"Article {n % 7} {n}.50" for n in range(400)]


def test_each_item_of_a_long_list_is_kept_once() -> None:
    """Every window lists all its lines; the lines in the overlap of two windows must not count twice."""
    page = Page(1, "\n".join(LINES), (), "native", 100.0)
    windows = cut([page], count_windows(len(page.text), 2000, 50), 2000)
    assert len(windows) > 3
    parts, item_count = {}, 0
    for index, window in enumerate(windows):
        lines = "".join(span.text for span in window.spans).splitlines()
        items = [{"name": line.rsplit(" ", 1)[0], "price": float(line.rsplit(" ", 1)[1])} for line in lines]
        item_count += len(items)
        parts[index] = verify({"items": items}, SCHEMA, window)
    merged = merge(parts, SCHEMA)
    assert item_count > len(LINES)
    assert [item["price"] for item in merged.fields["items"]] == [n + 0.5 for n in range(400)]  # type: ignore[attr-defined]
    positions = [merged.evidence[f"items[{n}].price"].at for n in range(400)]
    assert positions == sorted(set(positions))  # type: ignore[type-var]


def item(name: str | None, price: float | None, at: int) -> Extraction:
    leaves = {"name": name, "price": price}
    present = {leaf: value for leaf, value in leaves.items() if value is not None}
    proofs = {f"items[0].{leaf}": Evidence(1, "", None, 99.0, at + 10 * (leaf == "price")) for leaf in present}
    return Extraction({"items": [present]}, (), proofs)


def test_an_item_cut_by_the_end_of_a_window_is_kept_whole() -> None:
    merged = merge({0: item("Coffee", None, 100), 1: item("Coffee", 3.0, 100)}, SCHEMA)
    assert merged.fields == {"items": [{"name": "Coffee", "price": 3.0}]}


def test_equal_items_at_different_positions_are_both_kept() -> None:
    merged = merge({0: item("Coffee", 3.0, 100), 1: item("Coffee", 3.0, 300)}, SCHEMA)
    assert merged.fields == {"items": [{"name": "Coffee", "price": 3.0}] * 2}


def test_a_list_of_thousands_is_merged_in_linear_time() -> None:
    parts = {}
    for window in range(50):
        items = [{"name": f"Article {window} {n}"} for n in range(100)]
        proofs = {f"items[{n}].name": Evidence(window + 1, "", None, 99.0, n) for n in range(100)}
        parts[window] = Extraction({"items": items}, (), proofs)
    assert len(merge(parts, SCHEMA).fields["items"]) == 5000  # type: ignore[arg-type]


def test_an_extraction_survives_conversion_to_json_and_back() -> None:
    extraction = Extraction(
        {"total": 1.0}, ("title",), {"total": Evidence(2, "1.00", (0.1, 0.2, 0.3, 0.4), 88.0, 7)}, ("x",), ("y",)
    )
    assert extraction_from_json(extraction_as_json(extraction)) == extraction
