"""Candidates for a currency: the one beside the total, or those beside other amounts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial

from layers.domain.extraction import currency
from layers.domain.extraction.amounts import Amount
from layers.domain.extraction.candidate import Candidate
from layers.domain.extraction.lines import Line, Lines
from layers.domain.extraction.values import Found

# Words that identify the country whose currency is meant, for signs that several countries share.
COUNTRIES = (
    ("AUD", re.compile(r"\baustralia\b|\babn\b|\bpty\b")),
    ("CAD", re.compile(r"\bcanada\b|\bgst/hst\b|\bhst\b")),
    ("NZD", re.compile(r"\bnew zealand\b")),
    ("SGD", re.compile(r"\bsingapore\b")),
    ("HKD", re.compile(r"\bhong kong\b")),
    ("TWD", re.compile(r"\btaiwan\b|台灣|臺灣")),
    ("MXN", re.compile(r"\bm[eé]xico\b|\brfc\b|\bcfdi\b")),
    ("ARS", re.compile(r"\bargentina\b|\bcuit\b")),
    ("CLP", re.compile(r"\bchile\b|\brut\b")),
    ("COP", re.compile(r"\bcolombia\b|\bnit\b")),
    ("UYU", re.compile(r"\buruguay\b")),
    ("PKR", re.compile(r"\bpakistan\b|\blahore\b|\bkarachi\b")),
    ("LKR", re.compile(r"\bsri lanka\b|\bcolombo\b")),
    ("NPR", re.compile(r"\bnepal\b|\bkathmandu\b")),
)
BY_LANGUAGE = {
    "sv": "SEK", "da": "DKK", "nb": "NOK", "is": "ISK", "zh": "CNY", "ja": "JPY", "fi": "SEK",
}  # fmt: skip
# Forms of companies, and taxes, of countries whose currency is not a dollar.
COUNTRY_WITHOUT_DOLLAR = re.compile(
    r"\bs[do]n\.?\s?bhd\b|\bmalaysia\b|\bgmbh\b|\bsp\. z o\.|\bmwst\b|\bs\.?a\.?r\.?l\b|\bsiren\b|\bbtw\b"
)
# Signs that are also codes of taxes beside the amounts of a bill: "SR" is riyals, or Malaysia's standard rate.
TAX_CODES = frozenset({"SR"})
# Words beside which a code names the document's currency, also without an amount.
NAMES_CURRENCY = re.compile(
    r"curr|w[äa]hrung|devise|moned|mon[eè]t|valut|walut|m[ěe]na\b|p[ée]nznem|\bin\b|\ben\b|price|amount|preis|betr[aä]g|montant|prix"
    r"|importe|precio|prezz|cena|cen[ay]|bedrag|prijz"
)
SURE_LETTERS = 90.0  # the confidence of a code that stands alone, below which it is ignored
# Scores. The currency beside the total, or in its line, outweighs any number of others.
BESIDE_TOTAL, UNSURE = 10_000.0, -1_000.0


def currency_candidates(lines: Lines, languages: Sequence[str], total: Candidate | None) -> Iterator[Candidate]:
    """The currencies of the document. The one beside the total scores highest, then the most frequent. A sign counts only
    beside an amount with cents, a code everywhere."""
    occurrences: dict[str, list[tuple[Line, Found]]] = {}
    heads: set[str] = set()
    # Most texts without a currency are found out by their distinct words. A sign that has a space begins with another one.
    has_mark = currency.MARK.search(lines.as_written.vocabulary) is not None
    for index in lines.as_written.lines_matching(currency.MARK) if has_mark else ():
        line = lines[index]
        for found in currency.currencies(line.text):
            written = line.text[found.start : found.end]
            if currency.is_code(written) or _is_beside_money(line, found) or _is_in_parentheses(line, found):
                occurrences.setdefault(written, []).append((line, found))
                if _heads_amounts(line, found, lines[index + 1 : index + 3]):
                    heads.add(written)
    codes = {written: _chosen(currency.codes_of(written), occurrences, lines, languages) for written in occurrences}
    beside_total = _beside_total(total, occurrences)
    may_be_dollars = "USD" not in codes.values() or not COUNTRY_WITHOUT_DOLLAR.search(lines.lowered.text)
    counts: dict[str, int] = {}
    for written, found_in in occurrences.items():
        counts[codes[written]] = counts.get(codes[written], 0) + len(found_in)
    for written, found_in in occurrences.items():
        line, found = found_in[0]
        is_single_code = len(found_in) == 1 and currency.is_code(written) and written not in heads
        is_alone = is_single_code and _is_without_amount(line, found)
        if is_alone and _is_unsure(line, found):
            continue  # three letters in noise
        # Many countries use a bare dollar sign, and OCR reads other signs as one: any other currency takes precedence.
        is_bare, is_tax_code = written == "$", written in TAX_CODES
        if may_be_dollars or not is_bare:
            score = counts[codes[written]] + (UNSURE if is_bare or is_tax_code else 0.0)
            score += BESIDE_TOTAL if written == beside_total and not is_tax_code else 0.0
            make_evidence = partial(line.evidence, found.start, found.end)
            yield Candidate(codes[written], make_evidence, score + (UNSURE if is_alone else 0.0), doubtful=is_alone)
    if beside_total and beside_total not in occurrences and total and (known := currency.codes_of(beside_total)):
        yield Candidate(_chosen(known, occurrences, lines, languages), total.make_evidence, BESIDE_TOTAL)


def _is_in_parentheses(line: Line, found: Found) -> bool:
    """Whether a sign is alone in parentheses, as in "Amount (RM)"."""
    return line.text[: found.start].endswith("(") and line.text[found.end :].startswith(")")


def _is_without_amount(line: Line, found: Found) -> bool:
    """Whether a code is in a line without a number and without words that name a currency, and not in parentheses."""
    around = f"{line.text[: found.start]} {line.text[found.end :]}".lower()
    return not (line.amounts or NAMES_CURRENCY.search(around) or _is_in_parentheses(line, found))


def _heads_amounts(line: Line, found: Found, below: Sequence[Line]) -> bool:
    """Whether one of the lines below has an amount under a currency, as in a table with a heading."""
    column = line.column(found.start, found.end)
    spans = [(each, each.within(column)) for each in below] if column else []
    return any(
        span and any(number.start < span[1] and span[0] < number.end for number in each.amounts) for each, span in spans
    )


def _is_unsure(line: Line, found: Found) -> bool:
    return min((word.confidence for word in line.words_in(found.start, found.end)), default=100.0) < SURE_LETTERS


def _is_beside_money(line: Line, found: Found) -> bool:
    for number in line.amounts:
        amount: Amount = number.value  # type: ignore[assignment]
        if amount.decimals == 2 and number.start <= found.start < number.end:
            return True
    return False


def _beside_total(total: Candidate | None, occurrences: dict[str, list[tuple[Line, Found]]]) -> str | None:
    """The currency as it is written beside the total, or the only one in the line that shows the total."""
    if total is None:
        return None
    if total.currency:
        return total.currency
    shown = total.make_evidence()
    written = {
        mark
        for mark, found_in in occurrences.items()
        for line, _ in found_in
        if line.page == shown.page and shown.text and shown.text in line.text
    }
    return written.pop() if len(written) == 1 else None


def _chosen(
    known: Sequence[str], occurrences: dict[str, list[tuple[Line, Found]]], lines: Lines, languages: Sequence[str]
) -> str:
    """The code that a sign means in this document: one that the document writes out, that of a country it names or of
    its language, or the most common one."""
    if len(known) == 1:
        return known[0]
    for code in known:
        if code in occurrences:
            return code
    text = lines.lowered.text
    for code, country in COUNTRIES:
        if code in known and country.search(text):
            return code
    return next((BY_LANGUAGE[name] for name in languages if BY_LANGUAGE.get(name) in known), known[0])
