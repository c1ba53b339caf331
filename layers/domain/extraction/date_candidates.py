"""Candidates for a date: every date in the document, scored by the words around it and its position."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial

from layers.domain.extraction import labels
from layers.domain.extraction.candidate import Candidate
from layers.domain.extraction.date_order import Order
from layers.domain.extraction.dates import NAMED_HINT, NUMERIC_HINT, WrittenDate, dates, months_named_in
from layers.domain.extraction.labels import Label
from layers.domain.extraction.lines import Lines
from layers.domain.extraction.numerals import plain
from layers.domain.extraction.values import Found

# The name of a document, its number, and a word that introduces its date: "Facture n° 562 du", "Rechnung Nr. 17 vom".
ISSUED = re.compile(
    r"\b(?:invoice|receipt|bill|facture|rechnung|factuur|faktura|factura|fattura|fatura|račun|счет|рахунок)\b.{1,40}"
    r"\b(?:du|vom|van|of|dated|from|z dnia|del|de|ze dne|zo dňa|от|від|av|af|per)\s{0,3}$"
)
TIME_AFTER = re.compile(r"\s{0,3}(?:at\s|,\s?|-\s?)?\d{1,2}[:.]\d{2}\b")
OTHER_DATE = re.compile(
    r"due|fällig|verval|échéance|limite|paiement|payment|pay by|zahl|expir|valid|period|until|from|partir|delivery|print"
    r"|vencim|scadenz|termin|splatn|dospije|dospeć|scaden|határid|eräp|förfall|forfald|forfall|maksetäht|vade|period"
)


def date_candidates(
    property_labels: Sequence[Label], lines: Lines, order: Order, *, is_of_document: bool
) -> Iterator[Candidate]:
    """Every date, as ISO 8601. A date scores higher near the top and when the words around it fit the property.

    `is_of_document`: the property is the date of the document, which may stand without a label. Any other is doubtful then.
    """
    present_labels = labels.labels_in(lines.lowered.vocabulary, property_labels)
    for index in sorted({*lines.as_written.lines_matching(NUMERIC_HINT), *_lines_with_months(lines)}):
        line = lines[index]
        above = lines[index - 1].text if index and lines[index - 1].page == line.page else ""
        for found in dates(line.text, month_first=order.month_first, languages=order.languages):
            context, has_label = _context_score(line.text, found, above, present_labels)
            score = 40.0 - 30.0 * index / len(lines) + context
            written: WrittenDate = found.value  # type: ignore[assignment]
            is_open = written.swapped is not None and not order.is_known
            evidence = partial(line.evidence, found.start, found.end)
            doubtful = is_open or not written.is_sure or not (has_label or is_of_document)
            yield Candidate(written.value.isoformat(), evidence, score, doubtful)


def _lines_with_months(lines: Lines) -> list[int]:
    """The index of each line that may have a date with the name of a month: few documents name one at all."""
    months = months_named_in(lines.as_written.vocabulary)
    if not months:
        return []
    named = lines.as_written.lines_matching(NAMED_HINT)
    return [index for index in named if any(month in plain(lines[index].text) for month in months)]


def _context_score(text: str, found: Found, above: str, property_labels: Sequence[Label]) -> tuple[float, bool]:
    """The part of a date's score that comes from the text before it, after it and in the line above, and whether a label of
    the property is there."""
    before = labels.lowered(text[: found.start])
    own_tier, own_span = labels.best_label(before, property_labels)
    tier_above, span_above = labels.best_label(labels.lowered(above), property_labels)
    score = 0.0
    if ISSUED.search(before):
        score = 50.0
    elif own_span is not None:
        score = 60.0 - own_tier
    elif span_above is not None and not dates(above):
        score = 40.0 - tier_above
    score += 25.0 if TIME_AFTER.match(text[found.end :]) else 0.0
    return score - (25.0 if OTHER_DATE.search(before) else 0.0), own_span is not None or span_above is not None
