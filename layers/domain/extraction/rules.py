"""From lines of text to the values of a schema: each property by its meaning, its labels and its type."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import partial
from typing import Any

from layers.domain.extraction import labels, values
from layers.domain.extraction.choices import Choice
from layers.domain.extraction.days import days
from layers.domain.extraction.lines import Line, Lines, lines_of
from layers.domain.extraction.numbers import confirmed, numbers
from layers.domain.extraction.texts import addresses, hash_numbers, labelled, senders, titles
from layers.domain.page import Evidence, Extraction, Page

DEFAULT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["title"],
    "properties": {
        "title": {"type": "string"},
        "date": {"type": "string", "format": "date"},
        "total": {"type": "number"},
        "currency": {"type": "string"},
    },
}

# Companies and taxes of countries that have no dollar.
ELSEWHERE = re.compile(
    r"\bs[do]n\.?\s?bhd\b|\bmalaysia\b|\bgmbh\b|\bsp\. z o\.|\bmwst\b|\bs\.?a\.?r\.?l\b|\bsiren\b|\bbtw\b"
)
LATEST = timedelta(days=366)


def extract(pages: Sequence[Page], schema: Mapping[str, Any], today: date | None = None) -> Extraction:
    """The values that the pages show for a schema's properties, each with its evidence.

    Nothing was issued long after `today`: a `date` that says so was read badly, and is not taken.
    """
    lines = lines_of(pages)
    fields: dict[str, Any] = {}
    evidence: dict[str, Evidence] = {}
    for name, one in (schema.get("properties") or {}).items():
        choice = max(_choices(name, one, lines, today), key=lambda found: found.score, default=None)
        if choice is not None:
            fields[name] = choice.value
            evidence[name] = choice.proof()
    missing = tuple(name for name in schema.get("required") or () if name not in fields)
    return Extraction(fields, missing, evidence)


def missing_fields(pages: Sequence[Page], schema: Mapping[str, Any], today: date | None = None) -> tuple[str, ...]:
    """The required properties of a schema for which the pages show no value."""
    wanted = set(schema.get("required") or ())
    properties = {name: one for name, one in (schema.get("properties") or {}).items() if name in wanted}
    return extract(pages, {**schema, "properties": properties}, today).missing


def _choices(name: str, schema: Mapping[str, Any], lines: Lines, today: date | None) -> Iterator[Choice]:
    kind = schema.get("type", "string")
    words = labels.words_of(name)
    its_labels = labels.labels_of(name, schema)
    if "enum" in schema:
        yield from _enumerated(schema["enum"], lines)
    elif schema.get("format") == "date":
        latest = today + LATEST if today and labels.meaning_of(name) == "date" else date.max
        yield from (one for one in days(its_labels, lines) if date.fromisoformat(one.value) <= latest)
    elif kind in ("number", "integer"):
        whole = kind == "integer"
        choices = numbers(its_labels, lines, whole=whole, is_total=labels.meaning_of(name) == "total")
        yield from confirmed(choices, lines) if labels.meaning_of(name) == "total" and not whole else choices
    elif kind == "string" and words in labels.CURRENCIES and not schema.get("x-labels"):
        yield from _currencies(lines)
    elif kind == "string" and words in labels.TITLES and not schema.get("x-labels"):
        yield from titles(lines)
        if words in labels.COMPANIES:
            yield from senders(lines)
    elif kind == "string" and words in labels.ADDRESSES and not schema.get("x-labels"):
        yield from addresses(lines)
    elif kind == "string":
        numbered = bool(re.search(r"\b(?:number|no|nr|id|code|reference|ref)\b", words)) or words == "invoice"
        yield from labelled(its_labels, lines, numbered=numbered)
        if labels.meaning_of(name) == "invoice number" and not schema.get("x-labels"):
            yield from hash_numbers(lines)


def _currencies(lines: Lines) -> Iterator[Choice]:
    shown: dict[str, list[tuple[Line, values.Found]]] = {}
    for line in map(lines.__getitem__, lines.as_written.showing(values.CODE)):
        for found in values.currencies(line.text):
            is_code = line.text[found.start].isalpha()
            if is_code or any(one.start <= found.start < one.end for one in _cents(line)):
                shown.setdefault(str(found.value), []).append((line, found))
    has_dollars_of_its_own = "USD" not in shown or not ELSEWHERE.search(lines.lowered.text)
    for code, places in shown.items():
        line, found = places[0]
        # A bare dollar sign is many countries', or another sign read badly: it yields to any other sign on the page.
        is_bare = line.text[found.start] == "$"
        if has_dollars_of_its_own or not is_bare:
            yield Choice(code, partial(line.shows, found.start, found.end), len(places) - (1000 if is_bare else 0))


def _cents(line: Line) -> Iterator[values.Found]:
    return (found for found in line.amounts if found.value.decimals == 2)  # type: ignore[attr-defined]


def _enumerated(allowed: Sequence[Any], lines: Sequence[Line]) -> Iterator[Choice]:
    for value in allowed:
        if not isinstance(value, str):
            continue
        for place, line in enumerate(lines):
            span = labels.find_label(line.text.lower(), value.lower())
            if span:
                yield Choice(value, partial(line.shows, *span), 10.0 - place / len(lines))
                break
