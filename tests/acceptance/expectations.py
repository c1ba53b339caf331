"""Compares processed files with the expectations in `tests/samples/cases/expected.json`.

An expectation may have: `state`, `code`, `media_type`; `fields` {name: value}; `has`, names that need a value; `never`
{name: a value that it must neither be nor begin with}; `text_contains` and `text_lacks`, parts of the text artifact;
`thumbnail`; `any_of`, expectations of which one must be met. For archives: `expand`, with `names`, `members`, `failed`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

HALF_A_CENT = 0.005
# The schema of the dataset for which the expectations are written.
SCHEMA = {
    "type": "object",
    "required": ["total"],
    "properties": {
        "company": {"type": "string"},
        "invoice_number": {"type": "string"},
        "date": {"type": "string", "format": "date"},
        "total": {"type": "number"},
        "currency": {"type": "string"},
    },
}

Expectation = Mapping[str, Any]
ShownFile = Mapping[str, Any]


def shortfalls(expected: Expectation, file: ShownFile, text: str) -> Iterator[str]:
    """How a file, as returned by the API, differs from an expectation."""
    if choices := expected.get("any_of"):
        failed = [list(shortfalls(choice, file, text)) for choice in choices]
        if all(failed):
            yield "none of: " + " | ".join("; ".join(lacks) for lacks in failed)
    for name in ("state", "media_type"):
        if name in expected and file[name] != expected[name]:
            yield f"{name} is {file[name]}, not {expected[name]}"
    code = (file["error"] or {}).get("code")
    if "code" in expected and code != expected["code"]:
        yield f"the error is {code}, not {expected['code']}"
    if expected.get("thumbnail") and not file["artifacts"]["thumbnail"]:
        yield "no thumbnail"
    yield from _field_shortfalls(expected, (file["artifacts"]["record"] or {}).get("fields") or {})
    yield from _text_shortfalls(expected, _folded(text))


def member_shortfalls(expected: Expectation, members: Sequence[ShownFile]) -> Iterator[str]:
    """How the files taken from an archive differ from an expectation."""
    names = [file["name"] for file in members]
    for name in expected.get("names", ()):
        if not any(found_name.endswith(name) for found_name in names):
            yield f"no member {name!r} among {names}"
    if "members" in expected and len(members) != expected["members"]:
        yield f"{len(members)} members, not {expected['members']}"
    failed = sum(file["state"] == "failed" for file in members)
    if failed != expected.get("failed", failed):
        yield f"{failed} members failed, not {expected['failed']}"


def _field_shortfalls(expected: Expectation, fields: Mapping[str, Any]) -> Iterator[str]:
    for name, value in expected.get("fields", {}).items():
        if not is_same(fields.get(name), value):
            yield f"{name} is {fields.get(name)!r}, not {value!r}"
    for name in expected.get("has", ()):
        if fields.get(name) in (None, ""):
            yield f"no {name}"
    for name, wrong in expected.get("never", {}).items():
        found = fields.get(name)
        begins = isinstance(wrong, str) and starts_with(found, wrong)
        if found is not None and (begins or is_same(found, wrong)):
            yield f"{name} is {found!r}"


def _text_shortfalls(expected: Expectation, folded_text: str) -> Iterator[str]:
    for part in expected.get("text_contains", ()):
        if _folded(part) not in folded_text:
            yield f"the text lacks {part!r}"
    for part in expected.get("text_lacks", ()):
        if _folded(part) in folded_text:
            yield f"the text has {part!r}"


def is_same(found: Any, expected: Any) -> bool:
    """Whether two values are the same: numbers to the cent, anything else as text without case and spaces."""
    if isinstance(expected, float):
        try:
            return abs(float(found) - expected) < HALF_A_CENT
        except (TypeError, ValueError):
            return False
    return _folded(str(found)) == _folded(str(expected))


def starts_with(found: Any, text: str) -> bool:
    return _folded(str(found)).startswith(_folded(text))


def _folded(text: str) -> str:
    return re.sub(r"\s+", "", text).casefold()
