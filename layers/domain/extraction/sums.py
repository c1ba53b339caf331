"""The arithmetic of a bill: total = paid - change, and total = net + tax.

OCR confuses digits. A total that two other lines confirm is therefore trusted more than one that only a label names.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from layers.domain.extraction.amounts import Amount
from layers.domain.extraction.lines import Line, Lines
from layers.domain.extraction.values import Found

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
NOT_A_SUM = re.compile(r"\b(?:qty|quantity|items?|points?|id|no|reg|summary|code|rate|member)\b")
PERCENT = re.compile(r"\s?%")
# Every match of CHANGE contains one of CHANGE_STEMS, and every match of the other patterns one of STEMS, so that
# lines without them skip the patterns.
CHANGE_STEMS = ("hange", "chan", "baki", "ckgeld", "wisselgeld", "rendu", "reszta")
STEMS = (
    *CHANGE_STEMS, "round", "rundung", "afronding", "arrondi", "sub",
    "net", "excl", "tax", "zwischensumme", "ht", "cash", "tunai", "tender", "paid", "payment", "received", "visa", "master",
    "debit", "credit", "amex", "maestro", "gegeben", "bar", "contant", "pin", "esp", "gst", "6st", "vat", "sst", "mwst",
    "ust", "btw", "tva", "total",
)  # fmt: skip
HALF_A_CENT = 0.005  # sums that differ by less are equal
MOST_SUMS = 12  # of each kind
MOST_TAX = 0.3  # of the net sum
SMALLEST_COIN_CENTS, MOST_ROUNDED = 5, 0.5  # of currencies whose cash is rounded
NOTE = 5.0  # the smallest banknote: a payment that is no multiple of it was probably exact


@dataclass(frozen=True, slots=True)
class Sums:
    """The sums of a bill by kind. `has_change`: a line mentions change, even if its amount could not be read."""

    paid: tuple[float, ...]
    change: tuple[float, ...]
    net: tuple[float, ...]
    tax: tuple[float, ...]
    rounding: tuple[float, ...]
    has_change: bool

    @property
    def can_confirm(self) -> bool:
        """Whether there is any sum that could confirm a total."""
        return bool(self.paid or self.net)

    @property
    def possible_totals(self) -> set[float]:
        """What payments less change, and net sums plus tax, make."""
        paid = {round(paid - change, 2) for paid in self.paid for change in self.change or (0.0,) if paid > change}
        return paid | {round(net + tax, 2) for net in self.net for tax in self.tax if 0 < tax < net / 2}

    def is_paid_less_change(self, amount: float) -> bool:
        return any(
            abs(amount - paid + change) < HALF_A_CENT for paid in self.paid for change in self.change if paid > change
        )

    def is_net_and_tax(self, amount: float) -> bool:
        """Whether a net sum plus a tax is this amount. On a bill with several tax rates it may be one rate's part."""
        return any(
            abs(amount - net - tax - rounding) < HALF_A_CENT
            for net in self.net
            for tax in self.tax
            if 0 < tax < net / 2
            for rounding in (0.0, *self.rounding)
        )

    def is_rounded(self, amount: float, others: Collection[float]) -> bool:
        """Whether this amount is one of the others, rounded to coins by as much as the bill says."""
        return _is_in_coins(amount) and any(
            0 < abs(rounding) <= MOST_ROUNDED
            and abs(abs(amount - other) - abs(rounding)) < HALF_A_CENT
            and not _is_in_coins(other)
            for rounding in self.rounding
            for other in others
        )

    def was_paid_exactly(self, amount: float) -> bool:
        """Whether this amount is the only payment and no change was given.

        A multiple of NOTE counts only if the bill shows that the change is zero.
        """
        if len(self.paid) != 1 or abs(amount - self.paid[0]) >= HALF_A_CENT:
            return False
        return not any(self.change) if self.change else not self.has_change and amount % NOTE > HALF_A_CENT


def _is_in_coins(amount: float) -> bool:
    return round(amount * 100) % SMALLEST_COIN_CENTS == 0


def sums_of(lines: Lines) -> Sums:
    """The last amount of each line whose words name a kind of sum."""
    found: dict[str, list[float]] = {"paid": [], "change": [], "net": [], "tax": [], "rounding": []}
    has_change = False
    stems = lines.lowered.present_stems(STEMS)
    change_stems = lines.lowered.present_stems(CHANGE_STEMS)
    for index, line in enumerate(lines if stems else ()):
        lowered = lines.lowered.line(index)
        amounts = line if line.amounts else _amount_below(lines, index)
        if not any(stem in lowered for stem in (stems if amounts else change_stems)):
            continue  # this skips most lines at a fraction of the patterns' cost
        kind = _kind_of(lowered)
        has_change = has_change or kind == "change"
        if (taxed := net_and_tax_in(line)) and "total" in lowered and len(found["net"]) < MOST_SUMS:
            found["net"].append(taxed[0])
            found["tax"].append(taxed[1])
            continue
        if kind is None or len(found[kind]) >= MOST_SUMS:
            continue
        money = [amount.value for _, amount in money_in(amounts)] if amounts else []
        if money:
            found[kind].append(abs(money[-1]) if kind == "change" else money[-1])
    return Sums(**{kind: tuple(amounts) for kind, amounts in found.items()}, has_change=has_change)


def net_and_tax_in(line: Line) -> tuple[float, float] | None:
    """The net sum and the tax in a row of a table of taxes, if a line has just these two amounts."""
    money = [amount.value for _, amount in money_in(line)]
    return (money[0], money[1]) if len(money) == 2 and 0 < money[1] < money[0] * MOST_TAX else None


def _amount_below(lines: Sequence[Line], index: int) -> Line | None:
    """The line below, if it has only an amount, which then belongs to the words above it."""
    below = lines[index + 1] if index + 1 < len(lines) else None
    if below is None or below.page != lines[index].page or len(below.amounts) != 1:
        return None
    found = below.amounts[0]
    is_alone = not (below.text[: found.start] + below.text[found.end :]).strip(" :")
    return below if is_alone else None


def _kind_of(lowered: str) -> str | None:
    if ROUNDING.search(lowered):
        return "rounding" if "total" not in lowered else None
    if CHANGE.search(lowered):
        return "change"
    if NOT_A_SUM.search(lowered):
        return None
    if NET.search(lowered):
        return "net"
    if PAID.search(lowered):
        return "paid"
    return "tax" if TAX.search(lowered) and not re.search(r"\bincl|\binvoice", lowered) else None


def money_in(line: Line) -> Iterator[tuple[Found, Amount]]:
    """The amounts of a line that are written like money, each with its span."""
    for found in line.amounts:
        amount: Amount = found.value  # type: ignore[assignment]
        if is_money(amount) and not is_percent(line.text, found.end):
            yield found, amount


def is_money(amount: Amount) -> bool:
    return amount.decimals == 2 or amount.sign is not None


def is_percent(text: str, end: int) -> bool:
    return PERCENT.match(text, end) is not None
