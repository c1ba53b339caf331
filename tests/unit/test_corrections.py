"""Values that a person set take precedence; they must conform to the schema; and values that were read badly are doubtful."""

from __future__ import annotations

from typing import Any

import pytest

from layers.domain.corrections import Document, corrected, review_shown, sources
from layers.domain.extraction.conformity import faults
from layers.domain.extraction.doubts import with_doubts
from layers.domain.page import Evidence, Extraction

PROOF = {"page": 1, "text": "9.00", "box": None}
FOUND = Document(
    fields={"total": 9.0, "date": "2026-01-02"},
    missing=["company"],
    doubtful=["date", "items[0].price"],
    evidence={"total": PROOF, "items[0].price": PROOF},
    complete=False,
    lost=False,
    notes=[],
)


def test_a_document_without_corrections_stays_as_it_is() -> None:
    assert corrected(FOUND, {}) is FOUND


def test_a_value_that_a_person_set_is_neither_missing_nor_doubtful() -> None:
    shown = corrected(FOUND, {"company": {"value": "ACME"}, "date": {"value": "2026-02-01"}})
    assert shown.fields == {"total": 9.0, "date": "2026-02-01", "company": "ACME"}
    assert (shown.missing, shown.doubtful, shown.complete) == ([], ["items[0].price"], True)
    assert sources(shown, {"company": {}, "date": {}}, "model") == {
        "total": "model",
        "date": "person",
        "company": "person",
    }


def test_a_value_that_a_person_removed_is_shown_as_null_and_a_missing_one_stays_missing() -> None:
    shown = corrected(FOUND, {"date": {"value": None}, "company": {"value": None}})
    assert shown.fields == {"total": 9.0, "date": None, "company": None}
    assert (shown.missing, shown.complete) == (["company"], False)


@pytest.mark.parametrize(
    ("lost", "notes", "complete"), [(True, [], False), (None, ["a page was lost"], False), (None, [], True)]
)
def test_a_record_that_lost_content_stays_incomplete(lost: bool | None, notes: list[str], complete: bool) -> None:
    shown = corrected(FOUND._replace(lost=lost, notes=notes), {"company": {"value": "ACME"}})
    assert shown.complete is complete


def test_an_unread_page_stays_missing() -> None:
    shown = corrected(FOUND._replace(missing=["company", "page 2"]), {"company": {"value": "ACME"}})
    assert (shown.missing, shown.complete) == (["page 2"], False)


@pytest.mark.parametrize(
    ("entry", "evidence"),
    [
        ({"value": 9.0}, PROOF),  # a person confirmed what extraction found
        ({"value": 8.0}, None),  # the words on the page show another value
        ({"value": 8.0, "evidence": {"page": 2}}, {"page": 2}),
    ],
)
def test_evidence_belongs_to_the_value_that_is_shown(entry: dict[str, Any], evidence: dict[str, Any] | None) -> None:
    assert corrected(FOUND, {"total": entry}).evidence.get("total") == evidence


@pytest.mark.parametrize(
    ("review", "doubtful", "missing", "shown"),
    [
        ("open", False, False, "open"),
        ("open", True, False, "needed"),
        ("open", False, True, "needed"),
        ("approved", True, True, "approved"),
        ("rejected", True, False, "rejected"),
    ],
)
def test_a_review_is_needed_while_values_are_doubtful_or_missing(
    review: str, doubtful: bool, missing: bool, shown: str
) -> None:
    assert review_shown(review, doubtful, missing) == shown


ITEMS = {
    "type": "array",
    "maxItems": 2,
    "items": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
}


@pytest.mark.parametrize(
    ("value", "schema", "pointers"),
    [
        ("a", {"type": "string"}, []),
        (1, {"type": "string"}, [""]),
        (True, {"type": "integer"}, [""]),
        (1.5, {"type": "integer"}, [""]),
        (2, {"type": "number", "maximum": 1}, [""]),
        (1e19, {"type": "number"}, [""]),
        ("2026-02-30", {"type": "string", "format": "date"}, [""]),
        ("20260203", {"type": "string", "format": "date"}, [""]),
        ("2026-02-03", {"type": "string", "format": "date"}, []),
        ("x" * 10_001, {"type": "string"}, [""]),
        ("c", {"type": "string", "enum": ["a", "b"]}, [""]),
        ([{"name": "a"}, {"name": 1}], ITEMS, ["/1/name"]),
        ([{}, {"name": "a", "other": 1}], ITEMS, ["/0/name", "/1/other"]),
        ([{}, {}, {}], ITEMS, [""]),
    ],
)
def test_a_value_that_does_not_conform_is_named(value: Any, schema: dict[str, Any], pointers: list[str]) -> None:
    assert [pointer for pointer, _ in faults(value, schema)] == pointers


def test_values_below_the_confidence_from_which_they_are_sure_are_doubtful() -> None:
    evidence = {
        "total": Evidence(1, "9", None, 79.9),
        "date": Evidence(1, "1", None, 80.0),
        "a": Evidence(1, "x", None),
    }
    found = Extraction({}, (), evidence, doubtful=("date",), further=(Extraction({}, (), evidence),))
    shown = with_doubts(found, 80)
    assert shown.doubtful == ("date", "total")
    assert shown.further[0].doubtful == ("total",)
    assert with_doubts(found, 0).doubtful == ("date",)
