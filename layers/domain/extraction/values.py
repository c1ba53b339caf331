"""Dates, money and numbers as people write them, found in a line of text and brought to one form.

Every pattern is bounded: a hostile line costs time in proportion to its length, no more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Found:
    """A value and the span of the line that shows it."""

    value: object
    start: int
    end: int


# --- numbers -----------------------------------------------------------------------------------------

CURRENCY = r"(?:RM|MYR|USD|EUR|GBP|CHF|INR|Rs\.?|PLN|zł|SEK|NOK|DKK|JPY|CNY|AUD|CAD|SGD|[$€£¥₹])"
NOT_A_DIGIT = re.compile(r"\D")
SPACE_BESIDE_A_POINT = re.compile(r"\s(?=[.,])|(?<=[.,])\s")
# Begun by the letter, for which a line is searched faster than for what stands before it.
TAKEN_FOR_A_NOUGHT = re.compile(r"[OoQ](?<=[\d.,][OoQ])(?=[\d.,\s]|$)")
# A number is looked for by its first digit, and then for what stands before that: twice as fast as from left to right.
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
    """A number as written: its value, its decimals, and the currency sign beside it, where there is one."""

    value: float
    decimals: int
    sign: str | None


def amounts(line: str) -> Iterator[Found]:
    """Each number of a line, as an Amount, left to right."""
    line = _mended(line)
    end = at = 0
    while match := NUMBER.search(line, at):
        before = BEFORE_A_NUMBER.search(line, max(end, match.start() - MOST_BEFORE_A_NUMBER), match.start())
        if before is None:
            at = match.start() + 1  # it is part of a word, a date or a code
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
    """The whole part and the decimals of digits with any of the usual separators."""
    last = max(digits.rfind("."), digits.rfind(","))
    if last >= 0:
        tail = digits[last + 1 :]
        other = "," if digits[last] == "." else "."
        grouped = len(tail) == 3 and other not in digits and digits.count(digits[last]) >= 1
        if tail.isdigit() and (not grouped or other in digits):
            return NOT_A_DIGIT.sub("", digits[:last]) or "0", tail
    return NOT_A_DIGIT.sub("", digits), ""


def _mended(line: str) -> str:
    """The line with the letters that readers take for digits put right, where digits stand around them."""
    return TAKEN_FOR_A_NOUGHT.sub("0", line)


# --- dates -------------------------------------------------------------------------------------------

MONTHS = {
    name: place
    for place, names in enumerate(
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
# What stands in whatever names a month, or is a date of three numbers, found at a fraction of what the patterns cost.
NUMBERED = re.compile(r"\d(?=\s?([./-])\s?\d{1,2}\s?\1|年)")
NAMED = re.compile(rf"(?:{'|'.join(sorted({name[:3] for name in MONTHS}))})[a-zäéû]{{0,7}}[\s\-/.,']{{0,3}}(?:de\s)?\d")
MONTH_FIRST = re.compile(rf"(?<![A-Za-z]){MONTH}[\s.\-]{{0,3}}(\d{{1,2}})(?:st|nd|rd|th)?[\s,\-]{{1,3}}(\d{{4}})(?!\d)")


def dates(line: str, *, month_first: bool = False) -> list[Found]:
    """Each date of a line as a `datetime.date`, left to right. `month_first` settles 3/4/2024."""
    found = [*_numeric_dates(line, month_first), *_named_dates(line)]
    return sorted(found, key=lambda one: one.start)


def numeric_dates(line: str) -> Iterator[re.Match[str]]:
    """What is written as a date of three numbers, whether or not it is one."""
    return NUMERIC_DATE.finditer(line)


def _numeric_dates(line: str, month_first: bool) -> Iterator[Found]:
    if not NUMBERED.search(line):
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
    if not NAMED.search(line.lower()):
        return
    for pattern, day_at, month_at in ((NAMED_DATE, 1, 2), (MONTH_FIRST, 2, 1)):
        for match in pattern.finditer(line):
            month = MONTHS.get(match[month_at].lower())
            value = _date(_year(match[3]), month, int(match[day_at])) if month else None
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
CODES = [
    "MYR",
    "USD",
    "EUR",
    "GBP",
    "CHF",
    "INR",
    "PLN",
    "SEK",
    "NOK",
    "DKK",
    "JPY",
    "CNY",
    "AUD",
    "CAD",
    "SGD",
    "HKD",
    "NZD",
    "BRL",
    "MXN",
    "CZK",
    "HUF",
]
# What a bare dollar sign may stand for.
DOLLARS = frozenset({"USD", "AUD", "CAD", "SGD", "HKD", "NZD", "MXN"})
# Each begun by a letter of its own, for which a line is searched fast.
CODE = re.compile("|".join([*(rf"{code}(?![A-Za-z])" for code in (*CODES, "RM", r"Rs\.?", "zł")), *"€£¥₹", r"\$"]))


def currencies(line: str) -> Iterator[Found]:
    """Each currency that a line shows, as its ISO 4217 code."""
    for match in CODE.finditer(line):
        shown, before = match[0], line[match.start() - 1 : match.start()]
        if shown[0].isalpha() and before.isascii() and before.isalpha():
            continue  # the end of a word
        yield Found(SIGNS.get(shown.lower(), shown.upper()), match.start(), match.end())


def currency_of(sign: str) -> str:
    return SIGNS.get(sign.lower(), sign.upper())
