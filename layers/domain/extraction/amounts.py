"""Amounts: finds the numbers of a line of text, with their signs and currencies."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from layers.domain.extraction import currency
from layers.domain.extraction.numerals import NUMERAL, corrected, plain, readings
from layers.domain.extraction.values import Found

# A mark for "no cents": `12.-`, `12,--`, `1,190/-`.
ONLY = r"(?P<only>[.,]\s?[-\u2013]{1,2}|/[-=])(?![\d-])"
# A number is searched for by its first digit; the text before it is matched afterwards. This is twice as fast as one
# pattern from left to right.
NUMBER = re.compile(
    rf"(?P<digits>{NUMERAL})(?:{ONLY})?(?P<close>\s?\))?(?P<behind>\s?-(?![\w-])(?=\s*$|\s{{3}}|\S|\s?[^\W\d_]{{0,3}}$)|-(?![\w-]))?"
    rf"(?:\s{{0,2}}(?P<after>{currency.BESIDE_AN_AMOUNT})(?![^\W\d_]))?(?P<last>-(?![\w-]))?(?P<shut>\s?\))?"
    r"(?:\s{0,2}(?P<side>CR|Cr|DR|Dr)(?![^\W_])|\s(?P<german>[SH])(?=\s*$|\s{2}))?"
    r"(?![\d/:]|[.,\u2013-]\d|[^\W\d]\d|[^\W\d_][.,]\d|[^\W\d_\u2e80-\uffff]{2})"
)
BEFORE_A_NUMBER = re.compile(
    rf"(?<![\w.,/#\u2013-])(?:(?<!\d:)|(?={currency.BESIDE_AN_AMOUNT}))(?P<before>{currency.BESIDE_AN_AMOUNT}[\s:]{{0,3}})?(?P<sign>[-(\u2013]\s?)?"
    rf"(?P<inner>{currency.BESIDE_AN_AMOUNT}\s{{0,3}})?(?P<second>-)?\Z"
)
NOTHING_BEFORE = BEFORE_A_NUMBER.search("")
CURRENCIES = frozenset(each.upper() for each in (*currency.SIGNS, *currency.CODES))
LETTERS = re.compile(r"[A-Z]*")
BEGINNINGS = frozenset(found[0] for each in CURRENCIES if (found := LETTERS.match(each)))  # the letters of `DIN.`
DIGIT = re.compile(r"\d")
# An amount with cents that ends the line, or that a word in small letters follows. Of those, only a currency is part of it.
BETWEEN_WORDS = re.compile(r"\d{1,15}[.](?P<cents>\d\d)(?:$|(?= (?P<word>[a-z]+)))")
MOST_BEFORE_A_NUMBER = 18  # characters: two currencies and a sign, with their spaces
# A character that is unusual between two numbers. A number beside it, with another digit behind that, is part of something
# else, such as a number with an unknown separator.
UNKNOWN = r"[^\s\w()\[\]{}<>|;:=+*×@&%~\"“”„«»$€£¥₹/\\-]"
BEHIND_UNKNOWN = re.compile(rf"\d{UNKNOWN}\Z")
BEFORE_UNKNOWN = re.compile(rf"{UNKNOWN}\d")
JOINING_DASH = re.compile(r"[^\W\d_]\s\u2013\s\Z|[^\W\d_]\s\u2013\s(?=\S{1,5}\s{0,3}\Z)")
GERMAN_SUM = re.compile(r"saldo|betrag|summe|gesamt|total|soll|haben", re.IGNORECASE)  # elsewhere, H may mean hours
BEHIND_RATE_MARK = re.compile(r"[^\W\d_]@\Z")  # "GST@6": a rate, if it has no decimals
PERCENT = re.compile(r"\s?%")
DATE_UNIT = re.compile(r"\s?[年月日년월일]")


class Amount(NamedTuple):
    """A number as written: its value, how many decimals it has, and the currency sign beside it if there is one.

    `side` is `credit` or `debit` if the text marks it. Credits are negative here, as on a bill.
    """

    value: float
    decimals: int
    sign: str | None
    side: str | None = None


def amounts(line: str) -> Iterator[Found]:
    """Each number of a line, as an Amount, left to right."""
    line = corrected(plain(line))
    end = at = 0
    while digit := DIGIT.search(line, at):
        start, before = digit.start(), NOTHING_BEFORE
        is_behind_a_word = _is_behind_a_word(line, start)
        # Most amounts in a running text, at a third of the cost.
        if is_behind_a_word and (between := BETWEEN_WORDS.match(line, start)) and not _is_beside(between["word"]):
            end = at = between.end("cents")
            yield Found(Amount(float(line[start:end]), 2, None), start, end)
            continue
        match = NUMBER.search(line, start)
        if match is None:
            return
        if match.start() != start:
            start = match.start()
            is_behind_a_word = _is_behind_a_word(line, start)
        if not is_behind_a_word:
            before = BEFORE_A_NUMBER.search(line, max(end, start - MOST_BEFORE_A_NUMBER), start)
            start = before.start() if before else start
        if before is None or _is_part_of_more(line, match):
            # The digits are part of a word, a date or a code.
            at = match.end("digits") if before is None else max(match.end("digits"), match.start() + 1)
            continue
        amount = _amount(line, before, match, end)
        if amount is None:
            at = match.end("digits")
            continue
        end = at = match.end()
        yield Found(amount, start, end)


def _is_behind_a_word(line: str, start: int) -> bool:
    """Whether a number is one space behind a word that is no currency, as most are: then nothing before it is part of it."""
    if line[start - 1 : start] != " ":
        return False
    word = line[line.rfind(" ", 0, start - 1) + 1 : start - 1].rstrip(":")
    return word.isascii() and word.isalpha() and word.upper() not in CURRENCIES


def _is_beside(word: str | None) -> bool:
    """Whether the letters behind a number may begin a currency."""
    return word is not None and word.upper() in BEGINNINGS


def is_money(amount: Amount) -> bool:
    """Whether an amount is written like money."""
    return amount.decimals == 2 or amount.sign is not None


def is_percent(text: str, end: int) -> bool:
    return PERCENT.match(text, end) is not None


def _is_part_of_more(line: str, match: re.Match[str]) -> bool:
    start, end = match.start(), match.end()
    if start >= 2 and BEHIND_UNKNOWN.search(line, start - 2, start):
        return True
    if line[start:end].isdigit() and BEHIND_RATE_MARK.search(line, max(0, start - 2), start):
        return True
    return bool(BEFORE_UNKNOWN.match(line, end) or DATE_UNIT.match(line, match.end("digits")))


def _amount(line: str, before: re.Match[str], match: re.Match[str], previous_end: int) -> Amount | None:
    sign = before["before"] or before["inner"] or match["after"]
    sign = sign.strip(" :\t") if sign else None
    found = readings(match["digits"], currency.decimals_of(sign))
    if not found:
        return None
    value, decimals = found[0].value, 2 if match["only"] else found[0].decimals
    if sign and sign.upper() in currency.WORDS and (not decimals or not sign.isupper()):
        sign = None
    side = _side(line, match)
    if side == "credit" or (side is None and _is_negative(line, before, match, previous_end)):
        value = -value
    return Amount(value, decimals, sign, side)


def _side(line: str, match: re.Match[str]) -> str | None:
    if not (match["side"] or match["german"]):
        return None
    letter = (match["side"] or "")[:1]
    if match["german"] and GERMAN_SUM.search(line, 0, match.start()):
        letter = match["german"]
    return {"C": "credit", "H": "credit", "D": "debit", "S": "debit"}.get(letter)


def _is_negative(line: str, before: re.Match[str], match: re.Match[str], previous_end: int) -> bool:
    if match["behind"] or match["last"] or before["second"]:
        return True
    sign = (before["sign"] or "").strip()
    if sign == "(":
        # `EUR 5.00 (USD 6.00)` is a remark.
        is_remark = before["inner"] and previous_end and before.start("sign") - previous_end <= 2
        return bool(match["close"] or match["shut"]) and not is_remark
    if sign == "\u2013":
        return not JOINING_DASH.search(line[: match.start()])
    return bool(sign)
