"""Candidates for a date: every date in the document, scored by the words around it and its position."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date
from functools import partial
from itertools import islice

from layers.domain.extraction import labels, values
from layers.domain.extraction.candidate import Candidate
from layers.domain.extraction.labels import Label
from layers.domain.extraction.lines import Lines

# The name of a document, its number, and a word that introduces its date: "Facture n° 562 du", "Rechnung Nr. 17 vom".
ISSUED = re.compile(
    r"\b(?:invoice|receipt|bill|facture|rechnung|factuur|faktura|factura|fattura)\b.{1,40}"
    r"\b(?:du|vom|van|of|dated|from|z dnia|del|de)\s{0,3}$"
)
# A US state with its ZIP code, or the country. The pattern begins with a capital letter because searching for that
# is fast.
AMERICAN = re.compile(r"[A-Z](?<!\w.)(?:(?<=U)SA|(?<=U)nited States|[A-Z] \d{5}(?:-\d{4})?)\b")
TOP_LINES = 200
TIME_AFTER = re.compile(r"\s{0,3}(?:at\s|,\s?|-\s?)?\d{1,2}[:.]\d{2}\b")
OTHER_DATE = re.compile(
    r"due|fällig|verval|échéance|limite|paiement|payment|pay by|zahl|expir|valid|period|until|from|partir|delivery|print"
)


def date_candidates(property_labels: Sequence[str], lines: Lines) -> Iterator[Candidate]:
    """Every date, as ISO 8601. A date scores higher near the top and when the words around it fit the property."""
    numeric = list(lines.lowered.lines_matching(values.NUMERIC_DATE_HINT))
    month_first = _writes_month_first(lines, numeric)
    present_labels = labels.labels_in(lines.lowered.vocabulary, property_labels)
    for index in sorted({*numeric, *lines.lowered.lines_matching(values.NAMED_DATE_HINT)}):
        line = lines[index]
        above = lines[index - 1].text if index and lines[index - 1].page == line.page else ""
        for found in values.dates(line.text, month_first=month_first):
            score = 40.0 - 30.0 * index / len(lines) + _context_score(line.text, found, above, present_labels)
            value: date = found.value  # type: ignore[assignment]
            yield Candidate(value.isoformat(), partial(line.evidence, found.start, found.end), score)


def _context_score(text: str, found: values.Found, above: str, property_labels: Sequence[Label]) -> float:
    """The part of a date's score that comes from the text before it, after it and in the line above."""
    before = labels.lowered(text[: found.start])
    own_tier, own_span = labels.best_label(before, property_labels)
    tier_above, span_above = labels.best_label(labels.lowered(above), property_labels)
    score = 0.0
    if ISSUED.search(before):
        score = 50.0
    elif own_span is not None:
        score = 60.0 - own_tier
    elif span_above is not None and not values.dates(above):
        score = 40.0 - tier_above
    score += 25.0 if TIME_AFTER.match(text[found.end :]) else 0.0
    return score - (25.0 if OTHER_DATE.search(before) else 0.0)


def _writes_month_first(lines: Lines, numeric: Sequence[int]) -> bool:
    """Whether the document writes the month before the day.

    Its unambiguous dates decide (25/12 or 12/25), together with a US address or "USA" near the top. `numeric` holds
    the indexes of the lines that may have a numeric date.
    """
    month_first = 0
    for index in numeric:
        for match in values.numeric_dates(lines[index].text):
            if match[1] and len(match[1]) <= 2:
                month_first += (int(match[3]) > 12) - 3 * (int(match[1]) > 12)
    month_first += any(index < TOP_LINES for index in islice(lines.as_written.lines_matching(AMERICAN), 1))
    return month_first > 0
