"""Candidates for an address: neighbouring lines at the head of a document that read like its parts.

The parts are a house number, the word for a street or building, and a postcode, in any order. Lines with other things,
such as a telephone number, end an address.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from layers.domain.extraction import labels
from layers.domain.extraction.boxes import enclosing_box
from layers.domain.extraction.candidate import Candidate
from layers.domain.extraction.company_candidates import has_legal_form
from layers.domain.extraction.dates import dates
from layers.domain.extraction.lines import Line
from layers.domain.page import Evidence

HEADER_LINES = 18
MOST_LINES = 6
STREET = re.compile(
    r"\b(?:street|st|road|rd|avenue|ave|lane|drive|boulevard|blvd|highway|square|plaza|building|tower|block|floor|level|lot|"
    r"unit|suite|jalan|jln|lorong|taman|tmn|lebuh\w*|persiaran|kampung|kg|bandar|medan|seksyen|kawasan|dataran|mukim|batu|"
    r"rue|route|quai|cours|place|all[ée]e|calle|avenida|avda|paseo|plaza|carrer|via|viale|piazza|corso|rua|travessa|largo|"
    r"platz|allee|gasse|ulica|ul|aleja|al|plac|utca|[uú]t|t[ée]r|ulice|n[áa]m[ěe]st[íi]|gata|gatan|v[äa]gen|vej|veien|gade|"
    r"katu|tie|straat|laan|plein|gracht|cadde\w*|sokak|mahalle\w*|postbus|postfach)\b"
    r"|\w+stra(?:ss|ß)e\b|\w+str\.|\w+(?:weg|platz|allee|gasse|straat|laan|gatan|v[äa]gen|vej|katu)\b|\bp\.?o\.? ?box\b"
)
HOUSE = re.compile(r"^\W{0,3}(?:no\b\W{0,3}\w*\d|[a-z]{0,3}\d+[\w&/-]{0,12}\s?,|[a-z]-?\d+,)")
BEGINS_WITH_NUMBER = re.compile(r"^\d{1,5}[\s-]+[a-z]{3}")
# Of five or six digits, of four digits before a town, with a hyphen; British, Canadian and Dutch ones.
POSTCODE = re.compile(
    r"(?<![\d-])(?<!lot )(?<!no )(?<!no\. )(?<!no\.)(?<!p\.t\. )(?<!pt )\d{5,6}(?![\d-])(?=[\s,.]{0,3}[^\W\d]{2}|\W{0,3}$)"
    r"|\b\d{2}-\d{3}\b(?=\s[^\W\d]{2})|\b\d{3} \d{2}\b(?=\s[^\W\d]{2})|\b\d{4}(?=\s[^\W\d]{4,}\W*$)"
    r"|\b[a-z]{1,2}\d[\da-z]? ?\d[a-z]{2}\b|\b[a-z]\d[a-z] ?\d[a-z]\d\b|\b\d{4} ?[a-z]{2}\b(?=\W+[a-z]{3})"
    r"|\b[a-z]{2} \d{5}(?:-\d{4})?\b"
)
OTHER = re.compile(
    r"\btel|\bfax|phone|mobile|whatsapp|\bgst\b|\bvat\b|\btax\b|\binvoice|receipt|\bdate\b|\btime\b|www|@|\breg\b|cashier|\bbill\b|"
    r"\btable\b|\border\b|\bqty\b|\bco\.? ?no|\broc\b|member|welcome|thank|\bguest\b|rechnung|facture|factura|faktura|"
    r"(?<!no)\s?:"
)
ONLY_A_NUMBER = re.compile(r"^\W*(?:[a-z]{0,2}[\d\s()+-]{5,}-?\s?[a-z]?)\W*$")
TOWN = re.compile(r"[^\W\d]+(?: [^\W\d]+)?\W?")


def address_candidates(lines: Sequence[Line]) -> Iterator[Candidate]:
    """The first address below the first line."""
    top = list(lines[:HEADER_LINES])
    texts = [labels.lowered(line.text.strip()) for line in top]
    others = [_is_other(line, text) for line, text in zip(top, texts, strict=True)]
    parts = [not other and _is_part(text) for text, other in zip(texts, others, strict=True)]
    starts = (at for at in range(1, len(top)) if parts[at] and _may_begin(texts[at]))
    if (start := next(starts, None)) is None:
        return
    first, end = _first(start, texts, others), _end(start, texts, others, parts)
    address = top[first:end]
    box = enclosing_box([box for line in address if (box := line.evidence(0, len(line.text)).box)])
    text = " ".join(line.text.strip() for line in address)
    yield Candidate(text, lambda: Evidence(address[0].page, text, box), 1.0)


def _is_other(line: Line, text: str) -> bool:
    return bool(OTHER.search(text) or ONLY_A_NUMBER.match(text) or dates(line.text))


def _is_part(text: str) -> bool:
    return bool(STREET.search(text) or POSTCODE.search(text) or HOUSE.match(text))


def _may_begin(text: str) -> bool:
    is_named = has_legal_form(text) and not POSTCODE.search(text) and not HOUSE.match(text)
    return not text.startswith("(") and not is_named


def _first(start: int, texts: Sequence[str], others: Sequence[bool]) -> int:
    """The first line: up to two lines above that end with a comma belong to the address too."""
    first = start
    while first > max(1, start - 2) and not others[first - 1] and texts[first - 1].endswith(","):
        if has_legal_form(texts[first - 1]):
            break
        first -= 1
    return first


def _end(start: int, texts: Sequence[str], others: Sequence[bool], parts: Sequence[bool]) -> int:
    """The line after the last one. After the postcode only what completes its town belongs to the address."""
    end, has_postcode = start + 1, bool(POSTCODE.search(texts[start]))
    while end < min(len(texts), start + MOST_LINES) and not others[end]:
        before = texts[end - 1]
        is_open = before.endswith((",", "-"))
        if has_postcode:
            if not (is_open or _completes(before, texts[end])):
                break
            end += 1
            if not is_open:
                break
            continue
        near = any(parts[end + 1 : end + 3]) and not any(others[end + 1 : end + 2])
        if not (parts[end] or is_open or before.endswith((".", "&")) or near):
            break
        has_postcode = bool(POSTCODE.search(texts[end]))
        end += 1
    return end


def _completes(before: str, text: str) -> bool:
    """Whether a line after that of the postcode names its town or region."""
    if (found := POSTCODE.search(before)) is None:
        return False
    behind = before[found.end() :]
    if not re.search(r"[^\W\d]", behind) or BEGINS_WITH_NUMBER.match(text):
        return True
    return bool(TOWN.fullmatch(text)) and "," not in behind.strip(" ,.") and not before.endswith(".")
