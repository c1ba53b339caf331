"""The arithmetic of a bill: total = paid - change, and total = net + tax.

OCR confuses digits. A total that two other lines confirm is therefore trusted more than one that only a label names.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from layers.domain.extraction.lines import Line, Lines, has_any


class Wording(NamedTuple):
    """The words of a kind of sum. Every match of the pattern contains one of the stems, so that lines without them skip the
    pattern."""

    pattern: re.Pattern[str]
    stems: tuple[str, ...]


ROUNDING = Wording(re.compile(r"\bround|\brundung|\bafronding|\barrondi"), ("round", "rundung", "afronding", "arrondi"))
CHANGE = Wording(
    re.compile(r"\b(?:\w?hange|chan[gq]e|chnge|baki|r[uü]ckgeld|wisselgeld|rendu|reszta)\b"),
    ("hange", "chan", "chnge", "baki", "ckgeld", "wisselgeld", "rendu", "reszta"),
)
NET = Wording(
    re.compile(
        r"sub\s?-?total|\bnet(?:t)?\b(?!.*\bpay)|\bexcl|\bbefore tax|\buntaxed|zwischensumme|\bnetto|\bht\b|taxable"
        r"|\bwithout tax"
    ),
    ("sub", "net", "excl", "tax", "zwischensumme", "ht"),
)
PAID = Wording(
    re.compile(
        r"\b(?:cash|tunai|tender(?:ed)?|accepted|paid|payment|received|visa|master(?:card)?|debit|credit card|amex|maestro|gegeben|bar|"
        r"contant|pin|esp[eè]ces)\b"
    ),
    ("cash", "tunai", "tender", "accepted", "paid", "payment", "received", "visa", "master", "debit", "credit", "amex", "maestro",
     "gegeben", "bar", "contant", "pin", "esp"),
)  # fmt: skip
TAX = Wording(
    re.compile(r"\b(?:[g6]st|vat|sst|tax|mwst|ust|btw|tva)\b"),
    ("gst", "6st", "vat", "sst", "tax", "mwst", "ust", "btw", "tva"),
)
WORDINGS = {"rounding": ROUNDING, "change": CHANGE, "net": NET, "paid": PAID, "tax": TAX}
# Parts of the words beside a total and the sums that confirm it, also with a misread letter.
BESIDE_SUMS = re.compile(
    r"t[o0]ta|[o0]tal|\bt[o0]?tl\b|cash|chan|hang|r[o0]und|am[o0]unt|payab|paid|payment|tender|visa|master|credit|balance"
    r"|\bdue\b|summe|betrag|zahl|montant|importe"
)
CENTS = re.compile(r"(?<![\w.,])[.,](\d\d)\s*$")  # change without a digit before its point: `.10`
NOT_A_SUM = re.compile(r"\b(?:qty|quantity|items?|points?|id|no|reg|summary|code|rate|member)\b")
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
        paid = self.paid_less_change if self.change else {round(paid, 2) for paid in self.paid if paid > 0}
        return paid | {round(net + tax, 2) for net in self.net for tax in self.tax if 0 < tax < net / 2}

    @property
    def paid_less_change(self) -> set[float]:
        """What payments less change make."""
        return {round(paid - change, 2) for paid in self.paid for change in self.change if paid > change}

    @property
    def agreed_total(self) -> float | None:
        """The one amount that a payment less its change and a net sum plus tax both make."""
        agreed = {amount for amount in self.paid_less_change if self.is_net_and_tax(amount)}
        return agreed.pop() if len(agreed) == 1 else None

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
    stems = {kind: lines.ocr_corrected.present_stems(wording.stems) for kind, wording in WORDINGS.items()}
    all_stems = [
        *(stem for present in stems.values() for stem in present),
        *lines.ocr_corrected.present_stems(("total",)),
    ]
    for index, line in enumerate(lines if all_stems else ()):
        lowered = lines.ocr_corrected.line(index)
        if not has_any(all_stems, lowered):
            continue
        amounts = line if line.amounts else _amount_below(lines, index)
        if not amounts and not has_any(stems["change"], lowered):
            continue
        kind = _kind_of(lowered, stems)
        has_change = has_change or kind == "change"
        is_first_change = kind == "change" and not found["paid"] and not found["change"]
        if is_first_change and amounts and amounts.money:
            found["paid"] += _unnamed_payment(lines, index, abs(amounts.money[-1][1].value), stems)
        if "total" in lowered and len(found["net"]) < MOST_SUMS and (taxed := net_and_tax_in(line)):
            found["net"].append(taxed[0])
            found["tax"].append(taxed[1])
            continue
        if kind is None or len(found[kind]) >= MOST_SUMS:
            continue
        money = [amount.value for _, amount in amounts.money] if amounts else []
        if money:
            found[kind].append(abs(money[-1]) if kind in ("change", "paid") else money[-1])
        elif kind == "change" and (cents := CENTS.search(lowered)):
            found[kind].append(int(cents[1]) / 100)
    return Sums(**{kind: tuple(amounts) for kind, amounts in found.items()}, has_change=has_change)


def _unnamed_payment(lines: Lines, index: int, change: float, stems: Mapping[str, Sequence[str]]) -> list[float]:
    """The amount in the line above that of the change, if no word names it, and lines above show what it leaves without the
    change: at least two lines, or one if the change is zero."""
    above = lines[index - 1].money if index else ()
    lowered = lines.ocr_corrected.line(index - 1) if index else ""
    if len(above) != 1 or "total" in lowered or _kind_of(lowered, stems):
        return []
    payment = above[0][1].value
    left = payment - change
    shown = sum(any(abs(amount.value - left) < HALF_A_CENT for _, amount in line.money) for line in lines[: index - 1])
    return [payment] if left > 0 and shown > (change > 0) else []


def net_and_tax_in(line: Line) -> tuple[float, float] | None:
    """The net sum and the tax in a row of a table of taxes, if a line has just these two amounts."""
    if len(line.money) != 2:
        return None
    (_, net), (_, tax) = line.money
    return (net.value, tax.value) if 0 < tax.value < net.value * MOST_TAX else None


def _amount_below(lines: Sequence[Line], index: int) -> Line | None:
    """The line below, if it has only an amount, which then belongs to the words above it."""
    below = lines[index + 1] if index + 1 < len(lines) else None
    if below is None or below.page != lines[index].page or len(below.amounts) != 1:
        return None
    found = below.amounts[0]
    is_alone = not (below.text[: found.start] + below.text[found.end :]).strip(" :")
    return below if is_alone else None


def _kind_of(lowered: str, stems: Mapping[str, Sequence[str]]) -> str | None:
    """The kind of sum that a line names. `stems`: of each wording, those that the document has."""

    def names(kind: str) -> bool:
        return has_any(stems[kind], lowered) and WORDINGS[kind].pattern.search(lowered) is not None

    if names("rounding"):
        return "rounding" if "total" not in lowered else None
    if names("change"):
        return "change"
    kind = next((kind for kind in ("net", "paid", "tax") if names(kind)), None)
    if kind is None or NOT_A_SUM.search(lowered):
        return None
    return None if kind == "tax" and re.search(r"\bincl|\binvoice", lowered) else kind
