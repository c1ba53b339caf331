"""Currencies: the signs and codes in which they are written, and what each sign may mean."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

from layers.domain.extraction import cldr
from layers.domain.extraction.values import Found

CODES = frozenset(cldr.CODES.split()) | {"BGN", "HRK"}
DECIMALS = {code: int(count) for code, _, count in (pair.partition(":") for pair in cldr.DECIMALS.split())}
# Codes that are also English words: they count only in capitals beside an amount with decimals.
WORDS = frozenset(
    {"ALL", "TOP", "TRY", "CUP", "PEN", "GEL", "SOS", "MOP", "COP", "MAD", "BAM", "LAK", "ANG", "ERN", "NAD", "BHD"}
)
# Spellings that CLDR does not list.
OTHER_SIGNS = {
    "Rs.": "INR PKR LKR NPR MUR", "Rs": "INR PKR LKR NPR MUR", "₨": "INR PKR LKR NPR MUR", "S$": "SGD", "円": "JPY",
    "圓": "TWD HKD", "元": "CNY", "원": "KRW", "руб.": "RUB", "руб": "RUB", "р.": "RUB", "грн": "UAH", "грн.": "UAH",
    "лв.": "BGN", "лв": "BGN", "lei": "RON", "Lei": "RON", "kn": "HRK", "Fr.": "CHF", "SFr.": "CHF", "sFr.": "CHF",
    "TL": "TRY", "Kc": "CZK", "zl": "PLN", "din.": "RSD", "din": "RSD", "KD": "KWD", "BD": "BHD", "Dhs": "AED",
    "DH": "MAD", "Dh": "AED", "SR": "SAR", "QR": "QAR", "شيكل": "ILS", "ش.ج": "ILS", 'ש"ח': "ILS", "ש״ח": "ILS",
    "rm": "MYR", "Rm": "MYR", "RM.": "MYR", "€": "EUR", "¢": "USD", "kr": "DKK ISK NOK SEK", "kr.": "DKK ISK NOK SEK", "Kr.": "DKK ISK NOK SEK",
    "Kr": "DKK ISK NOK SEK", "Euro": "EUR", "euro": "EUR", "EURO": "EUR",
}  # fmt: skip
NOT_SIGNS = {"K", "S/", "Br", "¢"}  # too short to distinguish from letters of a code


def _signs() -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = defaultdict(list)
    for line in cldr.SIGNS.strip().splitlines():
        sign, _, codes = line.partition("\t")
        found[sign] += codes.split()
    for sign, codes in OTHER_SIGNS.items():
        found[sign] = codes.split()
    # The most common meaning first.
    found["$"] = ["USD", *(code for code in found["$"] if code != "USD")]
    found["¥"] = ["JPY", "CNY"]
    return {sign: tuple(codes) for sign, codes in found.items() if sign not in NOT_SIGNS}


SIGNS = _signs()
_BY_LOWERED = {sign.lower(): codes for sign, codes in reversed(SIGNS.items())}
DOLLARS = frozenset(SIGNS["$"]) | {"HKD"}  # what a bare dollar sign may mean


def _pattern(words: Iterable[str]) -> str:
    """An alternation that tries longer words first, grouped by their first character: that makes the search fast."""
    by_first: dict[str, list[str]] = defaultdict(list)
    for word in sorted(words, key=lambda word: (-len(word), word)):
        by_first[word[0]].append(re.escape(word[1:]))
    groups = (re.escape(first) + (f"(?:{'|'.join(rest)})" if rest != [""] else "") for first, rest in by_first.items())
    return "|".join(groups)


# Codes that also count in small letters: none of them is a word or a unit.
IN_ANY_CASE = ("MYR", "USD", "EUR", "GBP", "CHF", "INR", "PLN", "SEK", "NOK", "DKK", "JPY", "CNY", "AUD", "CAD", "SGD",
               "HKD", "NZD", "BRL", "MXN", "CZK", "HUF")  # fmt: skip
# Any currency beside an amount.
BESIDE_AN_AMOUNT = rf"(?:(?-i:{_pattern((*SIGNS, *CODES))})|(?i:{_pattern(IN_ANY_CASE)}))"
# A currency anywhere in a text: codes in capitals, and signs that are no ordinary letters.
MARK = re.compile(
    _pattern(
        [
            *(code for code in CODES if code not in WORDS),
            *(sign for sign in SIGNS if len(sign) > 1 or not sign.isalpha() or not sign.isascii()),
        ]
    )
)


def codes_of(written: str) -> tuple[str, ...]:
    """The ISO 4217 codes that a written currency may mean, the most common first; empty if it is no currency."""
    text = written.strip()
    if text.upper() in CODES:
        return (text.upper(),)
    return SIGNS.get(text) or _BY_LOWERED.get(text.lower(), ())


def is_code(written: str) -> bool:
    return written in CODES and written not in WORDS


def decimals_of(written: str | None) -> int | None:
    """How many decimals amounts of a written currency have, if they are not two."""
    codes = codes_of(written) if written else ()
    return DECIMALS.get(codes[0]) if codes else None


def currencies(line: str) -> Iterator[Found]:
    """Each currency sign or code of a line, as the ISO 4217 code that it most likely means."""
    for match in MARK.finditer(line):
        before, after = line[match.start() - 1 : match.start()], line[match.end() : match.end() + 1]
        first, last = match[0][0], match[0][-1]
        if (first.isalpha() and before.isalpha() and first < "\u2e80") or (
            last.isalpha() and after.isalpha() and last < "\u2e80"
        ):
            continue  # the letters are part of a word
        yield Found(codes_of(match[0])[0], match.start(), match.end())
