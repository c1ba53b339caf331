"""Texts: titles and companies, addresses, what stands beside or under a label, and documents' numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial

from layers.domain.extraction import labels, values
from layers.domain.extraction.choices import Choice
from layers.domain.extraction.lines import Line, Lines
from layers.domain.page import Evidence

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
# A capital after a small letter, or letters about a digit, as no name is written.
MIXED = re.compile(r"[a-z][A-Z]|[A-Za-z]\d+[A-Za-z]|[^\w\s.,&'’()/:@-]")
LONG_WORD = 4
HOUSE_NUMBER = re.compile(r"\W{0,3}(?:no\.?\s?)?\d+\s?[,&-]", re.IGNORECASE)
SUBJECT = re.compile(r"^(?:subject|betreff|objet|asunto|onderwerp)\s?:\s*", re.IGNORECASE)
OF_PEOPLE = re.compile(r"^\w+\s?:.*<[^<>\s]+@[^<>\s]+>$")  # a message's sender, or who it is for
SENDER = re.compile(r"^(?:from|von|de|van)\s?:\s*\"?(?P<name>[^<>\"@]{2,}?)\"?\s*<[^<>\s]+@[^<>\s]+>$", re.IGNORECASE)


def senders(lines: Sequence[Line]) -> Iterator[Choice]:
    """The name of who sent a message, which heads it in a line of its own."""
    for line in lines[:12]:
        if found := SENDER.match(line.text.strip()):
            start = line.text.find(found["name"])
            yield Choice(found["name"].strip(), partial(line.shows, start, start + len(found["name"])), 70.0)


def titles(lines: Sequence[Line]) -> Iterator[Choice]:
    """What heads the first page: a company's name sooner than another line."""
    for place, line in enumerate(lines[:12]):
        if OF_PEOPLE.match(line.text.strip()):
            continue
        text = re.split(r"\s{3,}", line.text.strip())[0].strip(" .,:;*-_=|")
        text, is_subject = SUBJECT.subn("", text)
        text = re.sub(r"\s*\((?:[A-Z]{0,3}[\d ]{4,14}-?\s?[A-Za-z]?)\)$", "", text)  # a company's registration number
        letters = sum(character.isalpha() for character in text)
        lowered = text.lower()
        if letters < 3 or letters < 0.5 * len(text.replace(" ", "")) or (not is_subject and NO_TITLE.search(lowered)):
            continue
        score = (
            50.0 - 4 * place + (12.0 if COMPANY.search(lowered) and place < 6 else 0.0) - (10.0 if ":" in text else 0.0)
        ) - _noise(text)
        title = _headline(text)
        start = line.text.find(title)
        yield Choice(title, partial(line.shows, start, start + len(title)), score)


def _noise(text: str) -> float:
    """How much a line looks like specks that were read as letters (cases and digits mixed in a word, no long word), or
    begins as an address does."""
    words = text.split()
    mixed = sum(bool(MIXED.search(word)) for word in words)
    noise = 16.0 * mixed / len(words) + (8.0 if max(len(word) for word in words) < LONG_WORD else 0.0)
    return noise + (12.0 if HOUSE_NUMBER.match(text) else 0.0)


def _headline(text: str) -> str:
    """A line as a title: of a line that is a paragraph, its first sentence or as many words as a title has."""
    if len(text) <= LONGEST_TITLE:
        return text
    sentence = re.split(r"(?<=[.!?])\s", text, maxsplit=1)[0]
    return (sentence if len(sentence) <= LONGEST_TITLE else text[:LONGEST_TITLE].rsplit(" ", 1)[0]).rstrip(" .,:;")


def addresses(lines: Sequence[Line]) -> Iterator[Choice]:
    """The lines under the title, from the first that begins as an address does."""
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
    yield Choice(text, lambda: Evidence(taken[0].page, text, box), 1.0)


def labelled(its_labels: Sequence[str], lines: Lines, *, numbered: bool) -> Iterator[Choice]:
    """What stands beside the labels, or under them; `numbered`: it has to have a digit, as a number or code has."""
    shown = labels.labels_in(lines.lowered.vocabulary, its_labels)
    for place, line in enumerate(lines if shown else ()):
        tier, spans = labels.label_places(lines.lowered.line(place), shown)
        for span in spans:
            after = AFTER_LABEL.match(line.text, span[1])
            start = after.end() if after else span[1]
            value = re.split(r"\s{3,}", line.text[start:])[0].strip(" :#|[]")
            if numbered:
                value = next((word.strip("[]°#") for word in value.split()[:2] if _is_number(word)), "")
            if value:
                at = line.text.find(value, start)
                yield Choice(
                    value[:500], partial(line.shows, at, at + len(value)), 100.0 - 3 * tier - place / len(lines)
                )
            else:
                yield from _string_below(lines, place, span, tier, numbered)


def _is_number(word: str) -> bool:
    """Whether a word may be a document's number: it has a digit, and is neither a date nor a sum."""
    if not any(character.isdigit() for character in word) or values.dates(word):
        return False
    return not re.fullmatch(r"\W?\d{1,3}(?:[.,]?\d{3})*[.,]\d{2}\W?", word)


def _string_below(
    lines: Sequence[Line], place: int, span: tuple[int, int], tier: int, numbered: bool
) -> Iterator[Choice]:
    if place + 1 >= len(lines) or lines[place + 1].page != lines[place].page:
        return
    below = lines[place + 1]
    column = lines[place].column(*span)
    inside = below.within(column) if column else (0, len(below.text))
    if inside and below.text[: inside[0]].rstrip().endswith(":"):
        return  # another label's
    if inside and (value := below.text[inside[0] : inside[1]].strip(" :#|[]")):
        if numbered and not (_is_number(value) and len(value.split()) == 1):
            return
        yield Choice(value[:500], partial(below.shows, *inside), 70.0 - 3 * tier)


def hash_numbers(lines: Sequence[Line]) -> Iterator[Choice]:
    """A number that a bare `#` names, near the top, as forms write it under their title."""
    for place, line in enumerate(lines[:12]):
        found = re.match(r"#\s?(\S*\d\S*)$", line.text.strip())
        if found and _is_number(found[1]):
            at = line.text.find(found[1])
            yield Choice(found[1], partial(line.shows, at, at + len(found[1])), 20.0 - place)
