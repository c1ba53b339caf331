"""The memory of senders: corrects misread names and addresses to the form that a person has set or approved.

Each corrected or approved record is an example. A document is compared with the examples whose keys it shares.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

from layers.domain.extraction.boxes import enclosing_box
from layers.domain.extraction.lines import Line, lines_of
from layers.domain.learning.likeness import (
    figures_in,
    letters_in,
    letters_likeness,
    likeness,
    ratio,
    share_shown,
    trigrams,
)
from layers.domain.learning.properties import sender_properties
from layers.domain.learning.rewording import reworded
from layers.domain.learning.sender_keys import is_identifying
from layers.domain.page import Evidence, Extraction, Page

# What the memory says of a value: it is a known one; it was misread and is corrected; it is taken from the head of the
# document, where the rules found another or none; or it differs from what is known of this sender.
State = Literal["same", "corrected", "taken", "contradicted"]

LEAST_LIKENESS = 0.8  # of a misread value
LEAST_SHOWN, LEAST_SHOWN_OF_IDENTIFIED = 0.93, 0.8  # share of the trigrams of a value that was not found
LEAST_TRIGRAMS = 10  # of a value that is searched for in the head
SURELY_READ = (
    90.0  # the confidence of a value that resists a known one, unless a number or a domain identifies the sender
)
PROBABLE = (
    90.0  # the probability of a value that resists a known one from a single example, which the document shows too
)
LEAST_RESEMBLANCE = 0.6  # of a value that resists otherwise
LEAST_EXAMPLES = 2  # from which on the memory contradicts
LEAST_LEFT_OUT = 3  # words: the name of a branch has fewer
HEAD_LINES, MOST_EVIDENCE_LINES = 20, 6


class Example(NamedTuple):
    """What a person has set or approved in one record: values by property, and the keys that it shares with a document."""

    values: Mapping[str, Any]
    keys: frozenset[str]


@dataclass(frozen=True, slots=True)
class KnownValue:
    """A value, the number of examples that have it, and whether a number or a domain on the document belongs to it alone."""

    text: str
    examples: int
    is_identified: bool


class Recall(NamedTuple):
    """An extraction after it was compared with the memory, and what the memory says of its values."""

    found: Extraction
    states: Mapping[str, State]


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a document, in which a known value may be shown."""

    lines: Sequence[Line]
    trigrams: frozenset[str]
    figures: frozenset[str]

    def shows(self, known: str, least: float) -> float:
        """The share of a value's trigrams that the head has; 0 if it lacks figures of the value or more than `least` allows."""
        share = share_shown(known, self.trigrams) if figures_in(known) <= self.figures else 0.0
        return share if share >= least else 0.0

    def evidence(self, known: str) -> Evidence:
        """The neighbouring lines that show most of a value."""
        best: tuple[float, int, Sequence[Line]] = (-1.0, 0, ())
        for start in range(len(self.lines)):
            for end in range(start + 1, min(len(self.lines), start + MOST_EVIDENCE_LINES) + 1):
                shown = trigrams(" ".join(line.text for line in self.lines[start:end]))
                best = max(
                    best, (share_shown(known, shown), start - end, self.lines[start:end]), key=lambda each: each[:2]
                )
        lines = best[2]
        proofs = [line.evidence(0, len(line.text)) for line in lines]
        text = " ".join(proof.text for proof in proofs)
        return Evidence(lines[0].page, text, enclosing_box([proof.box for proof in proofs if proof.box]))


def recall(found: Extraction, pages: Sequence[Page], schema: Mapping[str, Any], examples: Sequence[Example]) -> Recall:
    """The extraction of a document with its misread values corrected to the known forms. A value that differs from what is
    known of the sender is doubtful."""
    states: dict[str, State] = {}
    if not examples:
        return Recall(found, states)
    head = _head(pages)
    for name in sender_properties(schema):
        known = _known_values(name, examples)
        if not known or not head.lines or _is_data(found, name):
            continue
        found, state = _compared(found, name, known, head)
        if state:
            states[name] = state
    return Recall(found, states)


def _head(pages: Sequence[Page]) -> Head:
    lines = list(lines_of(pages[:1]))[:HEAD_LINES]
    text = " ".join(line.text for line in lines)
    return Head(lines, trigrams(text), figures_in(text))


def _known_values(name: str, examples: Iterable[Example]) -> list[KnownValue]:
    forms: dict[str, Counter[str]] = {}
    owners: dict[str, set[str]] = {}
    for example in examples:
        value = example.values.get(name)
        if isinstance(value, str) and (letters := letters_in(value)):
            forms.setdefault(letters, Counter())[value.strip()] += 1
            for key in filter(is_identifying, example.keys):
                owners.setdefault(key, set()).add(letters)
    identified = {letters for known in owners.values() if len(known) == 1 for letters in known}
    return [
        KnownValue(counts.most_common(1)[0][0], counts.total(), letters in identified and len(identified) == 1)
        for letters, counts in forms.items()
    ]


def _compared(found: Extraction, name: str, known: Sequence[KnownValue], head: Head) -> tuple[Extraction, State | None]:
    read = found.fields.get(name)
    read = read if isinstance(read, str) else ""
    if same := next((each for each in known if letters_in(each.text) == letters_in(read)), None):
        return _with_value(found, name, same.text, None) if same.text != read else found, "same"
    misread, shown = _nearest(read, known, likeness), _shown(known, head)
    if not misread and not shown:  # the sender is known by its number, so that its name may lack words
        names = [each for each in known if each.is_identified and not figures_in(each.text)]
        misread = _nearest(read, names, letters_likeness)
    best = misread or shown
    if best and read and _resists(found, name, read, best, is_misread=misread is not None):
        return _with_doubt(found, name), "contradicted"
    if misread:
        return _with_value(found, name, misread.text, None), "corrected"
    if shown:
        return _with_value(found, name, shown.text, head.evidence(shown.text)), "taken"
    is_unsure = not _is_at_least(_confidence(found, name), SURELY_READ)
    better = reworded(read, [each.text for each in known]) if read and is_unsure else read
    if read and any(_is_beginning(better, each.text) for each in known):
        found = _with_doubt(found, name)
    if better != read:
        return _with_value(found, name, better, None), "corrected"
    if read and any(each.is_identified and each.examples >= LEAST_EXAMPLES for each in known):
        return _with_doubt(found, name), "contradicted"
    return found, None


def _is_beginning(value: str, known: str) -> bool:
    """Whether a value is only the first lines of a known one, as it is where the next line was not taken for a part of it."""
    words, others = value.split(), known.split()
    is_shorter = len(others) - len(words) >= LEAST_LEFT_OUT
    return is_shorter and letters_in(" ".join(others[: len(words)])) == letters_in(value)


def _is_data(found: Extraction, name: str) -> bool:
    """Whether a value is one that the file contains as data, which no letter of a page can make wrong."""
    proof = found.evidence.get(name)
    return proof is not None and proof.xpath is not None


def _resists(found: Extraction, name: str, read: str, known: KnownValue, *, is_misread: bool) -> bool:
    """Whether a value that was read may be right although it is similar to a known one, or the head shows a known one: it may
    be that of another sender."""
    if known.is_identified:
        proof = found.evidence.get(name)
        is_probable = proof is not None and _is_at_least(proof.probability, PROBABLE)
        return is_probable and not is_misread and known.examples < LEAST_EXAMPLES
    is_surely_read = _is_at_least(_confidence(found, name), SURELY_READ)
    return is_surely_read or ratio(letters_in(read), letters_in(known.text)) < LEAST_RESEMBLANCE


def _confidence(found: Extraction, name: str) -> float | None:
    proof = found.evidence.get(name)
    return proof.confidence if proof else None


def _is_at_least(percent: float | None, least: float) -> bool:
    return percent is not None and percent >= least


def _nearest(read: str, known: Sequence[KnownValue], measure: Callable[[str, str], float]) -> KnownValue | None:
    """The known value that was probably misread: of several the one with most examples."""
    rated = [(each.examples, measure(read, each.text), each.text, each) for each in known]
    alike = [each for each in rated if each[1] >= LEAST_LIKENESS]
    return max(alike, key=lambda each: each[:3])[3] if alike else None


def _shown(known: Sequence[KnownValue], head: Head) -> KnownValue | None:
    """The known value that the head shows best: of equal ones the longest."""
    shown = []
    for each in known:
        least = LEAST_SHOWN_OF_IDENTIFIED if each.is_identified else LEAST_SHOWN
        size = len(trigrams(each.text))
        if size >= LEAST_TRIGRAMS and (share := head.shows(each.text, least)):
            shown.append((each.is_identified, share, size, each.text, each))
    return max(shown, key=lambda each: each[:4])[4] if shown else None


def _with_value(found: Extraction, name: str, value: str, proof: Evidence | None) -> Extraction:
    """The extraction with a value of the memory. Without other evidence, it keeps that of the value that was read."""
    return replace(
        found,
        fields={**found.fields, name: value},
        evidence={**found.evidence, name: proof} if proof else found.evidence,
        missing=tuple(path for path in found.missing if path != name),
        remembered=tuple(dict.fromkeys((*found.remembered, name))),
    )


def _with_doubt(found: Extraction, name: str) -> Extraction:
    return replace(found, doubtful=tuple(dict.fromkeys((*found.doubtful, name))))
