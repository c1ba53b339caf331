"""From lines of text to the values of a schema: each property by its meaning, its labels and its type."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from layers.domain.extraction import labels, values
from layers.domain.extraction.lines import Line, lines_of
from layers.domain.page import Evidence, Extraction, Page

DEFAULT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["title"],
    "properties": {
        "title": {"type": "string"},
        "date": {"type": "string", "format": "date"},
        "total": {"type": "number"},
        "currency": {"type": "string"},
    },
}

# What stands beside a sum that is not the whole.
NOT_THE_TOTAL = re.compile(
    r"sub\s?-?total|subtotaal|zwischensumme|excl|tax\s?able|total (?:gst|tax|vat|qty|quantity|items?|disc|saving|point)"
    r"|(?:gst|tax|vat|sst) (?:amount|total|summary)|discount|change|tender|\bht\b|untaxed|balance b/f|last bill|qty|\bitems?\b",
)
COMPANY = re.compile(
    r"\b(?:sdn\.?\s?bhd|s/b|bhd|ltd|limited|inc|llc|llp|plc|corp|corporation|company|co|gmbh|ag|kg|b\.?v|n\.?v|s\.?a|sarl|"
    r"s\.?r\.?l|sp\.? z|enterprise|trading|restaurant|store|stores|mart|market|supermarket|shop|hotel|services)\b\.?",
)
AFTER_LABEL = re.compile(r"[\s:#.]{0,40}(?:(?:no|nr|number|n°)\b[\s:#.°]{0,40})?", re.IGNORECASE)
NO_TITLE = re.compile(
    r"^(?:tax |simplified |official |cash |sales )*(?:invoice|receipt|bill|statement|rechnung|facture|factuur|faktura)s?$"
    r"|^(?:page|tel|fax|phone|gst|date|www|http|no\b|lot\b|reg)|welcome|thank you|^copy$|duplicate",
)
LONGEST_TITLE = 120
SPELT = str.maketrans({"0": "o", "1": "l", "|": "l", "5": "s"})


@dataclass(frozen=True, slots=True)
class Choice:
    """A candidate: its value, its evidence, and how well it is supported; the highest wins."""

    value: Any
    proof: Evidence
    score: float


def extract(pages: Sequence[Page], schema: Mapping[str, Any]) -> Extraction:
    """The values that the pages show for a schema's properties, each with its evidence."""
    lines = lines_of(pages)
    fields: dict[str, Any] = {}
    evidence: dict[str, Evidence] = {}
    for name, one in (schema.get("properties") or {}).items():
        choice = max(_choices(name, one, lines), key=lambda found: found.score, default=None)
        if choice is not None:
            fields[name] = choice.value
            evidence[name] = choice.proof
    missing = tuple(name for name in schema.get("required") or () if name not in fields)
    return Extraction(fields, missing, evidence)


def missing_fields(pages: Sequence[Page], schema: Mapping[str, Any]) -> tuple[str, ...]:
    """The required properties of a schema for which the pages show no value."""
    wanted = set(schema.get("required") or ())
    properties = {name: one for name, one in (schema.get("properties") or {}).items() if name in wanted}
    return extract(pages, {**schema, "properties": properties}).missing


def _choices(name: str, schema: Mapping[str, Any], lines: Sequence[Line]) -> Iterator[Choice]:
    kind = schema.get("type", "string")
    words = labels.words_of(name)
    its_labels = labels.labels_of(name, schema)
    if "enum" in schema:
        yield from _enumerated(schema["enum"], lines)
    elif schema.get("format") == "date":
        yield from _dates(its_labels, lines)
    elif kind in ("number", "integer"):
        is_total = labels.meaning_of(name) == "total"
        yield from _numbers(its_labels, lines, whole=kind == "integer", is_total=is_total)
    elif kind == "string" and words in labels.CURRENCIES and not schema.get("x-labels"):
        yield from _currencies(lines)
    elif kind == "string" and words in labels.TITLES and not schema.get("x-labels"):
        yield from _titles(lines)
    elif kind == "string" and words in labels.ADDRESSES and not schema.get("x-labels"):
        yield from _addresses(lines)
    elif kind == "string":
        numbered = bool(re.search(r"\b(?:number|no|nr|id|code|reference|ref)\b", words)) or words == "invoice"
        yield from _labelled_strings(its_labels, lines, numbered=numbered)


# --- numbers -----------------------------------------------------------------------------------------


def _numbers(its_labels: Sequence[str], lines: Sequence[Line], *, whole: bool, is_total: bool) -> Iterator[Choice]:
    for place, line in enumerate(lines):
        for start, end in _segments(line.text):
            lowered = _readable(line.text[start:end])
            tier, span = _best_label(lowered, its_labels)
            if span is None:
                continue
            penalty = _doubt(lowered) if is_total else 0.0
            near = list(_amounts_near(lines, place, (start + span[0], start + span[1])))
            for found, proof, nearness in near:
                amount: values.Amount = found.value  # type: ignore[assignment]
                if whole and amount.value != int(amount.value):
                    continue
                score = 100.0 - tier + nearness - penalty + _worth(amount, whole, is_total)
                # Of several totals the last is the one to pay.
                yield Choice(int(amount.value) if whole else amount.value, proof, score + place / len(lines))


def _worth(amount: values.Amount, whole: bool, is_total: bool) -> float:
    looks_like_money = amount.decimals == 2 or amount.sign is not None
    worth = 30.0 if looks_like_money and not whole else 0.0
    if is_total:
        worth += min(amount.value, 1e6) / 1e6 - (60.0 if amount.value == 0 else 0.0)
        worth -= 200.0 if not looks_like_money and amount.value > 100_000 else 0.0
    return worth


def _doubt(lowered: str) -> float:
    """How unlikely a line with a total's label is to show the whole sum."""
    if re.search(r"incl|payable|grand|with tax|after round", lowered) and not re.search(r"sub\s?-?total|excl", lowered):
        return 0.0
    if re.search(r"sub\s?-?total|subtotaal|zwischensumme|excl|\bht\b|untaxed", lowered):
        return 60.0
    return 150.0 if NOT_THE_TOTAL.search(lowered) else 0.0


def _segments(text: str) -> list[tuple[int, int]]:
    """The spans of a line that wide gaps part, each label looked for in its own."""
    spans, start = [], 0
    for gap in re.finditer(r" {3,}", text):
        spans.append((start, gap.start()))
        start = gap.end()
    return [*spans, (start, len(text))]


def _amounts_near(
    lines: Sequence[Line], place: int, span: tuple[int, int]
) -> Iterator[tuple[values.Found, Evidence, float]]:
    """Amounts right of a label, or else under it in the lines that follow."""
    line = lines[place]
    # By its end: a currency sign may belong to the label and to the amount ("Total RM 9.80").
    right = [found for found in values.amounts(line.text) if found.end > span[1]]
    if right:
        # Several sums in one row are a table's: of taxes, mostly.
        nearness = 5.0 if len(right) == 1 else -45.0
        yield right[-1], line.shows(right[-1].start, right[-1].end), nearness
        return
    column = line.column(*span)
    for below in lines[place + 1 : place + 3]:
        if below.page != line.page:
            return
        for found in values.amounts(below.text):
            where = below.column(found.start, found.end)
            stands_under = (
                column is None or where is None or (where[0] < column[1] + 0.25 and where[1] > column[0] - 0.05)
            )
            if stands_under:
                yield found, below.shows(found.start, found.end), 0.0


# --- dates -------------------------------------------------------------------------------------------


def _dates(its_labels: Sequence[str], lines: Sequence[Line]) -> Iterator[Choice]:
    month_first = _writes_month_first(lines)
    for place, line in enumerate(lines):
        found_here = values.dates(line.text, month_first=month_first)
        if not found_here:
            continue
        above = lines[place - 1].text if place and lines[place - 1].page == line.page else ""
        for found in found_here:
            score = 40.0 - 30.0 * place / len(lines)
            own_tier, own = _best_label(_plain(line.text[: found.start]), its_labels)
            tier, over = _best_label(_plain(above), its_labels)
            if own is not None:
                score += 60.0 - own_tier
            elif over is not None and not values.dates(above):
                score += 40.0 - tier
            if re.search(
                r"due|fällig|verval|échéance|expir|valid|period|until|from|delivery", _plain(line.text[: found.start])
            ):
                score -= 25.0
            value: date = found.value  # type: ignore[assignment]
            yield Choice(value.isoformat(), line.shows(found.start, found.end), score)


def _writes_month_first(lines: Sequence[Line]) -> bool:
    """Whether the page's own unambiguous dates, or signs of the United States, put the month first."""
    american = 0
    for line in lines:
        for match in values.NUMERIC_DATE.finditer(line.text):
            if match[1] and len(match[1]) <= 2:
                american += (int(match[3]) > 12) - 3 * (int(match[1]) > 12)
    text = " ".join(line.text for line in lines[:200])
    if re.search(r"\b(?:USA|United States|[A-Z]{2} \d{5}(?:-\d{4})?)\b", text):
        american += 1
    return american > 0


# --- strings -----------------------------------------------------------------------------------------


def _titles(lines: Sequence[Line]) -> Iterator[Choice]:
    for place, line in enumerate(lines[:12]):
        text = re.split(r"\s{3,}", line.text.strip())[0].strip(" .,:;*-_=|")
        text = re.sub(r"\s*\((?:[A-Z]{0,3}[\d ]{4,14}-?\s?[A-Z]?)\)$", "", text)  # a company's registration number
        letters = sum(character.isalpha() for character in text)
        lowered = text.lower()
        if letters < 3 or letters < 0.5 * len(text.replace(" ", "")) or NO_TITLE.search(lowered):
            continue
        score = (
            50.0 - 4 * place + (12.0 if COMPANY.search(lowered) and place < 6 else 0.0) - (10.0 if ":" in text else 0.0)
        )
        title = _headline(text)
        start = line.text.find(title)
        yield Choice(title, line.shows(start, start + len(title)), score)


def _headline(text: str) -> str:
    """A line as a title: of a line that is a paragraph, its first sentence or as many words as a title has."""
    if len(text) <= LONGEST_TITLE:
        return text
    sentence = re.split(r"(?<=[.!?])\s", text, maxsplit=1)[0]
    return (sentence if len(sentence) <= LONGEST_TITLE else text[:LONGEST_TITLE].rsplit(" ", 1)[0]).rstrip(" .,:;")


def _addresses(lines: Sequence[Line]) -> Iterator[Choice]:
    top = lines[:12]
    starts = [
        place
        for place, line in enumerate(top)
        if place
        and re.match(
            r"^(?:no\.?\s?\d|lot\b|\d{1,5}[,a-z -]|jalan|jln|unit\b|ground floor|p\.?o\.? box)",
            line.text.strip().lower(),
        )
    ]
    if not starts:
        return
    taken = [top[starts[0]]]
    for line in top[starts[0] + 1 : starts[0] + 5]:
        if re.search(r"tel|fax|phone|gst|invoice|receipt|date|www|@|reg|:", line.text.lower()):
            break
        taken.append(line)
    proofs = [line.shows(0, len(line.text)) for line in taken]
    boxes = [proof.box for proof in proofs if proof.box]
    box = (
        (min(b[0] for b in boxes), min(b[1] for b in boxes), max(b[2] for b in boxes), max(b[3] for b in boxes))
        if boxes
        else None
    )
    text = " ".join(line.text.strip() for line in taken)
    yield Choice(text, Evidence(taken[0].page, text, box), 1.0)


def _currencies(lines: Sequence[Line]) -> Iterator[Choice]:
    counts: dict[str, tuple[int, Evidence]] = {}
    for line in lines:
        for found in values.currencies(line.text):
            count, first = counts.get(str(found.value), (0, line.shows(found.start, found.end)))
            counts[str(found.value)] = (count + 1, first)
    for code, (count, first) in counts.items():
        # A bare dollar sign is many countries' and yields to any other sign on the page.
        yield Choice(code, first, count - (1000 if code == "USD" and "$" in first.text else 0))


def _labelled_strings(its_labels: Sequence[str], lines: Sequence[Line], *, numbered: bool) -> Iterator[Choice]:
    for place, line in enumerate(lines):
        tier, span = _best_label(_plain(line.text), its_labels)
        if span is None:
            continue
        after = AFTER_LABEL.match(line.text, span[1])
        start = after.end() if after else span[1]
        value = re.split(r"\s{3,}", line.text[start:])[0].strip(" :#|")
        if numbered:
            value = next((word for word in value.split()[:2] if any(c.isdigit() for c in word)), "")
        if value:
            at = line.text.find(value, start)
            yield Choice(value[:500], line.shows(at, at + len(value)), 100.0 - 3 * tier - place / len(lines))
            continue
        yield from _string_below(lines, place, span, tier, numbered)


def _string_below(
    lines: Sequence[Line], place: int, span: tuple[int, int], tier: int, numbered: bool
) -> Iterator[Choice]:
    if place + 1 >= len(lines) or lines[place + 1].page != lines[place].page:
        return
    below = lines[place + 1]
    column = lines[place].column(*span)
    inside = below.within(column) if column else (0, len(below.text))
    if inside and (value := below.text[inside[0] : inside[1]].strip(" :#|")):
        if numbered and not (any(c.isdigit() for c in value) and len(value.split()) == 1):
            return
        yield Choice(value[:500], below.shows(*inside), 70.0 - 3 * tier)


def _enumerated(allowed: Sequence[Any], lines: Sequence[Line]) -> Iterator[Choice]:
    for value in allowed:
        if not isinstance(value, str):
            continue
        for place, line in enumerate(lines):
            span = labels.find_label(line.text.lower(), value.lower())
            if span:
                yield Choice(value, line.shows(*span), 10.0 - place / len(lines))
                break


# --- labels ------------------------------------------------------------------------------------------


def _best_label(lowered: str, its_labels: Sequence[str]) -> tuple[int, tuple[int, int] | None]:
    """The most trusted label in a line: its place in the list, and its span."""
    for tier, label in enumerate(its_labels):
        span = labels.find_label(lowered, label)
        if span:
            return tier, span
    return 0, None


def _plain(text: str) -> str:
    """The text in lower case, of the same length."""
    lowered = text.lower()
    return lowered if len(lowered) == len(text) else text


def _readable(text: str) -> str:
    """The text in lower case with letters in the place of the digits that readers take for them, same length."""
    return re.sub(r"(?<=[a-z])[015|](?=[a-z])", lambda match: match[0].translate(SPELT), _plain(text))
