"""Candidates for a text: titles, senders of mails, document numbers, and text beside or below a label."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial

from layers.domain.extraction import labels
from layers.domain.extraction.candidate import Candidate
from layers.domain.extraction.dates import dates
from layers.domain.extraction.labels import Label
from layers.domain.extraction.legal_forms import without_misread_number
from layers.domain.extraction.lines import Line, Lines, cell_below

COMPANY = re.compile(
    r"\b(?:sdn\.?\s?bhd|s/b|bhd|ltd|limited|inc|llc|llp|plc|corp|corporation|company|co|gmbh|ag|kg|b\.?v|n\.?v|s\.?a|sarl|"
    r"s\.?r\.?l|sp\.? z|enterprise|trading|restaurant|store|stores|mart|market|supermarket|shop|hotel|services)\b\.?",
)
AFTER_LABEL = re.compile(r"[\s:#.]{0,40}(?:(?:no|nr|number|n°)\b[\s:#.°]{0,40})?", re.IGNORECASE)
BEHIND_NAME = re.compile(r"[ \t]{0,2}(?P<mark>[#:№][ \t]{0,2})?(?P<number>[^\s#:№]\S{0,40})")
PLAIN_YEAR_OR_SHORT = re.compile(r"(?:19|20)\d\d|.{1,2}")
NOT_A_TITLE = re.compile(
    r"^(?:tax |simplified |official |cash |sales )*(?:invoice|receipt|bill|statement|rechnung|facture|factuur|faktura)s?$"
    r"|^(?:page|tel|fax|phone|gst|date|www|http|no\b|lot\b|reg)|welcome|thank you|^copy$|duplicate",
)
HEADER_LINES = 12  # how many of the first lines may contain a title, a sender or an address
COMPANY_WORD, NEAR_TOP = 12.0, 6  # the bonus for a word such as "shop" in one of the first lines
LONGEST_TITLE = 120
LEAST_LETTERS = 3  # of a name
LEAST_HEAD_WORDS = 3
READ_WELL, DOUBT_WEIGHT = 85.0, 0.5  # the confidence of a title below which it scores less, for each point
LONGEST_TEXT = 500
# A capital after a small letter, or letters around a digit, which names do not have.
MIXED = re.compile(r"[a-z][A-Z]|[A-Za-z]\d+[A-Za-z]|[^\w\s.,&'’()/:@-]")
LONG_WORD = 4
HOUSE_NUMBER = re.compile(r"\W{0,3}(?:no\.?\s?)?\d+\s?[,&-]", re.IGNORECASE)
# The number of a company behind its name, and words before it.
REGISTRATION = re.compile(
    r"\s*\((?:[A-Z]{0,3}[\d ]{4,14}[-·.]?\s?[A-Za-z]?)\)$|\s*\(?(?:co|company|reg|registration)\b[. ]{0,2}(?:reg[. ]{0,2})?no\b.*$",
    re.IGNORECASE,
)
OWNER = re.compile(r"^(?:own|owned|operated|managed|run|sold|issued) by\s?:?\s*", re.IGNORECASE)
# The line of a sender above a recipient, as in the window of an envelope: name, street and town between marks.
SENDER_LINE = re.compile(
    r"(?P<name>[^\d·•|]{3,60}?)\s+[-\u2013·•|]\s+(?P<address>[^·•|]*?\d[^·•|]*?\s+[-\u2013·•|]\s+.{0,8}\d{4,5}\s.*[^\W\d]{3}.*)"
)
SUBJECT = re.compile(r"^(?:subject|betreff|objet|asunto|onderwerp)\s?:\s*", re.IGNORECASE)
MAIL_HEADER = re.compile(r"^\w+\s?:.*<[^<>\s]+@[^<>\s]+>$")  # the sender or a recipient of a mail
SENDER = re.compile(r"^(?:from|von|de|van)\s?:\s*\"?(?P<name>[^<>\"@]{2,}?)\"?\s*<[^<>\s]+@[^<>\s]+>$", re.IGNORECASE)


def sender_candidates(lines: Sequence[Line]) -> Iterator[Candidate]:
    """The name of a mail's sender, from the header line that names it."""
    for line in lines[:HEADER_LINES]:
        if found := SENDER.match(line.text.strip()):
            start = line.text.find(found["name"])
            yield Candidate(found["name"].strip(), partial(line.evidence, start, start + len(found["name"])), 70.0)


def title_candidates(lines: Sequence[Line]) -> Iterator[Candidate]:
    """The first lines of the document. Lines near the top and names of companies score higher."""
    for index, line in enumerate(lines[:HEADER_LINES]):
        if MAIL_HEADER.match(line.text.strip()):
            continue
        text, is_subject = SUBJECT.subn("", bare_title(line))
        letters = sum(map(str.isalpha, text))
        lowered = text.lower()
        if (
            letters < LEAST_LETTERS
            or letters < 0.5 * len(text.replace(" ", ""))
            or (not is_subject and NOT_A_TITLE.search(lowered))
        ):
            continue
        score = 50.0 - 4 * index
        score += COMPANY_WORD if COMPANY.search(lowered) and index < NEAR_TOP else 0.0
        score -= 10.0 if ":" in text else 0.0
        score -= _not_a_name_penalty(text) + unread_penalty(line)
        title = _shorten_title(text)
        start = line.text.find(title)
        yield Candidate(title, partial(line.evidence, start, start + len(title)), score)


def bare_title(line: Line) -> str:
    """The text of a line up to a wide gap, without a company's registration number or the sender's address behind it."""
    text = re.split(r"\s{3,}", line.text.strip())[0].strip(" .,:;*-_=|")
    if sender := SENDER_LINE.fullmatch(text):
        text = sender["name"]
    return without_misread_number(REGISTRATION.sub("", OWNER.sub("", text)))


def unread_penalty(line: Line) -> float:
    """What to subtract because a line was read badly: its words may be noise."""
    letters = sum(len(word.text) for word in line.words)
    mean = sum(word.confidence * len(word.text) for word in line.words) / letters if letters else 100.0
    return max(0.0, READ_WELL - mean) * DOUBT_WEIGHT


def _not_a_name_penalty(text: str) -> float:
    """What to subtract for a title that looks like image noise read as letters, or like an address.

    Noise has words that mix upper and lower case or letters and digits, and has no long word.
    """
    words = text.split()
    mixed = sum(bool(MIXED.search(word)) for word in words)
    penalty = 16.0 * mixed / len(words) + (8.0 if max(len(word) for word in words) < LONG_WORD else 0.0)
    return penalty + (12.0 if HOUSE_NUMBER.match(text) else 0.0)


def _shorten_title(text: str) -> str:
    """The text. If it is too long for a title, its first sentence, or its first words up to LONGEST_TITLE."""
    if len(text) <= LONGEST_TITLE:
        return text
    sentence = re.split(r"(?<=[.!?])\s", text, maxsplit=1)[0]
    return (sentence if len(sentence) <= LONGEST_TITLE else text[:LONGEST_TITLE].rsplit(" ", 1)[0]).rstrip(" .,:;")


def labelled_text_candidates(
    property_labels: Sequence[Label], lines: Lines, *, needs_digit: bool
) -> Iterator[Candidate]:
    """The text to the right of a label or below it. `needs_digit` accepts only words that may be a document's number or
    code. Directly after the bare name of a document, nothing else is accepted."""
    present_labels = labels.labels_in(lines.lowered.vocabulary, property_labels)
    for index, line in enumerate(lines if present_labels else ()):
        label, spans = labels.best_label_spans(lines.lowered.line(index), present_labels)
        if label is None:
            continue
        for span in spans:
            if label.bare:
                yield from _number_behind_name(line, span[1], label.tier)
                if _is_head_of_column(line, span):
                    yield from _text_below(lines, index, span, label.tier, needs_digit)
                continue
            after = AFTER_LABEL.match(line.text, span[1])
            start = after.end() if after else span[1]
            value = re.split(r"\s{3,}", line.text[start:])[0].strip(" :#|[]")
            if needs_digit:
                value = next((word.strip("[]°#,;") for word in value.split()[:2] if _is_document_number(word)), "")
            if value:
                at = line.text.find(value, start)
                score = 100.0 - 3 * label.tier - index / len(lines)
                yield Candidate(value[:LONGEST_TEXT], partial(line.evidence, at, at + len(value)), score)
            else:
                yield from _text_below(lines, index, span, label.tier, needs_digit)


def _number_behind_name(line: Line, end: int, tier: int) -> Iterator[Candidate]:
    """The number directly after the bare name of a document: `Invoice NW-20417`, not `Invoice date: 14 March`."""
    found = BEHIND_NAME.match(line.text, end)
    if not found:
        return
    word = found["number"].rstrip(".,;:")
    if not _is_document_number(word) or (not found["mark"] and PLAIN_YEAR_OR_SHORT.fullmatch(word)):
        return
    if any(date.start <= found.start("number") < date.end for date in dates(line.text)):
        return
    at = found.start("number")
    yield Candidate(word[:LONGEST_TEXT], partial(line.evidence, at, at + len(word)), 100.0 - 2 * tier)


def _is_head_of_column(line: Line, span: tuple[int, int]) -> bool:
    """Whether a label is alone between wide gaps, or in a row of words that looks like the header of a table."""
    before, after = line.text[: span[0]], line.text[span[1] :]
    if line.words and len(line.words) >= LEAST_HEAD_WORDS and not any(letter.isdigit() for letter in line.text):
        return True
    is_alone = (not before.strip() or before.endswith("   ")) and (not after.strip() or after.startswith("   "))
    return is_alone and bool(before.strip() or after.strip())


def _is_document_number(word: str) -> bool:
    """Whether a word may be a document's number or code: it has a digit, and is neither a date nor a sum."""
    if not any(character.isdigit() for character in word) or dates(word):
        return False
    return not re.fullmatch(r"\W?\d{1,3}(?:[.,]?\d{3})*[.,]\d{2}\W?", word)


def _text_below(
    lines: Sequence[Line], index: int, span: tuple[int, int], tier: int, needs_digit: bool
) -> Iterator[Candidate]:
    """The words in the next line that are in the label's column."""
    if index + 1 >= len(lines) or lines[index + 1].page != lines[index].page:
        return
    below = lines[index + 1]
    column = lines[index].column(*span)
    inside = below.within(column) if column else cell_below(lines[index], below, span) or (0, len(below.text))
    if inside and below.text[: inside[0]].rstrip().endswith(":"):
        return  # the text belongs to another label, to its left
    if inside and (value := below.text[inside[0] : inside[1]].strip(' :#|[]"')):
        if needs_digit and not (_is_document_number(value) and len(value.split()) == 1):
            return
        yield Candidate(value[:LONGEST_TEXT], partial(below.evidence, *inside), 70.0 - 3 * tier)


def hash_number_candidates(lines: Sequence[Line]) -> Iterator[Candidate]:
    """A number after `#` in a separate line near the top, as forms show their number below the title."""
    for index, line in enumerate(lines[:HEADER_LINES]):
        found = re.match(r"#\s?(\S*\d\S*)$", line.text.strip())
        if found and _is_document_number(found[1]):
            at = line.text.find(found[1])
            yield Candidate(found[1], partial(line.evidence, at, at + len(found[1])), 20.0 - index)
