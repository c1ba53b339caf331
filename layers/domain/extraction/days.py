"""Dates: which of a page's dates a property means, by the words around them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date
from functools import partial
from itertools import islice

from layers.domain.extraction import labels, values
from layers.domain.extraction.choices import Choice
from layers.domain.extraction.labels import Label
from layers.domain.extraction.lines import Lines

# "Facture n° 562 du", "Rechnung Nr. 17 vom": what is named, its number, and a word that leads to its date.
ISSUED = re.compile(
    r"\b(?:invoice|receipt|bill|facture|rechnung|factuur|faktura|factura|fattura)\b.{1,40}"
    r"\b(?:du|vom|van|of|dated|from|z dnia|del|de)\s{0,3}$"
)
# A state and its postal code, or the country; begun by a capital, for which a text is searched fast.
AMERICAN = re.compile(r"[A-Z](?<!\w.)(?:(?<=U)SA|(?<=U)nited States|[A-Z] \d{5}(?:-\d{4})?)\b")
TOP_LINES = 200
TIME_AFTER = re.compile(r"\s{0,3}(?:at\s|,\s?|-\s?)?\d{1,2}[:.]\d{2}\b")
OTHER_DATE = re.compile(
    r"due|fällig|verval|échéance|limite|paiement|payment|pay by|zahl|expir|valid|period|until|from|partir|delivery|print"
)


def days(its_labels: Sequence[str], lines: Lines) -> Iterator[Choice]:
    """Every date, the more trusted the better the words around it fit and the higher it stands."""
    numbered = list(lines.lowered.showing(values.NUMBERED))
    month_first = _writes_month_first(lines, numbered)
    shown = labels.labels_in(lines.lowered.vocabulary, its_labels)
    for place in sorted({*numbered, *lines.lowered.showing(values.NAMED)}):
        line = lines[place]
        above = lines[place - 1].text if place and lines[place - 1].page == line.page else ""
        for found in values.dates(line.text, month_first=month_first):
            score = 40.0 - 30.0 * place / len(lines) + _date_support(line.text, found, above, shown)
            value: date = found.value  # type: ignore[assignment]
            yield Choice(value.isoformat(), partial(line.shows, found.start, found.end), score)


def _date_support(text: str, found: values.Found, above: str, its_labels: Sequence[Label]) -> float:
    """What the words around a date say for it."""
    before = labels.plain(text[: found.start])
    own_tier, own = labels.best_label(before, its_labels)
    tier, over = labels.best_label(labels.plain(above), its_labels)
    support = 0.0
    if ISSUED.search(before):
        support = 50.0
    elif own is not None:
        support = 60.0 - own_tier
    elif over is not None and not values.dates(above):
        support = 40.0 - tier
    support += 25.0 if TIME_AFTER.match(text[found.end :]) else 0.0
    return support - (25.0 if OTHER_DATE.search(before) else 0.0)


def _writes_month_first(lines: Lines, numbered: Sequence[int]) -> bool:
    """Whether the page's own unambiguous dates, or signs of the United States, put the month first."""
    american = 0
    for place in numbered:
        for match in values.numeric_dates(lines[place].text):
            if match[1] and len(match[1]) <= 2:
                american += (int(match[3]) > 12) - 3 * (int(match[1]) > 12)
    american += any(place < TOP_LINES for place in islice(lines.as_written.showing(AMERICAN), 1))
    return american > 0
