"""Numbers, dates and currencies: finds them in a line of text as people write them, and parses them.

Every pattern is bounded, so that even a hostile line takes time in proportion to its length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Found:
    """A value and its span in the line."""

    value: object
    start: int
    end: int


# --- numbers -----------------------------------------------------------------------------------------

CURRENCY = r"(?:RM|MYR|USD|EUR|GBP|CHF|INR|Rs\.?|PLN|zł|SEK|NOK|DKK|JPY|CNY|AUD|CAD|SGD|[$€£¥₹])"
NOT_A_DIGIT = re.compile(r"\D")
SPACE_BESIDE_A_POINT = re.compile(r"\s(?=[.,])|(?<=[.,])\s")
# Begins with the letter, not with the lookbehind: searching for a set of characters is fast.
LETTER_FOR_ZERO = re.compile(r"[OoQ](?<=[\d.,][OoQ])(?=[\d.,\s]|$)")
# A number is searched for by its first digit; the text before it is matched afterwards. This is twice as fast as one
# pattern from left to right.
NUMBER = re.compile(
    r"(?P<digits>\d(?<!\d\d)(?:\d{0,2}(?:[.,'\u00a0\u202f ]\d{3}){1,4}(?:[.,]\d{1,2})?|\d{0,11}(?:\s?[.,]\s?\d{1,4})?))"
    rf"(?P<close>\))?(?:\s{{0,2}}(?P<after>{CURRENCY}))?(?![\d/:]|[.,-]\d|[A-Za-z]{{2}})",
    re.IGNORECASE,
)
BEFORE_A_NUMBER = re.compile(
    rf"(?<![\w.,/:#-])(?P<before>{CURRENCY}\s{{0,3}})?(?P<sign>[-(]\s?)?(?P<inner>{CURRENCY}\s{{0,3}})?\Z",
    re.IGNORECASE,
)
MOST_BEFORE_A_NUMBER = 14  # characters: two currencies and a sign, with their spaces


@dataclass(frozen=True, slots=True)
class Amount:
    """A number as written: its value, how many decimals it has, and the currency sign beside it if there is one."""

    value: float
    decimals: int
    sign: str | None


def amounts(line: str) -> Iterator[Found]:
    """Each number of a line, as an Amount, left to right."""
    line = LETTER_FOR_ZERO.sub("0", line)
    end = at = 0
    while match := NUMBER.search(line, at):
        before = BEFORE_A_NUMBER.search(line, max(end, match.start() - MOST_BEFORE_A_NUMBER), match.start())
        if before is None:
            at = match.start() + 1  # the digit is part of a word, a date or a code
            continue
        end = at = match.end()
        digits = SPACE_BESIDE_A_POINT.sub("", match["digits"])
        whole, decimals = _split(digits)
        number = float(f"{whole}.{decimals or 0}")
        if before["sign"] and (before["sign"].startswith("-") or match["close"]):
            number = -number
        sign = before["before"] or before["inner"] or match["after"]
        yield Found(Amount(number, len(decimals), sign.strip() if sign else None), before.start(), end)


def _split(digits: str) -> tuple[str, str]:
    """The integer part and the decimals of a number with any of the usual separators."""
    last = max(digits.rfind("."), digits.rfind(","))
    if last >= 0:
        tail = digits[last + 1 :]
        other = "," if digits[last] == "." else "."
        grouped = len(tail) == 3 and other not in digits and digits.count(digits[last]) >= 1
        if tail.isdigit() and (not grouped or other in digits):
            return NOT_A_DIGIT.sub("", digits[:last]) or "0", tail
    return NOT_A_DIGIT.sub("", digits), ""


# --- dates -------------------------------------------------------------------------------------------

MONTHS = {
    name: month
    for month, names in enumerate(
        (
            "jan january januar janvier enero januari ene",
            "feb february februar fevrier février febrero februari fév fev",
            "mar march märz maerz mars marzo maart mrt mär",
            "apr april avril abril avr abr",
            "may mai mayo mei",
            "jun june juni juin junio",
            "jul july juli juillet julio juil",
            "aug august août aout agosto augustus ago",
            "sep sept september septembre septiembre",
            "oct october oktober octobre octubre okt",
            "nov november novembre noviembre",
            "dec december dezember décembre diciembre dez déc dic",
        ),
        start=1,
    )
    for name in names.split()
}
NUMERIC_DATE = re.compile(
    r"(?<![\d.,/-])(\d{1,4})\s?([./-])\s?(\d{1,2})\s?\2\s?(\d{4}|\d{2})(?![\d]|[./-]\d)|(?<!\d)(\d{4})年(\d{1,2})月(\d{1,2})日"
)
MONTH = r"([A-Za-zäéûÄÉÛ]{3,10})"
NAMED_DATE = re.compile(
    rf"(?<!\d)(\d{{1,2}})(?:st|nd|rd|th|\.)?[\s\-/.,']{{0,3}}(?:de\s)?{MONTH}[\s\-/.,']{{0,3}}(?:de\s)?(\d{{4}}|\d{{2}})(?!\d)"
)
# Every match of NUMERIC_DATE contains a match of NUMERIC_DATE_HINT, and every date with the name of a month one of
# NAMED_DATE_HINT, at a fraction of the patterns' cost. Lines without a hint are skipped.
NUMERIC_DATE_HINT = re.compile(r"\d(?=\s?([./-])\s?\d{1,2}\s?\1|年)")
NAMED_DATE_HINT = re.compile(
    rf"(?:{'|'.join(sorted({name[:3] for name in MONTHS}))})[a-zäéû]{{0,7}}[\s\-/.,']{{0,3}}(?:de\s)?\d"
)
MONTH_FIRST = re.compile(rf"(?<![A-Za-z]){MONTH}[\s.\-]{{0,3}}(\d{{1,2}})(?:st|nd|rd|th)?[\s,\-]{{1,3}}(\d{{4}})(?!\d)")


def dates(line: str, *, month_first: bool = False) -> list[Found]:
    """Each date of a line as a `datetime.date`, left to right. `month_first` decides how 3/4/2024 is read."""
    found = [*_numeric_dates(line, month_first), *_named_dates(line)]
    return sorted(found, key=lambda date_found: date_found.start)


def numeric_dates(line: str) -> Iterator[re.Match[str]]:
    """Each match of three numbers written like a date, even if there is no such day."""
    return NUMERIC_DATE.finditer(line)


def _numeric_dates(line: str, month_first: bool) -> Iterator[Found]:
    if not NUMERIC_DATE_HINT.search(line):
        return
    for match in numeric_dates(line):
        if match[5]:
            parts = [int(match[5]), int(match[6]), int(match[7])]
            value = _date(*parts)
        else:
            first, second, third = match[1], int(match[3]), match[4]
            if len(first) == 4:
                value = _date(int(first), second, int(third))
            elif len(first) == 3:
                continue
            elif month_first and second <= 31 and int(first) <= 12:
                value = _date(_year(third), int(first), second) or _date(_year(third), second, int(first))
            else:
                value = _date(_year(third), second, int(first)) or _date(_year(third), int(first), second)
        if value:
            yield Found(value, match.start(), match.end())


def _named_dates(line: str) -> Iterator[Found]:
    if not NAMED_DATE_HINT.search(line.lower()):
        return
    for pattern, day_group, month_group in ((NAMED_DATE, 1, 2), (MONTH_FIRST, 2, 1)):
        for match in pattern.finditer(line):
            month = MONTHS.get(match[month_group].lower())
            value = _date(_year(match[3]), month, int(match[day_group])) if month else None
            if value:
                yield Found(value, match.start(), match.end())


def _year(text: str) -> int:
    return int(text) if len(text) == 4 else 2000 + int(text) if int(text) < 70 else 1900 + int(text)


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day) if 1900 <= year <= 2100 else None
    except ValueError:
        return None


# --- currencies --------------------------------------------------------------------------------------

SIGNS = {
    "rm": "MYR", "$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR", "rs": "INR", "rs.": "INR", "zł": "PLN",
}  # fmt: skip
CODES = (
    "MYR", "USD", "EUR", "GBP", "CHF", "INR", "PLN", "SEK", "NOK", "DKK", "JPY", "CNY", "AUD", "CAD", "SGD", "HKD", "NZD",
    "BRL", "MXN", "CZK", "HUF",
)  # fmt: skip
# The currencies that a bare dollar sign may mean.
DOLLARS = frozenset({"USD", "AUD", "CAD", "SGD", "HKD", "NZD", "MXN"})
# Every alternative begins with a fixed character, because searching for that is fast.
CURRENCY_MARK = re.compile(
    "|".join([*(rf"{code}(?![A-Za-z])" for code in (*CODES, "RM", r"Rs\.?", "zł")), *"€£¥₹", r"\$"])
)


def currencies(line: str) -> Iterator[Found]:
    """Each currency sign or code of a line, as its ISO 4217 code."""
    for match in CURRENCY_MARK.finditer(line):
        shown, before = match[0], line[match.start() - 1 : match.start()]
        if shown[0].isalpha() and before.isascii() and before.isalpha():
            continue  # the letters end a word
        yield Found(SIGNS.get(shown.lower(), shown.upper()), match.start(), match.end())
