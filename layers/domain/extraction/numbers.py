"""Numbers and totals: amounts beside or under their labels, a total as the bill's other sums confirm it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from layers.domain.extraction import labels, values
from layers.domain.extraction.choices import Choice
from layers.domain.extraction.lines import Line, Lines
from layers.domain.extraction.sums import is_money, is_percent, money_in, sums_of

# What stands beside a sum that is not the whole.
NOT_THE_TOTAL = re.compile(
    r"sub\s?-?total|subtotaal|zwischensumme|excl|tax\s?able|total\s?(?:[g6]st|tax|vat|qty|quantity|items?|disc|saving|point|\d\d?\s?%)"
    r"|(?:[g6]st|tax|vat|sst) (?:amount|total|summary)|(?:gst|tax|vat|sst)\b.{0,12}\binclu\w+ in\b|discount|change|tender|\bht\b|untaxed|balance b/f|last bill|qty|\bitems?\b",
)
THE_WHOLE = re.compile(r"incl|payable|grand|with tax|after round")
A_PART_OF_IT = re.compile(r"sub\s?-?total|excl|\b(?:qty|quantity)\b|(?:gst|tax|vat|sst)\b.{0,12}\binclu\w+ in\b")
BEFORE_TAX = re.compile(r"sub\s?-?total|subtotaal|zwischensumme|excl|\bht\b|untaxed")
# What stands in whatever says that a sum is before tax, or not the total.
STEMS_OF_DOUBT = (
    "sub", "zwischensumme", "excl", "ht", "tax", "gst", "6st", "vat", "sst", "qty", "quantity", "item", "disc", "saving",
    "point", "%", "change", "tender", "balance", "last",
)  # fmt: skip
WIDE_GAP = re.compile(r" {3,}")
# How much a total gains that other sums confirm, and what one is worth that no label names. A label with money beside
# it is worth 90 to 135.
PAID_LESS_CHANGE, NET_AND_TAX = 60.0, 20.0
PAID_LESS_CHANGE_UNNAMED, NET_AND_TAX_UNNAMED, HANDED_EXACTLY = 140.0, 100.0, 90.0
WHOLE_AMONG_CENTS = 40.0


def numbers(its_labels: Sequence[str], lines: Lines, *, whole: bool, is_total: bool) -> Iterator[Choice]:
    """The amounts beside the labels, or under them."""
    writes_cents = is_total and _writes_cents(lines)
    shown = labels.labels_in(lines.readable.vocabulary, its_labels)
    doubts = lines.readable.those_in_it(STEMS_OF_DOUBT)
    for place, line in enumerate(lines if shown else ()):
        readable = lines.readable.line(place)
        for start, end in _segments(line.text):
            lowered = readable[start:end]
            tier, span = labels.best_label(lowered, shown)
            if span is None:
                continue
            near = list(_amounts_near(lines, place, (start + span[0], start + span[1])))
            is_doubtful = is_total and near and any(stem in lowered for stem in doubts)
            penalty = _doubt(lowered) if is_doubtful else 0.0
            for found, its_line, nearness in near:
                amount: values.Amount = found.value  # type: ignore[assignment]
                if whole and amount.value != int(amount.value):
                    continue
                score = 100.0 - tier + nearness - penalty + _worth(amount, whole, is_total)
                score -= WHOLE_AMONG_CENTS if writes_cents and not amount.decimals else 0.0
                # Of several totals the last is the one to pay.
                value = int(amount.value) if whole else amount.value
                yield Choice(value, partial(its_line.shows, found.start, found.end), score + place / len(lines))


def confirmed(choices: Iterable[Choice], lines: Lines) -> Iterator[Choice]:
    """Totals as labels name them, and as the bill's other sums make them."""
    sums = sums_of(lines)
    if not sums.confirm_anything:
        yield from choices
        return
    for one in choices:
        gained = PAID_LESS_CHANGE if sums.is_paid_less_change(one.value) else 0.0
        yield replace(one, score=one.score + gained + (NET_AND_TAX if sums.is_net_and_tax(one.value) else 0.0))
    for line in lines:
        for found, amount in money_in(line):
            if sums.was_handed_exactly(amount.value):
                yield Choice(amount.value, partial(line.shows, found.start, found.end), HANDED_EXACTLY)
            elif sums.is_paid_less_change(amount.value):
                yield Choice(amount.value, partial(line.shows, found.start, found.end), PAID_LESS_CHANGE_UNNAMED)
            elif sums.is_net_and_tax(amount.value):
                yield Choice(amount.value, partial(line.shows, found.start, found.end), NET_AND_TAX_UNNAMED)


def _writes_cents(lines: Sequence[Line]) -> bool:
    """Whether nearly all sums of a page have cents: a whole number among them is a count, or was read badly."""
    decimals = [amount.decimals for line in lines for _, amount in money_in(line)]
    return len(decimals) >= 3 and sum(one == 2 for one in decimals) > 0.8 * len(decimals)


def _worth(amount: values.Amount, whole: bool, is_total: bool) -> float:
    looks_like_money = is_money(amount)
    worth = 30.0 if looks_like_money and not whole else 0.0
    if is_total:
        worth += min(amount.value, 1e6) / 1e6 - (60.0 if amount.value == 0 else 0.0)
        worth -= 200.0 if not looks_like_money and amount.value > 100_000 else 0.0
    return worth


def _doubt(lowered: str) -> float:
    """How unlikely a line with a total's label is to show the whole sum."""
    if THE_WHOLE.search(lowered) and not A_PART_OF_IT.search(lowered):
        return 0.0
    if BEFORE_TAX.search(lowered):
        return 60.0
    return 150.0 if NOT_THE_TOTAL.search(lowered) else 0.0


def _segments(text: str) -> list[tuple[int, int]]:
    """The spans of a line that wide gaps part, each label looked for in its own."""
    spans, start = [], 0
    for gap in WIDE_GAP.finditer(text):
        spans.append((start, gap.start()))
        start = gap.end()
    return [*spans, (start, len(text))]


def _amounts_near(
    lines: Sequence[Line], place: int, span: tuple[int, int]
) -> Iterator[tuple[values.Found, Line, float]]:
    """Amounts right of a label, or else under it in the lines that follow."""
    line = lines[place]
    # By its end: a currency sign may belong to the label and to the amount ("Total RM 9.80").
    right = [found for found in line.amounts if found.end > span[1] and not is_percent(line.text, found.end)]
    if right:
        # Several sums in one row are a table's: of taxes, mostly.
        nearness = 5.0 if len(right) == 1 else -45.0
        yield right[-1], line, nearness
        return
    column = line.column(*span)
    for below in lines[place + 1 : place + 3]:
        if below.page != line.page:
            return
        for found in below.amounts:
            where = below.column(found.start, found.end)
            stands_under = (
                column is None or where is None or (where[0] < column[1] + 0.25 and where[1] > column[0] - 0.05)
            )
            if stands_under:
                yield found, below, 0.0
