"""The arithmetic of a bill: what was paid less the change, or the net sum and its tax, make the total.

A total that two other lines confirm is trusted more than one that a label alone names: readers confuse digits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from layers.domain.extraction import values
from layers.domain.extraction.lines import Line, Lines

PAID = re.compile(
    r"\b(?:cash|tunai|tender(?:ed)?|paid|payment|received|visa|master(?:card)?|debit|credit card|amex|maestro|gegeben|bar|"
    r"contant|pin|esp[eè]ces)\b"
)
CHANGE = re.compile(r"\b(?:\w?hange|chan[gq]e|baki|r[uü]ckgeld|wisselgeld|rendu|reszta)\b")
NET = re.compile(
    r"sub\s?-?total|\bnet(?:t)?\b(?!.*\bpay)|\bexcl|\bbefore tax|\buntaxed|zwischensumme|\bnetto|\bht\b|taxable|\bwithout tax"
)
TAX = re.compile(r"\b(?:[g6]st|vat|sst|tax|mwst|ust|btw|tva)\b")
ROUNDING = re.compile(r"\bround|\brundung|\bafronding|\barrondi")
NO_SUM = re.compile(r"\b(?:qty|quantity|items?|points?|id|no|reg|summary|code|rate|member)\b")
PERCENT = re.compile(r"\s?%")
# What stands in whatever the patterns of a kind find.
STEMS_OF_CHANGE = ("hange", "chan", "baki", "ckgeld", "wisselgeld", "rendu", "reszta")
STEMS = (
    *STEMS_OF_CHANGE, "round", "rundung", "afronding", "arrondi", "sub",
    "net", "excl", "tax", "zwischensumme", "ht", "cash", "tunai", "tender", "paid", "payment", "received", "visa", "master",
    "debit", "credit", "amex", "maestro", "gegeben", "bar", "contant", "pin", "esp", "gst", "6st", "vat", "sst", "mwst",
    "ust", "btw", "tva",
)  # fmt: skip
CENTS = 0.005
MOST_SUMS = 12  # of one kind, that are looked at
COIN = 5.0  # who hands over an uneven sum pays exactly


@dataclass(frozen=True, slots=True)
class Sums:
    """The sums of a page by what they are. `has_change`: a line tells of change, whether or not it could be read."""

    paid: tuple[float, ...]
    change: tuple[float, ...]
    net: tuple[float, ...]
    tax: tuple[float, ...]
    rounding: tuple[float, ...]
    has_change: bool

    @property
    def confirm_anything(self) -> bool:
        return bool(self.paid or self.net)

    def is_paid_less_change(self, amount: float) -> bool:
        return any(abs(amount - paid + change) < CENTS for paid in self.paid for change in self.change if paid > change)

    def is_net_and_tax(self, amount: float) -> bool:
        """Whether a net sum and a tax come to this; of a bill with several rates that may be one rate's part."""
        return any(
            abs(amount - net - tax - rounding) < CENTS
            for net in self.net
            for tax in self.tax
            if 0 < tax < net / 2
            for rounding in (0.0, *self.rounding)
        )

    def was_handed_exactly(self, amount: float) -> bool:
        """Whether this alone was paid, and nothing was given back; an even sum only where the bill says so."""
        if len(self.paid) != 1 or abs(amount - self.paid[0]) >= CENTS:
            return False
        return not any(self.change) if self.change else not self.has_change and amount % COIN > CENTS


def sums_of(lines: Lines) -> Sums:
    """The sums that stand right of the words that say what they are."""
    found: dict[str, list[float]] = {"paid": [], "change": [], "net": [], "tax": [], "rounding": []}
    has_change = False
    shown = lines.lowered.those_in_it(STEMS)
    of_change = lines.lowered.those_in_it(STEMS_OF_CHANGE)
    for place, line in enumerate(lines if shown else ()):
        lowered = lines.lowered.line(place)
        if not any(stem in lowered for stem in (shown if line.amounts else of_change)):
            continue  # most lines, at a fraction of what the patterns cost
        kind = _kind_of(lowered)
        has_change = has_change or kind == "change"
        if kind is None or len(found[kind]) >= MOST_SUMS:
            continue
        money = [amount.value for _, amount in money_in(line)]
        if money:
            found[kind].append(abs(money[-1]) if kind == "change" else money[-1])
    return Sums(**{kind: tuple(amounts) for kind, amounts in found.items()}, has_change=has_change)


def _kind_of(lowered: str) -> str | None:
    if ROUNDING.search(lowered):
        return "rounding" if "total" not in lowered else None
    if CHANGE.search(lowered):
        return "change"
    if NO_SUM.search(lowered):
        return None
    if NET.search(lowered):
        return "net"
    if PAID.search(lowered):
        return "paid"
    return "tax" if TAX.search(lowered) and not re.search(r"\bincl|\binvoice", lowered) else None


def money_in(line: Line) -> Iterator[tuple[values.Found, values.Amount]]:
    """The amounts of a line that are written as money is, and where they stand."""
    for found in line.amounts:
        amount: values.Amount = found.value  # type: ignore[assignment]
        if is_money(amount) and not is_percent(line.text, found.end):
            yield found, amount


def is_money(amount: values.Amount) -> bool:
    return amount.decimals == 2 or amount.sign is not None


def is_percent(text: str, end: int) -> bool:
    return PERCENT.match(text, end) is not None
