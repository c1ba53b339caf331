"""Dates that OCR damaged: without a separator, with different ones, or with letters for digits. All are doubtful.

They are searched for only in a document without any other date, because other numbers look like them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from functools import partial

from layers.domain.extraction import labels
from layers.domain.extraction.candidate import Candidate
from layers.domain.extraction.date_order import Order
from layers.domain.extraction.lines import Lines

D = r"[\dOoQIlSBZ]"
SEPARATOR = r"\s?[-/.,:;_|\s]\s?"
DAMAGED = re.compile(
    rf"(?<![^\W_])(?P<day>{D}{{1,2}}){SEPARATOR}(?P<month>{D}{{1,2}}){SEPARATOR}(?P<year>2[0OoQ]{D}{{2}}|{D}{{2}})(?![^\W_])"
    rf"|(?<![^\W_])(?P<year_first>2[0OoQ]{D}{{2}}){SEPARATOR}(?P<second>{D}{{2}}){SEPARATOR}(?P<third>{D}{{2}})(?![^\W_])"
    r"|(?<!\d)(?P<joined>(?:[0-3]\d[01]\d20\d\d|20\d\d[01]\d[0-3]\d))(?!\d)"
)
DIGITS = str.maketrans({"O": "0", "o": "0", "Q": "0", "I": "1", "l": "1", "S": "5", "B": "8", "Z": "2"})
MOST_LINES = 200
EARLIEST = date(1990, 1, 1)
OTHER_NUMBER = re.compile(r"\btel|\bfax|phone|mobile|\bgst|\bvat|\breg|[€$£¥₹]|\d[.,]\d{2}\s*$")
LABELLED, TIME_BESIDE = 30.0, 10.0
TIME = re.compile(r"\b[012]?\d[:.][0-5]\d")


def damaged_date_candidates(lines: Lines, order: Order, latest: date) -> Iterator[Candidate]:
    """The damaged dates of a document, not after `latest`: beside a label or a time, or eight digits that are a date."""
    known = labels.labels_of("date", {})
    for index, line in enumerate(lines[:MOST_LINES]):
        for match in DAMAGED.finditer(line.text):
            lowered = lines.lowered.line(index)
            if OTHER_NUMBER.search(lowered):
                break
            value = _value(match, order.month_first)
            if value is None or not EARLIEST <= value <= latest:
                continue
            _, label = labels.best_label(lowered[: match.start()], known)
            time = TIME.search(line.text[: match.start()] + " " + line.text[match.end() :])
            if not (label or time or match["joined"]):
                continue
            score = (LABELLED if label else 0.0) + (TIME_BESIDE if time else 0.0) - index / len(lines)
            yield Candidate(value.isoformat(), partial(line.evidence, *match.span()), score, doubtful=True)


def _value(match: re.Match[str], month_first: bool) -> date | None:
    if sum(map(str.isdigit, match[0])) < 4:
        return None
    if joined := match["joined"]:
        is_year_first = joined.startswith("20") and not (joined[4:].startswith("20") and int(joined[2:4]) <= 12)
        cuts = (joined[6:], joined[4:6], joined[:4]) if is_year_first else (joined[:2], joined[2:4], joined[4:])
    elif match["year_first"]:
        cuts = (match["third"], match["second"], match["year_first"])
    else:
        cuts = (match["day"], match["month"], match["year"])
    day, month, year = (int(part.translate(DIGITS)) for part in cuts)
    if month_first and not match["year_first"]:
        month, day = day, month
    try:
        return date(year if year > 99 else 2000 + year, month, day)
    except ValueError:
        return None
