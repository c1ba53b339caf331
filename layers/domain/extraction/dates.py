"""Dates: finds the dates of a line of text, in figures or with the name of a month in any of the languages of CLDR."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache

from layers.domain.extraction import cldr
from layers.domain.extraction.numerals import plain
from layers.domain.extraction.spelling import folded
from layers.domain.extraction.values import Found

# Spellings that CLDR does not list.
OTHER_MONTHS = """
1 de jaenner
2 fr fevr
3 de maerz mrz
3 en mrch
5 nl mey
6 en june
9 en sept
9 es setiembre
10 de okt
"""
# Words between the parts of a date: endings of ordinal numbers, prepositions, and words for "year" and "day".
FILLERS = frozenset([
    "st", "nd", "rd", "th", "er", "re", "eme", "a", "o", "of", "de", "del", "di", "da", "do", "den", "der",
    "le", "the", "d", "dne", "ta", "an", "ar", "y", "i", "g", "г", "r", "m", "gada", "ж", "թ", "року", "рік",
    "года", "год", "nam", "nam.", "ngay", "ko", "eko", "م", "من", "في", "ال", "ค.ศ", "พ.ศ",
])  # fmt: skip
BEFORE_MONTHS = ("ב", "d'", "d’")  # prepositions that are written together with the month
BUDDHIST_YEARS = range(2440, 2644)
BUDDHIST_OFFSET = 543

# A time may follow at once, where OCR lost the space.
NUMERIC = re.compile(
    r"(?:(?<![\d.,/-])|(?<=\w-)(?=\d\d?/\d\d?/(?:19|20)\d\d))(\d{1,4})\s?([./-])\s?(\d{1,2})\s?\2\s?"
    r"((?:19|20)\d\d|\d\d(?=[0-2]\d:\d\d)|\d{4}|\d{1,2})(?:(?![\d]|[./-]\d)|(?=[0-2]?\d:\d\d))"
    r"|(?<![\d.,/-])(?<!\d\s)(\d{1,2}) (\d{2}) ((?:19|20)\d{2})(?![\d]|[./-]\d|\s\d)"
)
# Chinese, Japanese and Korean, with the era if the year is counted from it; Vietnamese.
WITH_UNITS = re.compile(
    r"(?<!\d)(?P<era>令和|平成|昭和|民國|民国|中華民國)?\s?(?P<year>\d{1,4}|元)\s?[年년]\s?(?P<month>\d{1,2})\s?[月월]\s?(?P<day>\d{1,2})\s?[日일号號]"
    r"|(?<!\d)(?P<vday>\d{1,2})\s?th(?:áng|g)\s?(?P<vmonth>\d{1,2})\s?,?\s?(?:năm\s)?(?P<vyear>\d{4})(?!\d)",
    re.IGNORECASE,
)
ERAS = {"令和": 2018, "平成": 1988, "昭和": 1925, "民國": 1911, "民国": 1911, "中華民國": 1911}
# Every match of NUMERIC or WITH_UNITS contains a match of NUMERIC_HINT, and every date with a month's name one of
# NAMED_HINT, at a fraction of the patterns' cost. Lines without a hint are skipped.
NUMERIC_HINT = re.compile(r"\d(?=\s?(?:([./-])\s?\d{1,2}\s?\1|[年년]|th[aág])| \d\d (?:19|20)\d\d)|元年")
NAMED_HINT = re.compile(r"\d[^\d\n]{0,9}[^\W\d_][^\s\d]|[^\W\d_][^\s\d][^\d\n]{0,5}\d")
# In Thai, abbreviations have points inside.
TOKEN = re.compile(r"\d+|[\u0e01-\u0e46][\u0e01-\u0e4e.]{1,19}|[^\W\d_](?:[^\s\d.,/()\-:;]{0,19})")


@dataclass(frozen=True, slots=True)
class MonthName:
    """The month that a name means in each language: mostly the same in all."""

    by_language: dict[str, int]

    def month(self, languages: tuple[str, ...] = ()) -> int:
        """The month in the first of these languages that has the name, or the month in most languages."""
        for language in languages:
            if language in self.by_language:
                return self.by_language[language]
        months = list(self.by_language.values())
        return max(dict.fromkeys(months), key=months.count)

    def is_sure(self, languages: tuple[str, ...]) -> bool:
        return len(set(self.by_language.values())) == 1 or any(language in self.by_language for language in languages)


@cache
def month_names() -> dict[str, MonthName]:
    """Names of months, folded."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for line in (cldr.MONTHS + OTHER_MONTHS).split("\n"):
        if line:
            number, language, *names = line.split(" ")
            for name in names:
                found[name].setdefault(language, int(number))
    return {name: MonthName(languages) for name, languages in found.items()}


@cache
def weekday_names() -> dict[str, frozenset[int]]:
    """The days of the week that a folded name may mean, 1 for Monday; abbreviations mean several."""
    found: dict[str, set[int]] = defaultdict(set)
    for line in cldr.WEEKDAYS.split("\n"):
        if line:
            number, _, *names = line.split(" ")
            for name in names:
                found[name].add(int(number))
    return {name: frozenset(days) for name, days in found.items()}


@dataclass(frozen=True, slots=True)
class WrittenDate:
    """A date as written. `swapped` is its other reading, if day and month may also be in the other order. `is_sure` is
    false if the name of its month means another month in another language."""

    value: date
    swapped: date | None = None
    is_sure: bool = True


def names_month(word: str, month: int) -> bool:
    """Whether a word names the month in any language."""
    name = _month_name(word)
    return name is not None and month in name.by_language.values()


def _month_name(word: str) -> MonthName | None:
    names, text = month_names(), folded(word)
    for candidate in (text, *(text[len(start) :] for start in BEFORE_MONTHS if text.startswith(start))):
        if candidate in names:
            return names[candidate]
    return None


def months_named_in(vocabulary: str) -> frozenset[str]:
    """The words that name a month, as they are written. `vocabulary`: the words of a document, each once."""
    words = {token[0] for token in TOKEN.finditer(plain(vocabulary)) if not token[0][0].isdigit()}
    return frozenset(word for word in words if _month_name(word.strip("'’.")))


def dates(line: str, *, month_first: bool = False, languages: tuple[str, ...] = ()) -> list[Found]:
    """Each date of a line as a WrittenDate, left to right.

    `month_first` decides how 3/4/2024 is read; `languages` which month a name means if languages disagree.
    """
    text = plain(unicodedata.normalize("NFC", line)) if not line.isascii() else line
    if len(text) != len(line):
        text = plain(line)  # positions matter more than composed letters
    found = [*_numeric_dates(text, month_first), *_dates_with_units(text), *_named_dates(text, languages)]
    found.sort(key=lambda written: (written.start, -written.end))
    return [later for index, later in enumerate(found) if all(later.start >= other.end for other in found[:index])]


def numeric_dates(line: str) -> Iterator[re.Match[str]]:
    """Each match of three numbers written like a date, even if there is no such day."""
    return (match for match in NUMERIC.finditer(plain(line)) if _has_year(match))


def _has_year(match: re.Match[str]) -> bool:
    """Whether the year has two or four digits: a day has one digit only behind a year (`2024. 3. 5.`)."""
    return not match[1] or len(match[1]) == 4 or (len(match[1]) < 3 and len(match[4]) > 1)


def _numeric_dates(line: str, month_first: bool) -> Iterator[Found]:
    if not NUMERIC_HINT.search(line):
        return
    for match in numeric_dates(line):
        first, second, third = (match[1], match[3], match[4]) if match[1] else (match[5], match[6], match[7])
        if len(first) == 4:
            written = _written(_date(int(first), int(second), int(third)) if len(third) < 4 else None, None)
        else:
            day_first = _date(_year(third), int(second), int(first))
            other = _date(_year(third), int(first), int(second))
            written = _written(other, day_first) if month_first else _written(day_first, other)
        if written:
            yield Found(written, match.start(), match.end())


def _written(value: date | None, swapped: date | None) -> WrittenDate | None:
    if value is None:
        return WrittenDate(swapped) if swapped else None
    return WrittenDate(value, swapped if swapped != value else None)


def _dates_with_units(line: str) -> Iterator[Found]:
    if line.isascii() and " th" not in line:
        return
    for match in WITH_UNITS.finditer(line):
        if match["year"]:
            year = 1 if match["year"] == "元" else int(match["year"])
            value = _date(year + ERAS.get(match["era"] or "", 0), int(match["month"]), int(match["day"]))
        else:
            value = _date(int(match["vyear"]), int(match["vmonth"]), int(match["vday"]))
        if value:
            yield Found(WrittenDate(value), match.start(), match.end())


def _named_dates(line: str, languages: tuple[str, ...]) -> Iterator[Found]:
    if not NAMED_HINT.search(line):
        return
    tokens = [token for token in TOKEN.finditer(line) if folded(token[0]).strip("'’.") not in FILLERS]
    for index, token in enumerate(tokens):
        if token[0][0].isdigit() or (name := _month_name(token[0].strip("'’."))) is None:
            continue
        month = name.month(languages)
        before, after = tokens[max(0, index - 2) : index], tokens[index + 1 : index + 3]
        if found := _around(line, before, token, after, month):
            value, start, end = found
            yield Found(WrittenDate(value, is_sure=name.is_sure(languages)), start, end)


def _around(
    line: str, before: list[re.Match[str]], token: re.Match[str], after: list[re.Match[str]], month: int
) -> tuple[date, int, int] | None:
    """The date, with its span, that the numbers beside the name of a month make: D M Y, M D Y, Y M D or Y D M."""
    near_before = before[-1] if before and _is_near(line, before[-1], token) else None
    near_after = after[0] if after and _is_near(line, token, after[0]) else None
    second = after[1] if near_after and len(after) > 1 and _is_near(line, after[0], after[1]) else None
    earlier = before[-2] if near_before and len(before) > 1 and _is_near(line, before[-2], before[-1]) else None
    if near_before and _is_day(near_before) and near_after and _is_year(near_after):
        parts = near_after, near_before
    elif near_after and _is_day(near_after) and second and _is_long_year(second):
        parts = second, near_after
    elif near_before and _is_long_year(near_before) and near_after and _is_day(near_after):
        parts = near_before, near_after
    elif near_before and _is_day(near_before) and earlier and _is_long_year(earlier):
        parts = earlier, near_before
    else:
        return None
    value = _date(_year(parts[0][0]), month, int(parts[1][0]))
    if value is None:
        return None
    spans = [*(part.span() for part in parts), token.span()]
    return value, min(start for start, _ in spans), max(end for _, end in spans)


def _is_near(line: str, first: re.Match[str], second: re.Match[str]) -> bool:
    """Whether only separators and fillers are between two tokens."""
    between = line[first.end() : second.start()]
    if len(between) > 12 or "   " in between:
        return False
    words = [word for word in re.split(r"[\s\-/,'’–()º°ª]+|(?<![\u0e01-\u0e2e])\.", between) if word]
    return all(folded(word).strip(".") in FILLERS for word in words)


def _is_day(token: re.Match[str]) -> bool:
    return len(token[0]) <= 2 and token[0].isdigit() and 1 <= int(token[0]) <= 31


def _is_long_year(token: re.Match[str]) -> bool:
    return len(token[0]) == 4 and token[0].isdigit()


def _is_year(token: re.Match[str]) -> bool:
    return token[0].isdigit() and len(token[0]) in (2, 4)


def _year(text: str) -> int:
    return int(text) if len(text) == 4 else 2000 + int(text) if int(text) < 70 else 1900 + int(text)


def _date(year: int, month: int, day: int) -> date | None:
    if year in BUDDHIST_YEARS:
        year -= BUDDHIST_OFFSET
    try:
        return date(year, month, day) if 1900 <= year <= 2100 else None
    except ValueError:
        return None
