"""Candidates for a company: the lines at the head of a document that name its sender."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial

from layers.domain.extraction import labels
from layers.domain.extraction.boxes import enclosing_box
from layers.domain.extraction.candidate import Candidate
from layers.domain.extraction.dates import dates
from layers.domain.extraction.labels import Label
from layers.domain.extraction.legal_forms import has_legal_form, with_read_form
from layers.domain.extraction.lines import Line
from layers.domain.extraction.registrations import NUMBER
from layers.domain.extraction.text_candidates import (
    COMPANY,
    COMPANY_WORD,
    HEADER_LINES,
    HOUSE_NUMBER,
    LEAST_LETTERS,
    NEAR_TOP,
    NOT_A_TITLE,
    bare_title,
    sender_candidates,
    title_candidates,
    unread_penalty,
)
from layers.domain.page import Evidence

STAMP = re.compile(r"\s*(?<!\()\b[A-Z]{0,3}\d{5,}(?:-[A-Z\d])?\b(?!\))")  # a number that is no part of a name
DOMAIN = re.compile(r"(?:@|https?://(?:www\.)?|www\.)\s?([\w-]{3,40})\s?\.\s?[a-z]{2,}|([\w.-]{4,40})@(?:gmail|yahoo|hotmail|outlook|gmx|web)\b", re.IGNORECASE)  # fmt: skip
FREE_MAIL = frozenset({"gmail", "yahoo", "hotmail", "outlook", "gmx", "web", "icloud", "live", "msn", "mail"})
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
NUMBER_BONUS, DOMAIN_BONUS = 12.0, 12.0
SHORTEST_DOMAIN = 4
DOMAIN_LINES = 400
MOST_LINES, MOST_WORDS, LEAST_JOINED_LETTERS = 4, 5, 6


def company_candidates(lines: Sequence[Line]) -> Iterator[Candidate]:
    """The titles of the document and names that continue in the next line, scored by what shows a sender: a legal form, a
    registration number, the domain of an address; and the sender of a mail. Slogans and badly read lines score lower. A
    line of labels and their values, the header of a table or the title of the document is no name."""
    head = lines[:HEADER_LINES]
    domains = _domains(lines)
    known = labels.words_beside_values_in(labels.lowered("\n".join(line.text for line in head)))
    for index, candidate in (*_titles(head), *_joined(head)):
        if not _may_be_a_name(labels.lowered(candidate.value), known):
            continue
        score = candidate.score + _form_score(candidate.value) + _number_score(head, index, candidate.value)
        score += DOMAIN_BONUS if _has_domain(candidate.value, domains) else 0.0
        name = with_read_form(candidate.value)
        doubtful = candidate.doubtful or name != candidate.value
        yield candidate._replace(value=name, score=score, doubtful=doubtful)
    yield from (each for each in sender_candidates(lines) if _may_be_a_name(labels.lowered(each.value), known))


def title_candidates_by_domain(lines: Sequence[Line]) -> Iterator[Candidate]:
    """The titles of the document. One whose words are the domain of an address scores higher, as that of a sender does."""
    domains = _domains(lines)
    for candidate in title_candidates(lines):
        bonus = DOMAIN_BONUS if _has_domain(candidate.value, domains) else 0.0
        yield candidate._replace(score=candidate.score + bonus)


def _titles(head: Sequence[Line]) -> Iterator[tuple[int, Candidate]]:
    """Each title with the index of its line. Numbers that are no part of a name are left out; a name around one, or with
    a stray mark, is doubtful. A line such as `Trading` is the end of the name above."""
    for index, line in enumerate(head):
        if index and _only_continues(line.text) and sum(map(str.isalpha, head[index - 1].text)) >= LEAST_LETTERS:
            continue
        for candidate in title_candidates([line]):
            name = _name_before_number(line.text) or STAMP.sub("", candidate.value).replace("_", " ").strip(" .,:;-")
            if sum(map(str.isalpha, name)) >= LEAST_LETTERS:
                is_far_down = index >= NEAR_TOP and COMPANY.search(name.lower())
                score = candidate.score - 4 * index - (COMPANY_WORD if is_far_down else 0.0)
                doubtful = name not in candidate.value
                yield index, candidate._replace(value=name, score=score, doubtful=doubtful)


def _name_before_number(text: str) -> str | None:
    """The name before a registration number, if the line is one: `MYNEWS RETAIL SB(306295-X) FKA BISON STORES SB`."""
    found = NUMBER.search(text)
    name = text[: found.start()].strip(" .,:;-") if found and found[0][0] in "([{" else ""
    return name if len(name.split()) > 1 and not HOUSE_NUMBER.match(name) and ":" not in name else None


def _number_score(head: Sequence[Line], index: int, name: str) -> float:
    """Names have a registration number behind them, or in one of the two lines below that are no other names."""
    if NUMBER.search(head[index].text):
        return NUMBER_BONUS
    below = head[index + 1 : index + 3]
    return NUMBER_BONUS / 2 if any(NUMBER.search(line.text) for line in below) and has_legal_form(name) else 0.0


def _domains(lines: Sequence[Line]) -> set[str]:
    """The names in the addresses of mail and the web that a document shows, without points and hyphens."""
    found = (
        match
        for line in lines[:DOMAIN_LINES]
        if "@" in line.text or "www" in line.text.lower()
        for match in DOMAIN.finditer(line.text)
    )
    names = {re.sub(r"[\W_\d]", "", (match[1] or match[2]).lower()) for match in found}
    return {name for name in names if len(name) >= SHORTEST_DOMAIN and name not in FREE_MAIL}


def _has_domain(name: str, domains: set[str]) -> bool:
    """Whether the first words of a name are those of a domain, or begin it."""
    words = re.findall(r"[^\W_]+", name.lower().replace("'", ""))
    starts = {"".join(words[:count]) for count in range(1, len(words) + 1)}
    return any(
        len(start) >= SHORTEST_DOMAIN and (domain.startswith(start) or start == domain)
        for start in starts
        for domain in domains
    )


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


def _joined(top: Sequence[Line]) -> Iterator[tuple[int, Candidate]]:
    """Names over several lines: the first ends within parentheses, or the next begins with a word such as "Ltd"."""
    for index in range(len(top) - 1):
        parts = [bare_title(top[index])]
        while parts[-1] and len(parts) < MOST_LINES and index + len(parts) < len(top):
            following = bare_title(top[index + len(parts)])
            if not following or len(following.split()) > MOST_WORDS or not _continues(" ".join(parts), following):
                break
            parts.append(following)
        text = " ".join(parts).replace("_", " ")
        lowered = text.lower()
        is_name = (
            len(parts) > 1 and sum(map(str.isalpha, text)) >= LEAST_JOINED_LETTERS and not HOUSE_NUMBER.match(text)
        )
        if is_name and not NOT_A_TITLE.search(lowered):
            score = (
                50.0 - 4 * index + JOINED_BONUS - max(unread_penalty(line) for line in top[index : index + len(parts)])
            )
            evidence = partial(_evidence, top[index : index + len(parts)], text)
            yield index, Candidate(text, evidence, score, doubtful=any("_" in part for part in parts))


def _only_continues(text: str) -> bool:
    return all(CONTINUES.match(word) for word in text.lower().split())


def _continues(name: str, following: str) -> bool:
    is_open = name.count("(") > name.count(")")
    return is_open or bool(CONTINUES.match(following.lower()) and not has_legal_form(name))


def _evidence(lines: Sequence[Line], text: str) -> Evidence:
    box = enclosing_box([box for line in lines if (box := line.evidence(0, len(line.text)).box)])
    return Evidence(lines[0].page, text, box)
