"""Candidates for a number: amounts beside or below a label, and totals that other sums of the bill confirm."""

from __future__ import annotations

import math
import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from layers.domain.extraction import labels
from layers.domain.extraction.amounts import Amount, is_money, is_percent
from layers.domain.extraction.candidate import Candidate
from layers.domain.extraction.labels import Label
from layers.domain.extraction.lines import Line, Lines, cell_below, has_any
from layers.domain.extraction.misread_words import OF_A_FILE
from layers.domain.extraction.sums import Sums, net_and_tax_in, sums_of
from layers.domain.extraction.values import Found

# Words in the line of a sum that is not the total.
NOT_THE_TOTAL = re.compile(
    r"sub\s?-?total|subtotaal|zwischensumme|excl|tax\s?able|total\s?(?:[g6]st|tax|vat|qty|quantity|items?|disc|saving|point|\d\d?\s?%)"
    r"|total\s?includes\s?\d|(?:[g6]st|tax|vat|sst) (?:amount|total|summary)|(?:gst|tax|vat|sst)\b.{0,12}\binclu\w+ in\b|discount|change|tender|\bht\b|untaxed|balance b/f|last bill|qty|\bitems?\b",
)
WHOLE_SUM = re.compile(r"incl|payable|grand|with tax|after round")
# Before an amount that may be the rest of a larger one, with a space that OCR added: "1, 190.00".
CUT_OFF = re.compile(r"(?:^|\s)\d{1,3}[.,'’] $")
BEFORE_THE_REST = (". ", ", ", "' ", "’ ")  # with which it ends
LONGEST_CUT_OFF = 6  # characters
LOOSE_DASH = re.compile(r"[-\u2013\u2014]\s")  # before an amount: a minus, or a mark that belongs to the label
PARTIAL_SUM = re.compile(r"sub\s?-?total|excl|\b(?:qty|quantity)\b|(?:gst|tax|vat|sst)\b.{0,12}\binclu\w+ in\b")
BEFORE_TAX = re.compile(r"sub\s?-?total|subtotaal|zwischensumme|excl|\bht\b|untaxed")
# Every match of BEFORE_TAX and NOT_THE_TOTAL contains one of these, so that lines without them skip the patterns.
NOT_THE_TOTAL_STEMS = (
    "includes", "sub", "zwischensumme", "excl", "ht", "tax", "gst", "6st", "vat", "sst", "qty", "quantity", "item", "disc", "saving",
    "point", "%", "change", "tender", "balance", "last",
)  # fmt: skip
# Behind a label: an amount with another character for its point, or with letters for digits. At least one digit is read.
DAMAGED = re.compile(
    r"[\s:.=]{0,12}(?:[A-Z]{0,3}[$€£]?)\s{0,3}(?=\S{0,8}\d)(?P<whole>[\dOQIlSB]{1,6}?)(?:(?P<bad>\s?[-_;:·~'*]\s?|(?<=\d)\s)|[.,])(?P<cents>[\dOQIlSB]{2})"
)
UNREADABLE = re.compile(
    r"(?<![^\W_])(?=\w*\d)(?=\w{0,6}[.,]?\w?[A-Za-z])(?P<whole>\w{1,6})[.,](?P<cents>\w{2})(?![^\W_])"
)
LONGEST_DAMAGED = 40  # characters of a match; there are at most 32
DIGITS_FOR_LETTERS = str.maketrans({"O": "0", "Q": "0", "I": "1", "l": "1", "S": "5", "B": "8"})
DAMAGED_PENALTY = 25.0
LEAST_WITHOUT_POINT = 100.0
WIDE_GAP = re.compile(r" {3,}")
# Heads of columns of a table of items: what is below `Total` beside them is the sum of one item.
ITEM_HEAD = re.compile(
    r"\b(?:qty|quantity|items?|description|particulars|unit price|menge|anzahl|artikel|descripci[oó]n|cantidad)\b"
)
ITEM_PENALTY = 60.0
RATE = re.compile(r"(?<![\d.,])(\d{1,2}(?:[.,]\d{1,2})?)\s?%")
CENT = 0.01
# Added to the score of a labelled total that other sums confirm.
PAID_LESS_CHANGE, NET_AND_TAX, ROUNDED = 60.0, 20.0, 60.0
# The score of an amount without a label that other sums confirm. A label with money beside it scores 90 to 135.
PAID_LESS_CHANGE_UNLABELLED, NET_AND_TAX_UNLABELLED, PAID_EXACTLY_UNLABELLED = 140.0, 100.0, 90.0
# Subtracted from the score of a number without decimals on a bill that writes its sums with cents.
NO_DECIMALS_PENALTY = 40.0
# Added for each further line that shows the same total, and subtracted for each point of confidence that its words lack.
REPEATED, MOST_REPEATED, UNSURE_POINT = 8.0, 2, 0.2
COIN = 0.095  # amounts that differ by less may be one, rounded to coins
REPEATED_UNLABELLED = 40.0  # the score of the largest amount that a bill shows several times, if no label names a total


def number_candidates(
    property_labels: Sequence[Label], lines: Lines, *, integer: bool, is_total: bool
) -> list[Candidate]:
    """The amounts beside the property's labels or below them. `integer` takes whole numbers only. Of several candidates of the
    same value, those that score less than a later one may be left out: they can neither win nor be a rival."""
    candidates: list[Candidate] = []
    best: dict[float, float] = {}  # the highest score so far by amount
    writes_cents = is_total and _writes_cents(lines)
    present_labels = labels.labels_in(lines.ocr_corrected.vocabulary, property_labels)
    present_stems = lines.ocr_corrected.present_stems(NOT_THE_TOTAL_STEMS)
    has_rates = is_total and "%" in lines.ocr_corrected.vocabulary
    shown = sorted({amount.value for _, _, amount in _money_of(lines)}) if has_rates else []
    count = len(lines)
    # From the end, because a later line scores more: then most of the others need not be looked at closely.
    for index in reversed(range(count if present_labels else 0)):
        line, corrected = lines[index], lines.ocr_corrected.line(index)
        for start, end in reversed(_segments(line.text)):
            segment = corrected[start:end]
            tier, span = labels.best_label(segment, present_labels)
            if span is None:
                continue
            if is_total and (damaged := _damaged_amount(line, start + span[1], end)):
                candidates.append(damaged._replace(score=100.0 - DAMAGED_PENALTY - tier + index / count))
                continue
            if is_total and (unreadable := _unreadable_amount(line, start + span[1])):
                # The amounts in the lines below belong to other words.
                if restored := _restored_amount(line, unreadable, lines):
                    candidates.append(restored._replace(score=100.0 - DAMAGED_PENALTY - tier + index / count))
                continue
            if is_total and (net_and_tax_in(line) or _is_included_tax(line, shown)):
                continue  # no amount of the line is the total
            near = list(_amounts_near(lines, index, (start + span[0], start + span[1])))
            penalty: float | None = None
            for found, amount_line, nearness in reversed(near):
                amount: Amount = found.value  # type: ignore[assignment]
                if integer and amount.value != int(amount.value):
                    continue
                if is_total and not amount.value and not amount.decimals:
                    continue  # the rest of an amount that was misread
                of_amount = _amount_score(amount, integer, is_total)
                without_cents = NO_DECIMALS_PENALTY if writes_cents and not amount.decimals else 0.0
                # Among several totals, the last one is the one to pay.
                at_most = 100.0 - tier + nearness + of_amount - without_cents + index / count
                if at_most < best.get(amount.value, -math.inf):
                    continue
                if penalty is None:
                    is_of_item = is_total and amount_line is not line and ITEM_HEAD.search(corrected)
                    penalty = _not_the_total_penalty(segment, present_stems) if is_total else 0.0
                    penalty += ITEM_PENALTY if is_of_item else 0.0
                score = 100.0 - tier + nearness - penalty + of_amount - without_cents + index / count
                value = int(amount.value) if integer else amount.value
                evidence = partial(amount_line.evidence, found.start, found.end)
                is_cut = _is_cut_off(amount_line.text, found.start)
                is_cut = is_cut or (is_total and LOOSE_DASH.match(amount_line.text, found.start, found.end) is not None)
                score -= UNSURE_POINT * _unsureness(amount_line, found) if is_total and amount_line.words else 0.0
                best[amount.value] = max(score, best.get(amount.value, -math.inf))
                candidates.append(Candidate(value, evidence, score, doubtful=is_cut, currency=amount.sign))
    return candidates[::-1]


def _is_cut_off(text: str, start: int) -> bool:
    """Whether an amount may be the rest of a larger one, with a space that OCR added: `1, 190.00`."""
    if text[max(0, start - 2) : start] not in BEFORE_THE_REST or not text[start].isdigit():
        return False
    return CUT_OFF.search(text, max(0, start - LONGEST_CUT_OFF), start) is not None


def _damaged_amount(line: Line, start: int, end: int) -> Candidate | None:
    """An amount whose decimal point was misread, if nothing else is behind the label: `19-80`, `21 20`, `l9.8O`."""
    stop = max(start, len(line.text.rstrip()))
    found = DAMAGED.fullmatch(line.text, start, stop) if stop - start <= LONGEST_DAMAGED else None
    if found is None or (not found["bad"] and found["whole"].isdigit() and found["cents"].isdigit()):
        return None
    whole, cents = (found[part].translate(DIGITS_FOR_LETTERS) for part in ("whole", "cents"))
    at = found.start("whole"), found.end("cents")
    return Candidate(float(f"{whole}.{cents}"), partial(line.evidence, *at), 0.0, doubtful=True)


def _unreadable_amount(line: Line, start: int) -> re.Match[str] | None:
    """The amount with a letter in it that is the only one behind a label."""
    if line.amounts and line.amounts[-1].end > start:
        return None
    return UNREADABLE.search(line.text, start)


def _restored_amount(line: Line, found: re.Match[str], lines: Lines) -> Candidate | None:
    """An amount with a letter in place of a digit, if another sum of the bill shows which digit: `7T.90` where 72.00 were
    paid and 0.10 given back."""
    shown = re.compile("".join(letter if letter.isdigit() else r"\d" for letter in found["whole"] + found["cents"]))
    possible = {value for value in sums_of(lines).possible_totals if shown.fullmatch(f"{round(value * 100):d}")}
    if len(possible) != 1:
        return None
    return Candidate(possible.pop(), partial(line.evidence, *found.span()), 0.0, doubtful=True)


def _unsureness(line: Line, found: Found) -> float:
    """How many points the confidence of the least sure word of an amount lacks."""
    return 100.0 - min((word.confidence for word in line.words_in(found.start, found.end)), default=100.0)


def confirm_by_sums(candidates: Iterable[Candidate], lines: Lines, sums: Sums) -> Iterator[Candidate]:
    """The candidates for a total, with a higher score if other sums of the bill confirm them, and confirmed amounts
    without a label."""
    if _is_read_by_ocr(lines):
        candidates = list(_with_points(_repeated(list(candidates), lines), lines, sums))
        candidates = list(_with_digits_of_sums(candidates, lines, sums))
    if sums.rounding:
        candidates = list(_with_rounded(list(candidates), sums, lines))
    if not sums.can_confirm:
        yield from candidates
        return
    for candidate in candidates:
        bonus = PAID_LESS_CHANGE if sums.is_paid_less_change(candidate.value) else 0.0
        second_bonus = NET_AND_TAX if sums.is_net_and_tax(candidate.value) else 0.0
        yield candidate._replace(score=candidate.score + bonus + second_bonus)
    for line in lines:
        for found, amount in line.money:
            if sums.was_paid_exactly(amount.value):
                score = PAID_EXACTLY_UNLABELLED
            elif sums.is_paid_less_change(amount.value):
                score = PAID_LESS_CHANGE_UNLABELLED
            elif sums.is_net_and_tax(amount.value):
                score = NET_AND_TAX_UNLABELLED
            else:
                continue
            yield Candidate(amount.value, partial(line.evidence, found.start, found.end), score, currency=amount.sign)


def _money_of(lines: Lines) -> Iterator[tuple[Line, Found, Amount]]:
    return ((line, found, amount) for line in lines for found, amount in line.money)


def _is_read_by_ocr(lines: Lines) -> bool:
    return any(word.confidence <= OF_A_FILE for line in lines for word in line.words[:1])


def _repeated(candidates: Sequence[Candidate], lines: Lines) -> Iterator[Candidate]:
    """The candidates, where one that several lines show scores higher. Without any, the largest amount that several lines show,
    which is doubtful."""
    shown = list(_money_of(lines))
    counts = _lines_with(shown)
    for candidate in candidates:
        further = min(MOST_REPEATED, counts[round(candidate.value, 2)] - 1) if candidate.value > 0 else 0
        yield candidate._replace(score=candidate.score + REPEATED * max(0, further))
    repeated = [each for each in shown if counts[round(each[2].value, 2)] > 1 and each[2].value > 0]
    if repeated and not candidates:
        line, found, amount = max(repeated, key=lambda each: each[2].value)
        evidence = partial(line.evidence, found.start, found.end)
        yield Candidate(amount.value, evidence, REPEATED_UNLABELLED, doubtful=True, currency=amount.sign)


def _lines_with(shown: Iterable[tuple[Line, Found, Amount]]) -> Counter[float]:
    """How many lines show each amount."""
    return Counter(value for _, value in {(id(line), round(amount.value, 2)) for line, _, amount in shown})


def _with_points(candidates: Iterable[Candidate], lines: Lines, sums: Sums) -> Iterator[Candidate]:
    """The candidates, where one that may have lost its decimal point is doubtful. It gets the point back if the bill shows or
    makes that sum: 770 for 7.70."""
    shown = {round(amount.value, 2) for _, _, amount in _money_of(lines) if amount.decimals}
    for candidate in candidates:
        with_point = round(candidate.value / 100, 2)
        is_whole = candidate.value >= LEAST_WITHOUT_POINT and not candidate.value % 1 and candidate.value not in shown
        if not shown or not is_whole:
            yield candidate
        elif with_point in shown | sums.possible_totals:
            yield candidate._replace(value=with_point, score=candidate.score + NO_DECIMALS_PENALTY, doubtful=True)
        else:
            yield candidate._replace(doubtful=True)


def _with_digits_of_sums(candidates: Sequence[Candidate], lines: Lines, sums: Sums) -> Iterator[Candidate]:
    """The candidates, where one that a single line shows is doubtful if a payment less its change makes an amount with one other
    digit. If a net sum plus tax makes it too, the candidate gets that digit: 100.00 of which 101.00 were paid and 0.10 given
    back is 100.90."""
    named = {round(candidate.value, 2) for candidate in candidates}
    others = sums.paid_less_change - named
    counts = _lines_with(_money_of(lines)) if others else Counter[float]()
    for candidate in candidates:
        misread = {amount for amount in others if _has_one_other_digit(candidate.value, amount)}
        is_confirmed = sums.is_net_and_tax(candidate.value) or counts[round(candidate.value, 2)] > 1
        if not misread or is_confirmed:
            yield candidate
        elif sums.agreed_total in misread:
            yield candidate._replace(value=sums.agreed_total, doubtful=True)
        else:
            yield candidate._replace(doubtful=True)


def _has_one_other_digit(amount: float, other: float) -> bool:
    """Whether two amounts have one different digit, by which they differ more than by rounding to coins."""
    digits, others = (f"{round(value * 100):d}" for value in (amount, other))
    differences = sum(digit != another for digit, another in zip(digits, others, strict=False))
    return len(digits) == len(others) and differences == 1 and abs(amount - other) > COIN


def _with_rounded(candidates: Sequence[Candidate], sums: Sums, lines: Lines) -> Iterator[Candidate]:
    """The candidates, where a total that is rounded to coins scores higher than the one before rounding. If no label names
    the rounded one, it counts where the bill shows it at least twice or it was paid exactly."""
    named = {candidate.value for candidate in candidates}
    for candidate in candidates:
        bonus = ROUNDED if sums.is_rounded(candidate.value, named) else 0.0
        yield candidate._replace(score=candidate.score + bonus)
    best = max(candidates, key=lambda candidate: candidate.score, default=None)
    if best is None or any(sums.is_rounded(value, named) for value in named):
        return
    shown = list(_money_of(lines))
    counts = Counter(round(amount.value, 2) for _, _, amount in shown)
    for line, found, amount in shown:
        is_shown = counts[round(amount.value, 2)] > 1 or sums.was_paid_exactly(amount.value)
        if is_shown and sums.is_rounded(amount.value, {best.value}):
            evidence = partial(line.evidence, found.start, found.end)
            yield Candidate(amount.value, evidence, best.score + 1.0, currency=amount.sign or best.currency)


def _writes_cents(lines: Sequence[Line]) -> bool:
    """Whether nearly all sums have two decimals. Then a number without decimals is a count or was misread."""
    decimals = [amount.decimals for line in lines for _, amount in line.money]
    return len(decimals) >= 3 and sum(count == 2 for count in decimals) > 0.8 * len(decimals)


def _amount_score(amount: Amount, integer: bool, is_total: bool) -> float:
    """The part of a candidate's score that comes from the amount itself."""
    looks_like_money = is_money(amount)
    score = 30.0 if looks_like_money and not integer else 0.0
    if is_total:
        score += min(amount.value, 1e6) / 1e6 - (60.0 if amount.value == 0 else 0.0)
        score -= 200.0 if not looks_like_money and amount.value > 100_000 else 0.0
    return score


def _not_the_total_penalty(lowered: str, present_stems: Sequence[str]) -> float:
    """What to subtract for an amount whose line has a total's label but also words such as "subtotal" or "discount".
    `present_stems`: those of NOT_THE_TOTAL_STEMS that the document has."""
    if not has_any(present_stems, lowered):
        return 0.0
    if WHOLE_SUM.search(lowered) and not PARTIAL_SUM.search(lowered):
        return 0.0
    if BEFORE_TAX.search(lowered):
        return 60.0
    return 150.0 if NOT_THE_TOTAL.search(lowered) else 0.0


def _is_included_tax(line: Line, shown: Sequence[float]) -> bool:
    """Whether the amount of a line with a tax rate is that tax in another sum: `Total includes 6 % GST 3.98` below 70.30.
    `shown`: all sums, in order."""
    rate = RATE.search(line.text) if shown else None
    if rate is None or len(line.money) != 1:
        return False
    share, tax = float(rate[1].replace(",", ".")) / 100, line.money[0][1].value
    if tax <= 0 or share <= 0:
        return False
    least, most = ((tax + rounding) * (1 + share) / share for rounding in (-CENT, CENT))
    return bisect_left(shown, least) < bisect_right(shown, most)


def _segments(text: str) -> list[tuple[int, int]]:
    """The spans of a line between wide gaps. Labels are searched for in each span separately."""
    if "   " not in text:
        return [(0, len(text))]
    spans, start = [], 0
    for gap in WIDE_GAP.finditer(text):
        spans.append((start, gap.start()))
        start = gap.end()
    return [*spans, (start, len(text))]


def _amounts_near(lines: Sequence[Line], index: int, span: tuple[int, int]) -> Iterator[tuple[Found, Line, float]]:
    """Amounts to the right of a label or, if there are none, below it in the next two lines: each with its line and a
    score."""
    line = lines[index]
    # Compared by its end: a currency sign may belong both to the label and to the amount ("Total RM 9.80").
    right = [found for found in line.amounts if found.end > span[1] and not is_percent(line.text, found.end)]
    if right:
        # Several sums in one row are a row of a table, mostly of taxes.
        nearness = 5.0 if len(right) == 1 else -45.0
        yield right[-1], line, nearness
        return
    column = line.column(*span)
    for below in lines[index + 1 : index + 3]:
        if below.page != line.page:
            return
        cell = cell_below(line, below, span) if column is None else None
        for found in below.amounts:
            if cell and not cell[0] <= found.start < cell[1]:
                continue
            extent = below.column(found.start, found.end) if column else None
            if column is None or extent is None or (extent[0] < column[1] + 0.25 and extent[1] > column[0] - 0.05):
                yield found, below, 0.0
