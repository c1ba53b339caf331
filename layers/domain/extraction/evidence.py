"""Evidence: finds where a window's text shows a value.

A value and its text may differ in spaces, line breaks, hyphens, case, accents, the separators of a number, the form of
a date, and a currency's sign in place of its code. Digits and letters must be the same and in the same order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from layers.domain.extraction import currency, labels
from layers.domain.extraction.boxes import box_of_words
from layers.domain.extraction.date_search import DateSearch, iso_date
from layers.domain.extraction.hit import MOST_HITS, Hit
from layers.domain.extraction.labels import Label
from layers.domain.extraction.number_readings import PART_OF_MORE, lookup_key, number_readings
from layers.domain.extraction.text_search import TextSearch
from layers.domain.extraction.windows import Window
from layers.domain.extraction.word_positions import WordPositions
from layers.domain.page import Evidence

LONGEST_TEXT = 300
UNSURE_BELOW = 70.0  # a confidence
LABEL_CONTEXT = 200  # characters before a hit, or at the end of the line above, in which labels are searched for
LINE_ABOVE, NO_LABEL = 100, 1000  # distances to a label


class WindowIndex:
    """An index of a window's text, in which many values are looked up."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._text_search = TextSearch(window)
        self._word_positions: dict[int, WordPositions] = {}

    def hits(self, value: Any, schema: Mapping[str, Any]) -> list[Hit]:
        """Every stretch that shows a value of a resolved schema, in order, at most MOST_HITS."""
        if isinstance(value, bool):
            return []
        if isinstance(value, int | float):
            found = self._numbers.get(lookup_key(value), [])
            # Part of a date or code may be a year or a count, but not an amount.
            if schema.get("type") == "number":
                found = [hit for hit in found if hit.rank < PART_OF_MORE]
            return found[:MOST_HITS]
        text = str(value)
        day = iso_date(text)
        found = self._dates.hits(day) if day else []
        if found or schema.get("format") == "date":
            return found[:MOST_HITS]
        found = self._text_search.hits(text)
        if not found and text.upper() in currency.CODES:
            found = self._currency_hits(text.upper())
        return found[:MOST_HITS]

    def best(self, hits: Sequence[Hit], name: str, schema: Mapping[str, Any]) -> Hit | None:
        """The hit that the document most likely means: one beside a label of the property, or the most literal, or the
        first. None without hits."""
        property_labels = labels.labels_of(name, schema) if name else ()
        return min(hits, key=lambda hit: (_label_distance(hit, property_labels), hit.rank), default=None)

    def evidence(self, hit: Hit) -> Evidence:
        """The evidence of a hit: its text, the box of its words, and the lowest confidence among them."""
        page = hit.span.page
        positions = self._word_positions.get(page.number)
        if positions is None:
            positions = self._word_positions[page.number] = WordPositions(page)
        words = positions.between(hit.start, hit.end)
        text = " ".join(page.text[hit.start : hit.end].split())[:LONGEST_TEXT]
        confidence = min((word.confidence for word in words), default=page.confidence)
        return Evidence(page.number, text, box_of_words(words), confidence=round(confidence, 1), at=hit.start)

    @cached_property
    def _numbers(self) -> dict[float, list[Hit]]:
        found: dict[float, list[Hit]] = {}
        for span in self._window.spans:
            for reading in number_readings(span.text):
                hit = Hit(span, span.start + reading.start, span.start + reading.end, reading.rank)
                found.setdefault(lookup_key(reading.value), []).append(hit)
        return {value: sorted(hits, key=lambda hit: hit.position) for value, hits in found.items()}

    @cached_property
    def _dates(self) -> DateSearch:
        return DateSearch(self._window)

    def _currency_hits(self, code: str) -> list[Hit]:
        """Signs and codes that mean the currency. A bare dollar sign may mean any dollar, with a higher rank."""
        hits = []
        for span in self._window.spans:
            for found in currency.currencies(span.text):
                if found.value == code or (found.value == "USD" and code in currency.DOLLARS):
                    rank = 0 if found.value == code else 1
                    hits.append(Hit(span, span.start + found.start, span.start + found.end, rank))
        return hits


def _label_distance(hit: Hit, property_labels: Sequence[Label]) -> int:
    """How far a hit is from a label: the label's tier if it precedes the hit in its line, more if it is in the line
    above, NO_LABEL if it is in neither."""
    text = hit.span.page.text
    line_start = text.rfind("\n", 0, hit.start) + 1
    above_start = text.rfind("\n", 0, max(0, line_start - 1)) + 1
    for distance, line in ((0, text[line_start : hit.start]), (LINE_ABOVE, text[above_start:line_start])):
        lowered = line[-LABEL_CONTEXT:].lower()
        for label in property_labels:
            if labels.find_label(lowered, label.words):
                return label.tier + distance
    return NO_LABEL
