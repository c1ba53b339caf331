"""Date search: where a window shows a date, in any of the usual forms."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

from layers.domain.extraction.dates import FILLERS, names_month
from layers.domain.extraction.hit import Hit
from layers.domain.extraction.windows import Span, Window

TOKEN = re.compile(r"\d+|[^\W\d_][^\s\d.,/()\-:;]{0,19}")
# Words that may appear between the day, the month and the year.
FILLER_WORDS = FILLERS | {"年", "月", "日", "t"}
WIDEST_GAP = 24  # characters between the first and the last part of a date


class DateSearch:
    """Finds dates in a window by their parts: day, month and year as three tokens, or as eight digits."""

    def __init__(self, window: Window) -> None:
        self._tokens: list[tuple[Span, list[re.Match[str]]]] = [
            (span, [token for token in TOKEN.finditer(span.text) if token[0].lower() not in FILLER_WORDS])
            for span in window.spans
        ]

    def hits(self, wanted: date) -> list[Hit]:
        """Every stretch that shows the date, in order."""
        hits = []
        eight_digits = wanted.strftime("%Y%m%d"), wanted.strftime("%d%m%Y")
        for span, tokens in self._tokens:
            for index, token in enumerate(tokens):
                if len(token[0]) == 8 and token[0] in eight_digits:
                    hits.append(Hit(span, span.start + token.start(), span.start + token.end(), 1))
                parts = tokens[index : index + 3]
                if len(parts) == 3 and _is_date(parts, wanted) and parts[2].start() - parts[0].end() <= WIDEST_GAP:
                    hits.append(Hit(span, span.start + token.start(), span.start + parts[2].end()))
        return hits


def iso_date(text: str) -> date | None:
    """The date of a text in the form YYYY-MM-DD, or None."""
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _is_date(tokens: Sequence[re.Match[str]], wanted: date) -> bool:
    """Whether three tokens are the date's day, month and year in any of the usual orders."""
    first, second, third = (token[0] for token in tokens)
    return any(
        _is_day(day, wanted) and _is_month(month, wanted) and _is_year(year, wanted)
        for day, month, year in ((first, second, third), (second, first, third), (third, second, first))
    )


def _is_day(token: str, wanted: date) -> bool:
    return token.isdecimal() and len(token) <= 2 and int(token) == wanted.day


def _is_month(token: str, wanted: date) -> bool:
    if token.isdecimal():
        return len(token) <= 2 and int(token) == wanted.month
    return names_month(token, wanted.month)


def _is_year(token: str, wanted: date) -> bool:
    return token.isdecimal() and (int(token) == wanted.year or (len(token) == 2 and int(token) == wanted.year % 100))
