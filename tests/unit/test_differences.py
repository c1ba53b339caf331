"""Differences of records: what counts as changed, which values are doubtful, and how shards are added up."""

from __future__ import annotations

from typing import Any

import pytest

from layers.domain.differences import COUNTS, MOST_EXAMPLES, MOST_FIELDS, NOTHING, Found, add, add_file, together


def counted(differences: dict[str, dict[str, Any]], name: str) -> dict[str, int]:
    return {count: differences[name][count] for count in COUNTS if differences[name][count]}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (9.0, 9.0, "same"),
        (9.0, 9, "same"),
        (1, True, "changed"),
        (0, False, "changed"),
        ([{"amount": 1}], [{"amount": 2}], "changed"),
        (None, "", "appeared"),
        (0, None, "vanished"),
    ],
)
def test_a_value_has_changed_appeared_vanished_or_is_the_same(before: Any, after: Any, expected: str) -> None:
    differences: dict[str, dict[str, Any]] = {}
    add(differences, "f", Found({"total": before}), Found({"total": after}))
    assert counted(differences, "total") == {expected: 1}


def test_a_field_without_a_value_before_and_after_does_not_count() -> None:
    differences: dict[str, dict[str, Any]] = {}
    add(differences, "f", Found({"total": None}), NOTHING)
    assert differences == {}


def test_a_field_is_doubtful_if_a_part_of_it_is() -> None:
    differences: dict[str, dict[str, Any]] = {}
    fields = {"items": [{"amount": 1}], "item": "pen", "total": 9}
    add(differences, "f", Found(fields, {"items[0].amount"}), Found(fields, {"total", "item.name"}))
    assert counted(differences, "items") == {"same": 1, "doubtful_before": 1}
    assert counted(differences, "item") == {"same": 1, "doubtful_after": 1}
    assert counted(differences, "total") == {"same": 1, "doubtful_after": 1}


def test_few_examples_and_a_limited_number_of_fields_are_kept() -> None:
    differences: dict[str, dict[str, Any]] = {}
    for number in range(20):
        add(differences, f"file {number}", Found({"total": 1}), Found({"total": 2}))
    add(differences, "f", Found({f"field {number}": 1 for number in range(2 * MOST_FIELDS)}), NOTHING)
    assert [each["file_id"] for each in differences["total"]["examples"]] == [f"file {n}" for n in range(MOST_EXAMPLES)]
    assert differences["total"]["changed"] == 20
    assert len(differences) == MOST_FIELDS


def test_shards_are_added_up() -> None:
    shards: list[dict[str, Any]] = [{"files": 2, "failed": 1, "skipped": 0}, {"files": 1}]
    add_file(shards[0], "a", Found({"total": 1}, records=2), Found({"total": 2}))
    add_file(shards[1], "b", NOTHING, Found({"total": 2, "shop": "Mill"}, {"total"}, records=3))
    whole = together(shards)
    assert (whole["files"], whole["failed"], whole["skipped"]) == (3, 1, 0)
    assert whole["records"] == {"before": 2, "after": 4}
    assert counted(whole["fields"], "total") == {"changed": 1, "appeared": 1, "doubtful_after": 1}
    assert [each["kind"] for each in whole["fields"]["total"]["examples"]] == ["changed", "appeared"]
    assert counted(whole["fields"], "shop") == {"appeared": 1}


def test_what_an_older_worker_has_counted_is_added_to() -> None:
    older = {"same": 3, "changed": 0, "appeared": 0, "vanished": 0, "examples": []}
    differences = {"total": dict(older)}
    add(differences, "f", Found({"total": 1}, {"total"}), Found({"total": 1}))
    assert counted(differences, "total") == {"same": 4, "doubtful_before": 1}
    assert together([{"files": 3, "fields": {"total": older}}])["fields"]["total"]["same"] == 3
    assert together([])["records"] == {"before": 0, "after": 0}
