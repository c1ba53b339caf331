"""The order of day and month in a document: decided by the dataset's setting, or by what the document itself shows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from layers.domain.extraction.dates import NUMERIC_HINT, WrittenDate, dates, numeric_dates, weekday_names
from layers.domain.extraction.lines import Line, Lines
from layers.domain.extraction.spelling import folded
from layers.domain.extraction.values import DateOrder

# A US state with its ZIP code, or the country. The pattern begins with a capital letter because searching for that
# is fast. Other capitals before five digits are often the number of a document.
STATES = (
    "A[KLRZ]|C[AOT]|D[CE]|FL|G[AU]|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|P[AR]|RI|S[CD]|T[NX]|UT|V[AIT]"
    "|W[AIVY]"
)
AMERICAN = re.compile(
    rf"[A-Z](?<!\w.)(?:(?<=U)SA|(?<=U)nited States|(?<=U)\.S\.A|[A-Z](?<={STATES}),? \d{{5}}(?:-\d{{4}})?)\b"
)
# Single words are searched for among the distinct words of a document, and phrases only where they occur as plain text:
# a search for many words in a long text is slow.
AMERICAN_WORD = re.compile(r"\bein\b")
AMERICAN_PHRASES = {
    "sales tax": re.compile(r"\bsales tax\b"),
    "zip code": re.compile(r"\bzip code\b"),
    "federal id": re.compile(r"\bfederal id\b"),
    "(": re.compile(r"\(\d{3}\) ?\d{3}-\d{4}"),
}
# Countries, taxes, forms of companies and currencies of places that write the day first.
DAY_FIRST_WORD = re.compile(
    r"[£€₹]|\b(?:vat|gst|sst|abn|acn|ltd|plc|pty|pvt|bhd|australia|ireland|india|malaysia|singapore"
    r"|gbp|eur|inr|myr|aud|nzd|zar|rm(?=\d))(?:\b|(?<=rm))"
)
DAY_FIRST_PHRASES = {
    "united kingdom": re.compile(r"\bunited kingdom\b"),
    "new zealand": re.compile(r"\bnew zealand\b"),
    "south africa": re.compile(r"\bsouth africa\b"),
    "rm ": re.compile(r"\brm \d"),
}
DUE = re.compile(r"due|pay by|payable by|fällig|zahlbar|verval|échéance|vencimi?ento|scadenza|förfall|forfald|termin")
ISSUED = re.compile(r"invoice date|date of issue|issue date|\bissued|bill date|\bdated?\b(?!.{0,10}due)")
TOP_LINES = 200
# The weight of each kind of evidence. A positive sum means month first.
SURE, STRONG, WEAK = 9, 3, 1
LONGEST_TERM = timedelta(days=200)  # between issue and due date


@dataclass(frozen=True, slots=True)
class Order:
    """How ambiguous dates of a document are read, whether there is evidence for that, and the document's languages."""

    month_first: bool
    is_known: bool
    languages: tuple[str, ...] = ()


def order_of(lines: Lines, languages: tuple[str, ...], setting: DateOrder = "auto", today: date | None = None) -> Order:
    """The order of day and month in a document in these languages. A setting other than `auto` decides; unambiguous dates
    still count as they are written."""
    if setting != "auto":
        return Order(setting == "month_first", True, languages)
    numeric = [lines[index] for index in lines.as_written.lines_matching(NUMERIC_HINT)]
    score = _from_dates(numeric, today) + _from_due_date(lines, numeric) + _from_place(lines, languages)
    return Order(score > 0, score != 0, languages)


def _from_dates(numeric: Sequence[Line], today: date | None) -> int:
    """From dates that have only one reading, that name their weekday, or of which one reading is in the future."""
    score = 0
    for line in numeric:
        for match in numeric_dates(line.text):
            first, second = (int(match[1]), int(match[3])) if match[1] else (int(match[5]), int(match[6]))
            if match[1] and len(match[1]) > 2:
                continue
            score += (STRONG if second > 12 >= first else 0) - (SURE if first > 12 >= second else 0)
            # Only the day is written first with points.
            score -= STRONG if match[2] == "." else 0
        for found in dates(line.text):
            written = found.value
            if isinstance(written, WrittenDate) and written.swapped:
                score += _from_weekday(line.text[max(0, found.start - 16) : found.start], written)
                if today and (written.value > today) != (written.swapped > today):
                    score += WEAK if written.value > today else -WEAK
    return score


def _from_weekday(before: str, written: WrittenDate) -> int:
    words = re.findall(r"[^\W\d_][^\s\d.,]*", before)
    days = weekday_names().get(folded(words[-1]), frozenset()) if words else frozenset()
    if not days or written.swapped is None:
        return 0
    fits, other_fits = written.value.isoweekday() in days, written.swapped.isoweekday() in days
    return SURE if other_fits and not fits else -SURE if fits and not other_fits else 0


def _from_due_date(lines: Lines, numeric: Sequence[Line]) -> int:
    """From pairs of an issue date and a due date: the first is not after the second, nor long before it."""
    if not numeric:
        return 0
    due = _labelled(lines, DUE)
    issued = _labelled(lines, ISSUED, not_matching=DUE) if due else []
    score = 0
    for issue_date in issued[:4]:
        for due_date in due[:4]:
            if not (issue_date.swapped or due_date.swapped):
                continue
            day_first = _is_term(issue_date.value, due_date.value)
            month_first = _is_term(issue_date.swapped or issue_date.value, due_date.swapped or due_date.value)
            score += (STRONG if month_first else 0) - (STRONG if day_first else 0)
    return score


def _is_term(issued: date, due: date) -> bool:
    return timedelta(0) <= due - issued <= LONGEST_TERM


def _labelled(lines: Lines, pattern: re.Pattern[str], not_matching: re.Pattern[str] | None = None) -> list[WrittenDate]:
    """The dates behind such words in a line, or alone in the line below."""
    found: list[WrittenDate] = []
    for index in lines.lowered.lines_matching(pattern):
        lowered = lines.lowered.line(index)
        if not_matching and not_matching.search(lowered):
            continue
        here = [written.value for written in dates(lines[index].text)]
        if not here and index + 1 < len(lines):
            here = [written.value for written in dates(lines[index + 1].text)][:1]
        found += [value for value in here if isinstance(value, WrittenDate)][:1]
    return found


def _from_place(lines: Lines, languages: Sequence[str]) -> int:
    """From the country and the language. Among the known ones, only the United States write the month first."""
    if languages and languages[0] not in ("en", "fil", "es"):
        return -STRONG
    first = lines.as_written.first_line_matching(AMERICAN)
    american = first is not None and first < TOP_LINES
    score = 2 * WEAK if american else 0
    score += WEAK if _has_any(lines, AMERICAN_WORD, AMERICAN_PHRASES) else 0
    if not american:
        score -= 2 * WEAK if _has_any(lines, DAY_FIRST_WORD, DAY_FIRST_PHRASES) else 0
    return score - (WEAK if languages and languages[0] == "es" else 0)


def _has_any(lines: Lines, word: re.Pattern[str], phrases: Mapping[str, re.Pattern[str]]) -> bool:
    """Whether a document has one of these words or phrases."""
    if word.search(lines.lowered.vocabulary):
        return True
    text = lines.lowered.text
    return any(part in text and pattern.search(text) for part, pattern in phrases.items())
