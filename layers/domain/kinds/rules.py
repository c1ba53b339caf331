"""The built-in rules: the kind of a document by titles, other words, amounts and layout."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from layers.domain.extraction.spelling import folded
from layers.domain.kinds.words import CHANGE, IN_BODY, NUMBERED, TENDERED, TITLE
from layers.domain.page import Page

Kind = Literal["invoice", "receipt", "statement", "other"]
KINDS: tuple[Kind, ...] = get_args(Kind)
MOST_PAGES, MOST_CHARACTERS = 2, 8_000
HEAD_LINES = 30
OF_ANY_SALE = ("tax invoice", "invoice/receipt")  # what receipts are called too
NO_LETTER = re.compile(r"[\W_]+")
MOST_BODY_WORDS = 6  # further ones count no more
AMOUNT = re.compile(r"(?<![\d.,])\d{1,3}(?:[.,' ]?\d{3})*[.,]\d{2}(?![\d.,]?\d)")
TIME = re.compile(r"(?<![\d:.,])(?:[01]?\d|2[0-3])[:h][0-5]\d(?::[0-5]\d)?(?![\d:.,])")
TOTAL = re.compile(
    r"(?<!\w)(?:grand total|total|gesamt\w*|summe|totale?|suma|razem|celkem|osszesen|итого|合計|合计)(?!\w)"
)
# What each sign adds to the logarithm of the odds of a kind.
TITLE_LINE, TITLE_IN_HEAD, BODY_WORD = 2.7, 1.0, 0.55
HAS_TOTAL, HAS_DATA, WAS_PAID = 0.6, 6.0, 1.8
NARROW, SHORT_LINES, TIME_OF_DAY, MANY_AMOUNTS = 1.0, 0.5, 0.9, 0.8
OTHER_BIAS, NO_AMOUNT, PROSE, MANY_PAGES = 1.2, 2.6, 1.4, 1.5
NARROW_FROM, SHORT_WORDS, PROSE_WORDS, MANY_AMOUNTS_FROM, MANY_PAGES_FROM = 1.75, 3.6, 8.5, 25, 8
SCALE = 1.1  # so that a probability is the share of documents that are right


@dataclass(frozen=True, slots=True)
class Looks:
    """What the rules and the learnt model look at: folded lines of the head and the folded text of the first pages, the
    number of pages, and whether the document contains its values as data. `narrow`: the height of the first page by its width."""

    head: tuple[str, ...]
    text: str
    page_count: int = 1
    narrow: float = 0.0
    has_data: bool = False


def looks_of(pages: Sequence[Page]) -> Looks:
    """What the pages of one document look like."""
    first = [page for page in pages if page.source][:MOST_PAGES]
    lines = [folded(line[:300]) for page in first for line in page.text[:MOST_CHARACTERS].splitlines() if line.strip()]
    text = "\n".join(lines)[:MOST_CHARACTERS]
    page = first[0].upright() if first else None
    narrow = page.height / page.width if page and page.width else 0.0
    return Looks(tuple(lines[:HEAD_LINES]), text, len(pages), narrow, any(page.facts for page in first))


def scores(looks: Looks) -> dict[Kind, float]:
    """The logarithm of the odds of each kind, up to a constant."""
    found: dict[Kind, float] = {kind: _of_words(looks, kind) for kind in KINDS}
    amounts = len(AMOUNT.findall(looks.text))
    lines = looks.text.split("\n")
    words_a_line = sum(len(line.split()) for line in lines) / max(1, len(lines))
    if TOTAL.search(looks.text):
        found["invoice"] += HAS_TOTAL
        found["receipt"] += HAS_TOTAL
    found["invoice"] += HAS_DATA * looks.has_data
    if amounts:
        found["receipt"] += NARROW * (looks.narrow >= NARROW_FROM) + SHORT_LINES * (words_a_line <= SHORT_WORDS)
        found["receipt"] += TIME_OF_DAY * bool(TIME.search(looks.text))
        found["receipt"] += WAS_PAID * bool(TENDERED.search(looks.text) and CHANGE.search(looks.text))
    found["statement"] += MANY_AMOUNTS * (amounts >= MANY_AMOUNTS_FROM)
    found["other"] += (
        OTHER_BIAS + NO_AMOUNT * (not amounts and not looks.has_data) + PROSE * (words_a_line >= PROSE_WORDS)
    )
    found["other"] += MANY_PAGES * (looks.page_count >= MANY_PAGES_FROM)
    return found


def probabilities(scored: Mapping[Kind, float]) -> dict[Kind, float]:
    """The probability of each kind, 0 to 1."""
    highest = max(scored.values())
    weights = {kind: math.exp(SCALE * (score - highest)) for kind, score in scored.items()}
    whole = sum(weights.values())
    return {kind: weight / whole for kind, weight in weights.items()}


def _of_words(looks: Looks, kind: Kind) -> float:
    score = BODY_WORD * min(MOST_BODY_WORDS, len(set(IN_BODY[kind].findall(looks.text))))
    if kind not in TITLE:
        return score
    hits = [(line, found) for line in looks.head if (found := TITLE[kind].search(line))]
    if any(_is_title(line, found) for line, found in hits):
        return score + TITLE_LINE
    return score + TITLE_IN_HEAD * bool(hits)


def _is_title(line: str, found: re.Match[str]) -> bool:
    """Whether a line is little more than a title: it stands at the beginning or the end, before or after few letters."""
    before, after = line[: found.start()], line[found.end() :]
    if NUMBERED.match(after) or found.group() in OF_ANY_SALE:
        return False
    letters_before, words_after = len(NO_LETTER.sub("", before)), len(after.split())
    return (letters_before <= 3 and words_after <= 4) or (words_after == 0 and len(before.split()) <= 5)
