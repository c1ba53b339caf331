"""The built-in rules: find the values of a schema's properties by their meaning, labels and type."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property, partial
from typing import Any

from layers.domain.extraction import labels
from layers.domain.extraction.address_candidates import address_candidates
from layers.domain.extraction.candidate import Candidate
from layers.domain.extraction.certainty import Certainty
from layers.domain.extraction.company_candidates import company_candidates, title_candidates_by_domain
from layers.domain.extraction.currency_candidates import currency_candidates
from layers.domain.extraction.damaged_dates import damaged_date_candidates
from layers.domain.extraction.date_candidates import date_candidates
from layers.domain.extraction.date_order import Order, order_of
from layers.domain.extraction.labels import Label
from layers.domain.extraction.language import languages_of
from layers.domain.extraction.lines import MOST_LINES, Line, Lines, lines_of
from layers.domain.extraction.number_candidates import confirm_by_sums, number_candidates
from layers.domain.extraction.schemas import format_path, resolve_references
from layers.domain.extraction.sums import Sums, sums_of
from layers.domain.extraction.tables.columns import is_list_of_items
from layers.domain.extraction.tables.items import Items, items_in
from layers.domain.extraction.text_candidates import (
    hash_number_candidates,
    labelled_text_candidates,
)
from layers.domain.extraction.values import DateOrder
from layers.domain.page import Extraction, Note, Page

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

LATEST_ISSUE = timedelta(days=366)  # after today
NOT_ALL_LINES = Note(f"items were searched for in the first {MOST_LINES} lines only", lost=True)
BEHIND_LABELS = 500.0  # more than any score
DOCUMENT_NUMBER_NAME = re.compile(r"\b(?:number|no|nr|id|code|reference|ref)\b")


@dataclass(frozen=True)
class Document:
    """The lines of a document, and what is derived from all of them when it is needed."""

    lines: Lines
    today: date | None
    date_order: DateOrder

    @cached_property
    def order(self) -> Order:
        return order_of(self.lines, self.languages, self.date_order, self.today)

    @cached_property
    def sums(self) -> Sums:
        return sums_of(self.lines)

    @cached_property
    def languages(self) -> tuple[str, ...]:
        return languages_of(self.lines.as_written.text)


def extract(
    pages: Sequence[Page], schema: Mapping[str, Any], today: date | None = None, date_order: DateOrder = "auto"
) -> Extraction:
    """The values that the pages show for the schema's properties, each with its evidence.

    A value for `date` long after `today` is ignored, because it was misread. `date_order` decides how 3/4/2024 is read;
    if it is `auto` and the document has no evidence, such a date is doubtful.
    """
    document = Document(lines_of(pages), today, date_order)
    found: dict[str, Candidate] = {}
    candidates: dict[str, list[Candidate]] = {}
    properties = schema.get("properties") or {}
    # The currency is chosen last, because it depends on the total.
    for name in sorted(properties, key=lambda name: labels.words_of(name) in labels.CURRENCIES):
        total = next((found[other] for other in found if labels.meaning_of(other, properties[other]) == "total"), None)
        candidates[name] = list(_candidates(name, properties[name], document, total))
        if best := max(candidates[name], key=lambda candidate: candidate.score, default=None):
            found[name] = best
    lists = _lists(schema, document.lines)
    certainty = Certainty(pages, lambda: document.sums)
    evidence = {name: found[name].make_evidence() for name in properties if name in found}
    ordered = {name: certainty.spelled(proof, name, properties[name], found[name]) for name, proof in evidence.items()}
    values: dict[str, Any] = {name: best.value for name, best in ordered.items()}
    values |= {name: list(items.values) for name, items in lists.items()}
    for name, best in ordered.items():
        rivals = [other for other in candidates[name] if other.value != found[name].value]
        evidence[name] = certainty.rated(evidence[name], name, properties[name], best, rivals)
    for name, items in lists.items():
        evidence |= {format_path((name, *path)): proof for path, proof in items.evidence.items()}
    return Extraction(
        {name: values[name] for name in properties if name in values},
        tuple(name for name in schema.get("required") or () if name not in values),
        evidence,
        doubtful=(
            *(name for name, best in ordered.items() if certainty.is_doubtful(evidence[name], name, best)),
            *(name for name, items in lists.items() if items.doubtful),
        ),
        notes=(NOT_ALL_LINES,) if lists and document.lines.is_cut else (),
    )


def _lists(schema: Mapping[str, Any], lines: Lines) -> dict[str, Items]:
    """The items of tables for the lists of the schema."""
    if not any(each.get("type") == "array" or "$ref" in each for each in (schema.get("properties") or {}).values()):
        return {}
    lists = {
        name: inner for name, inner in resolve_references(schema)["properties"].items() if is_list_of_items(name, inner)
    }
    found = {name: items_in(lines, inner) for name, inner in lists.items()}
    return {name: items for name, items in found.items() if items}


def _candidates(
    name: str, schema: Mapping[str, Any], document: Document, total: Candidate | None
) -> Iterator[Candidate]:
    kind, lines = schema.get("type", "string"), document.lines
    meaning = labels.meaning_of(name, schema)
    property_labels = labels.labels_of(name, schema)
    if "enum" in schema:
        yield from _enum_candidates(schema["enum"], lines)
    elif schema.get("format") == "date":
        latest = document.today + LATEST_ISSUE if document.today and meaning == "date" else date.max
        dated = list(date_candidates(property_labels, lines, document.order, is_of_document=meaning == "date"))
        if not dated and meaning == "date":
            dated = list(damaged_date_candidates(lines, document.order, document.today or date.max))
        yield from (candidate for candidate in dated if date.fromisoformat(candidate.value) <= latest)
    elif kind in ("number", "integer"):
        integer, is_total = kind == "integer", meaning == "total"
        numbers = number_candidates(property_labels, lines, integer=integer, is_total=is_total)
        yield from confirm_by_sums(numbers, lines, document.sums) if is_total and not integer else numbers
    elif kind == "string" and labels.words_of(name) in labels.CURRENCIES and not schema.get("x-labels"):
        yield from currency_candidates(lines, document.languages, total)
    elif kind == "string":
        yield from _string_candidates(labels.words_of(name), meaning, schema, lines, property_labels)


def _string_candidates(
    words: str, meaning: str, schema: Mapping[str, Any], lines: Lines, property_labels: Sequence[Label]
) -> Iterator[Candidate]:
    """Candidates for a text. Labels of the schema's own take precedence over what the property's name means."""
    has_own_labels = bool(schema.get("x-labels"))
    is_letterhead = words in labels.COMPANIES | labels.ADDRESSES
    if words in labels.COMPANIES:
        yield from _behind_labels(company_candidates(lines), has_own_labels)
    elif words in labels.ADDRESSES:
        # Labels such as "Ship to" may mean another address than the sender's.
        yield from _behind_labels(address_candidates(lines), has_own_labels, doubtful=has_own_labels)
    elif words in labels.TITLES and not has_own_labels:
        yield from title_candidates_by_domain(lines)
    if has_own_labels or not (is_letterhead or words in labels.TITLES):
        needs_digit = bool(DOCUMENT_NUMBER_NAME.search(words)) or words == "invoice"
        yield from labelled_text_candidates(property_labels, lines, needs_digit=needs_digit)
        if meaning == "invoice number" and not has_own_labels:
            yield from hash_number_candidates(lines)


def _behind_labels(
    candidates: Iterable[Candidate], has_own_labels: bool, doubtful: bool = False
) -> Iterator[Candidate]:
    """Candidates of a letterhead. Where the schema has labels, text beside them comes first: a letterhead has none."""
    behind = BEHIND_LABELS if has_own_labels else 0.0
    for each in candidates:
        yield each._replace(score=each.score - behind, doubtful=each.doubtful or doubtful)


def _enum_candidates(allowed: Sequence[Any], lines: Sequence[Line]) -> Iterator[Candidate]:
    """The allowed values that the document contains as whole words. The value nearest to the top scores highest."""
    for value in allowed:
        if not isinstance(value, str):
            continue
        for index, line in enumerate(lines):
            span = labels.find_label(line.text.lower(), value.lower())
            if span:
                yield Candidate(value, partial(line.evidence, *span), 10.0 - index / len(lines))
                break
