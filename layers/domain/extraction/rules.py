"""The built-in rules: the values of a schema's properties, each found by the property's meaning, labels and type."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import partial
from typing import Any

from layers.domain.extraction import labels, values
from layers.domain.extraction.candidate import Candidate
from layers.domain.extraction.date_candidates import date_candidates
from layers.domain.extraction.lines import Line, Lines, lines_of
from layers.domain.extraction.number_candidates import confirm_by_sums, number_candidates
from layers.domain.extraction.text_candidates import (
    address_candidates,
    hash_number_candidates,
    labelled_text_candidates,
    sender_candidates,
    title_candidates,
)
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

# Forms of companies, and taxes, of countries whose currency is not a dollar.
COUNTRY_WITHOUT_DOLLAR = re.compile(
    r"\bs[do]n\.?\s?bhd\b|\bmalaysia\b|\bgmbh\b|\bsp\. z o\.|\bmwst\b|\bs\.?a\.?r\.?l\b|\bsiren\b|\bbtw\b"
)
LATEST_ISSUE = timedelta(days=366)  # after today
DOCUMENT_NUMBER_NAME = re.compile(r"\b(?:number|no|nr|id|code|reference|ref)\b")


def extract(pages: Sequence[Page], schema: Mapping[str, Any], today: date | None = None) -> Extraction:
    """The values that the pages show for the schema's properties, each with its evidence.

    No document was issued long after `today`: a later value for `date` was misread and is ignored.
    """
    lines = lines_of(pages)
    fields: dict[str, Any] = {}
    evidence: dict[str, Evidence] = {}
    for name, property_schema in (schema.get("properties") or {}).items():
        candidates = _candidates(name, property_schema, lines, today)
        best = max(candidates, key=lambda candidate: candidate.score, default=None)
        if best is not None:
            fields[name] = best.value
            evidence[name] = best.make_evidence()
    missing = tuple(name for name in schema.get("required") or () if name not in fields)
    return Extraction(fields, missing, evidence)


def missing_fields(pages: Sequence[Page], schema: Mapping[str, Any], today: date | None = None) -> tuple[str, ...]:
    """The schema's required properties for which the pages show no value."""
    required = set(schema.get("required") or ())
    properties = {
        name: property_schema for name, property_schema in (schema.get("properties") or {}).items() if name in required
    }
    return extract(pages, {**schema, "properties": properties}, today).missing


def _candidates(name: str, schema: Mapping[str, Any], lines: Lines, today: date | None) -> Iterator[Candidate]:
    kind = schema.get("type", "string")
    meaning = labels.meaning_of(name)
    property_labels = labels.labels_of(name, schema)
    if "enum" in schema:
        yield from _enum_candidates(schema["enum"], lines)
    elif schema.get("format") == "date":
        latest = today + LATEST_ISSUE if today and meaning == "date" else date.max
        dates = date_candidates(property_labels, lines)
        yield from (candidate for candidate in dates if date.fromisoformat(candidate.value) <= latest)
    elif kind in ("number", "integer"):
        integer, is_total = kind == "integer", meaning == "total"
        numbers = number_candidates(property_labels, lines, integer=integer, is_total=is_total)
        yield from confirm_by_sums(numbers, lines) if is_total and not integer else numbers
    elif kind == "string":
        yield from _string_candidates(labels.words_of(name), meaning, schema, lines, property_labels)


def _string_candidates(
    words: str, meaning: str, schema: Mapping[str, Any], lines: Lines, property_labels: Sequence[str]
) -> Iterator[Candidate]:
    """Candidates for a text. Labels of the schema's own take precedence over what the property's name means."""
    has_own_labels = bool(schema.get("x-labels"))
    if words in labels.CURRENCIES and not has_own_labels:
        yield from _currency_candidates(lines)
    elif words in labels.TITLES and not has_own_labels:
        yield from title_candidates(lines)
        if words in labels.COMPANIES:
            yield from sender_candidates(lines)
    elif words in labels.ADDRESSES and not has_own_labels:
        yield from address_candidates(lines)
    else:
        needs_digit = bool(DOCUMENT_NUMBER_NAME.search(words)) or words == "invoice"
        yield from labelled_text_candidates(property_labels, lines, needs_digit=needs_digit)
        if meaning == "invoice number" and not has_own_labels:
            yield from hash_number_candidates(lines)


def _currency_candidates(lines: Lines) -> Iterator[Candidate]:
    """The currencies of the document; the most frequent scores highest. A sign counts only beside an amount with cents, a
    code everywhere."""
    occurrences: dict[str, list[tuple[Line, values.Found]]] = {}
    for line in map(lines.__getitem__, lines.as_written.lines_matching(values.CURRENCY_MARK)):
        for found in values.currencies(line.text):
            is_code = line.text[found.start].isalpha()
            if is_code or any(amount.start <= found.start < amount.end for amount in _amounts_with_cents(line)):
                occurrences.setdefault(str(found.value), []).append((line, found))
    may_be_dollars = "USD" not in occurrences or not COUNTRY_WITHOUT_DOLLAR.search(lines.lowered.text)
    for code, found_in in occurrences.items():
        line, found = found_in[0]
        # Many countries use a bare dollar sign, and OCR reads other signs as one: any other currency takes precedence.
        is_bare = line.text[found.start] == "$"
        if may_be_dollars or not is_bare:
            score = len(found_in) - (1000 if is_bare else 0)
            yield Candidate(code, partial(line.evidence, found.start, found.end), score)


def _amounts_with_cents(line: Line) -> Iterator[values.Found]:
    return (found for found in line.amounts if found.value.decimals == 2)  # type: ignore[attr-defined]


def _enum_candidates(allowed: Sequence[Any], lines: Sequence[Line]) -> Iterator[Candidate]:
    """The allowed values that the document contains as whole words. The one nearest to the top scores highest."""
    for value in allowed:
        if not isinstance(value, str):
            continue
        for index, line in enumerate(lines):
            span = labels.find_label(line.text.lower(), value.lower())
            if span:
                yield Candidate(value, partial(line.evidence, *span), 10.0 - index / len(lines))
                break
