"""Candidates for a company: the lines at the head of a document that name its sender."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from layers.domain.extraction import labels
from layers.domain.extraction.boxes import enclosing_box
from layers.domain.extraction.candidate import Candidate
from layers.domain.extraction.dates import dates
from layers.domain.extraction.labels import Label
from layers.domain.extraction.lines import Line
from layers.domain.extraction.text_candidates import (
    COMPANY,
    HEADER_LINES,
    HOUSE_NUMBER,
    LEAST_LETTERS,
    NOT_A_TITLE,
    bare_title,
    sender_candidates,
    title_candidates,
)
from layers.domain.page import Evidence

# Legal forms that are no other words, with or without points and spaces.
LEGAL_FORM = re.compile(
    r"\b(?:sdn[. ]{0,2}bhd|bhd|berhad|s/b|pte[. ]{0,2}ltd|pty[. ]{0,2}ltd|pvt[. ]{0,2}ltd|private limited|ltd|limited|ltda|lda"
    r"|inc|incorporated|corp|corporation|llc|llp|plc|gmbh|mbh|ohg|e\.k|b\.v|n\.v|v\.o\.f|s\.?a\.?r\.?l|s\.?a\.?s\.?u|eurl"
    r"|s\.a|s\.l|s\.l\.u|s\.?r\.?l|s\.p\.a|s\.n\.c|oyj|a/s|aps|sp\. ?z ?o\. ?o|s\. ?r\. ?o|a\. ?s|kft|zrt|d\. ?o\. ?o"
    r"|eood|ood|uab|sia|tbk|a\. ?ş|kabushiki kaisha|s\.a\.b\. de c\.v|s\. de r\.l)(?!\w)\.?",
)
# Short forms, which count in capitals at the end of a name: "kg" is also a weight.
SHORT_FORM = re.compile(r"\s(?:AG|KG|UG|SE|BV|NV|SA|SAS|SL|SLU|SRL|SPA|SB|S\.B|AB|OY|AS|ASA|OÜ|KK|SRO|DOO)$")
# Words with which the name of the line above continues.
CONTINUES = re.compile(
    r"^\W{0,2}(?:sdn|bhd|berhad|co\b|company|ltd|limited|inc\b|llc|plc|gmbh|mbh|ag\b|corp|enterprise|trading|restaurant|stores?\b"
    r"|mart\b|market|supermarket|shop|hotel|services|holdings?|group|industries|international|s\.?l\.?u?$|s\.?a\.?$|b\.?v\.?$|"
    r"s\.?r\.?l\.?$|\(m\))"
)
SLOGAN = re.compile(
    r"\bplease\b|\bthank|\bwelcome|\bgoods sold\b|\byours?\b|\bvisit\b|for shopping|come again|\brefund|\breturn(?:able|ed)?\b|redeem|\bpromo"
    r"|\bdanke\b|\bmerci\b|\bgracias\b|\bgrazie\b|\bbedankt\b|\bwillkommen\b|\bbienvenue\b|\bbienvenid"
)
LEGAL_FORM_BONUS, JOINED_BONUS, SLOGAN_PENALTY = 14.0, 12.0, 40.0
MOST_LINES, MOST_WORDS, LEAST_JOINED_LETTERS = 4, 5, 6


def company_candidates(lines: Sequence[Line]) -> Iterator[Candidate]:
    """The titles of the document, where lines with a legal form score higher and slogans lower; names that continue in
    the next line; and the sender of a mail. A line of labels and their values, the header of a table or the title of the
    document is no name."""
    titles = [replace(each, score=each.score + _form_score(each.value)) for each in title_candidates(lines)]
    known = labels.words_beside_values_in(labels.lowered("\n".join(line.text for line in lines[:HEADER_LINES])))
    for candidate in (*titles, *_joined(lines[:HEADER_LINES]), *sender_candidates(lines)):
        if _may_be_a_name(labels.lowered(candidate.value), known):
            yield candidate


def _may_be_a_name(lowered: str, known: Sequence[Label]) -> bool:
    if labels.begins_with_label(lowered, known):
        return False
    for date in reversed(list(dates(lowered))):
        lowered = lowered[: date.start] + " " + lowered[date.end :]
    rest = labels.without_labels(lowered, known)
    is_company = COMPANY.search(rest) or has_legal_form(rest)
    return bool(is_company) or sum(character.isalpha() for character in rest) >= LEAST_LETTERS


def _form_score(text: str) -> float:
    score = LEGAL_FORM_BONUS if has_legal_form(text) else 0.0
    return score - (SLOGAN_PENALTY if SLOGAN.search(text.lower()) else 0.0)


def has_legal_form(text: str) -> bool:
    return bool(LEGAL_FORM.search(text.lower()) or SHORT_FORM.search(text))


def _joined(top: Sequence[Line]) -> Iterator[Candidate]:
    """Names over several lines: the first ends within parentheses, or the next begins with a word such as "Ltd"."""
    for index in range(len(top) - 1):
        parts = [bare_title(top[index])]
        while parts[-1] and len(parts) < MOST_LINES and index + len(parts) < len(top):
            following = bare_title(top[index + len(parts)])
            if not following or len(following.split()) > MOST_WORDS or not _continues(" ".join(parts), following):
                break
            parts.append(following)
        text = " ".join(parts)
        lowered = text.lower()
        is_name = (
            len(parts) > 1 and sum(map(str.isalpha, text)) >= LEAST_JOINED_LETTERS and not HOUSE_NUMBER.match(text)
        )
        if is_name and not NOT_A_TITLE.search(lowered):
            score = 50.0 - 4 * index + JOINED_BONUS + _form_score(text)
            yield Candidate(text, partial(_evidence, top[index : index + len(parts)], text), score)


def _continues(name: str, following: str) -> bool:
    is_open = name.count("(") > name.count(")")
    return is_open or bool(CONTINUES.match(following.lower()) and not has_legal_form(name))


def _evidence(lines: Sequence[Line], text: str) -> Evidence:
    box = enclosing_box([box for line in lines if (box := line.evidence(0, len(line.text)).box)])
    return Evidence(lines[0].page, text, box)
