"""Candidates for an address: neighbouring lines at the head of a document that read like its parts.

The parts are a house number, the word for a street or building, and a postcode, in any order. Lines with other things,
such as a telephone number, end an address.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial

from layers.domain.extraction import labels
from layers.domain.extraction.boxes import enclosing_box
from layers.domain.extraction.candidate import Candidate
from layers.domain.extraction.confusions import known_word, with_digits
from layers.domain.extraction.dates import dates
from layers.domain.extraction.known_regions import is_region
from layers.domain.extraction.legal_forms import has_legal_form
from layers.domain.extraction.lines import Line
from layers.domain.extraction.registrations import NUMBER
from layers.domain.extraction.text_candidates import SENDER_LINE
from layers.domain.page import Evidence

HEADER_LINES = 18
OF_BLOCK, OF_SENDER_LINE = 1.0, 2.0  # scores
LONG_WORD = 6  # shorter words without digits may be other ones
# Words whose misreadings are corrected: of streets and buildings, and names of countries.
KNOWN_WORDS = (
    "street", "road", "avenue", "boulevard", "square", "building", "floor", "level", "block", "mall", "plaza", "jalan", "jln", "lot",
    "lorong", "taman", "persiaran", "kampung", "bandar", "seksyen", "kawasan", "perindustrian", "strasse", "allee", "platz", "calle",
    "avenida", "piazza", "viale", "straat", "laan", "malaysia", "singapore", "indonesia", "thailand", "philippines", "australia",
    "germany", "deutschland", "france", "italia", "italy", "spain", "españa", "portugal", "brasil", "netherlands", "nederland",
    "belgium", "austria", "österreich", "switzerland", "poland", "polska", "ireland", "kingdom", "united states", "canada", "mexico",
    "méxico", "argentina", "colombia", "chile", "india", "pakistan", "sweden", "sverige", "norway", "norge", "denmark", "danmark",
    "finland", "suomi", "hungary", "romania", "românia", "croatia", "greece", "turkey", "türkiye",
)  # fmt: skip
MOST_LINES = 6
STREET = re.compile(
    r"\b(?:street|st|road|rd|avenue|ave|lane|drive|boulevard|blvd|highway|square|plaza|building|tower|block|floor|level|lot|"
    r"mall|parkway|pkwy|court|crescent|terrace|close|quay|wharf|estate|industrial|nagar|marg|chowk|sector|colony|soi|thanon|jl|"
    r"autoroute|chemin|impasse|zone|zi|lotissement|km|rond-point|poligono|pol[ií]gono|carretera|ctra|c/|strada|stradale|"
    r"avenida|av|alameda|rodovia|quadra|rambla|ronda|ring|weg|damm|ufer|kade|singel|dreef|bulv[aá]r|nábřeží|sídliště|"
    r"korut|k[öo]z|fasor|bd|bulevardul|[sș]oseaua|ulitsa|prospekt|улица|ул|проспект|пр|оδός|οδός|λεωφ|"
    r"unit|suite|jalan|jln|lorong|taman|tmn|lebuh\w*|persiaran|kampung|kg|bandar|medan|seksyen|kawasan|dataran|mukim|batu|"
    r"rue|route|quai|cours|place|all[ée]e|calle|avenida|avda|paseo|plaza|carrer|via|viale|piazza|corso|rua|travessa|largo|"
    r"platz|allee|gasse|ulica|ul|aleja|al|plac|utca|[uú]t|t[ée]r|ulice|n[áa]m[ěe]st[íi]|gata|gatan|v[äa]gen|vej|veien|gade|"
    r"katu|tie|straat|laan|plein|gracht|cadde\w*|sokak|mahalle\w*|postbus|postfach)\b"
    r"|\w+stra(?:ss|ß)e\b|\w+str\.|[都道府県区市町村]\S*\d|[省市区路街]\S*号|\w+(?:weg|platz|allee|gasse|straat|laan|gatan|v[äa]gen|vej|katu)\b|\bp\.?o\.? ?box\b"
)
HOUSE = re.compile(r"^\W{0,3}(?:no\b\W{0,3}\w*\d|[a-z]{0,3}\d+[\w&/-]{0,12}\s?,|[a-z]-?\d+,)")
BEGINS_WITH_NUMBER = re.compile(r"^\d{1,5}[\s-]+[a-z]{3}")
# Of five or six digits, of four digits before a town, with a hyphen; British, Canadian and Dutch ones.
POSTCODE = re.compile(
    r"(?<![\d-])(?<!lot )(?<!no )(?<!no\. )(?<!no\.)(?<!p\.t\. )(?<!pt )\d{5,6}(?![\d-])(?=[\s,.]{0,3}[^\W\d]{2}|\W{0,3}$)"
    r"|\b\d{2}-\d{3}\b(?=\s[^\W\d]{2})|\b\d{3} \d{2}\b(?=\s[^\W\d]{2})|\b\d{4}(?=\s[^\W\d]{4,}(?: [a-z]{1,2})?\W*$)"
    r"|\b[a-z]{1,2}\d[\da-z]? ?\d[a-z]{2}\b|\b[a-z]\d[a-z] ?\d[a-z]\d\b"
    r"|\b\d{4} ?[a-z]{2}\b(?=\W+[a-z]{3})(?!.*\b(?:st|street|rd|road|ave|avenue|blvd|dr|drive|ln|lane|way)\b)|\b[a-z]{1,3}-\d{4,5}(?=\s[^\W\d]{3})"
    r"|\b[a-z]{2} \d{5}(?:-\d{4})?\b|\b\d{4,5}-\d{3}\b(?!-)|\b(?:nsw|vic|qld|wa|sa|tas|act|nt) \d{4}\b|〒\s?\d{3}-\d{4}"
)
OTHER = re.compile(
    r"\btel|\bfax|phone|mobile|whatsapp|\bgst\b|\bvat\b|\btax\b|\binvoice|receipt|\bdate\b|\btime\b|www|@|\breg\b|cashier|\bbill\b|"
    r"\btotal\b|\bcash\b|\bcard\b|\bcopy\b|\bkasse|quittung|scontrino|ticket|\bcaisse|[$€£¥₹]\s?\d|\btable\b|\border\b|\bqty\b|\bco\.? ?no|\broc\b|member|welcome|thank|\bguest\b|\bcontract\b|vertrag|rechnung|facture|factura|faktura|"
    r"(?<!no)\s?:"
)
NUMBER_OF_UNIT = re.compile(r"\b(?:lot|unit|shop|plot|house|flat|suite|block|door|kedai) ?no ?\.? ?:")
# Words before an address: `HQ Add:`, `Registered Office:`.
LABEL = re.compile(
    r"\W{0,3}(?:(?:hq|head ?quarters?|our|shop|store|business|company|office|registered|mailing|postal|branch) ){0,2}"
    r"(?:(?:add|addr|address|adresse|adres|adress|adresa|alamat|direcci[oó]n|domicilio|indirizzo|endere[cç]o|morada|anschrift|osoite)"
    r"\b\.?\s?:|(?:registered|head) office\s?:)\s*"
)
STREET_AND_HOUSE = re.compile(r"[^\W\d]{3,}\.?(?:[ -][^\W\d]+\.?){0,4},? \d{1,4}(?:[ -/]?[\da-z]{1,3})?\W?")
ONLY_A_NUMBER = re.compile(r"^\W*(?:[a-z]{0,2}[\d\s()+-]{5,}-?\s?[a-z]?)\W*$")
TOWN = re.compile(r"[^\W\d]+(?: [^\W\d]+){0,2}\W?")


def address_candidates(lines: Sequence[Line]) -> Iterator[Candidate]:
    """The address in the line of a sender, and the first address below the first line."""
    top = list(lines[:HEADER_LINES])
    for line in top:
        if sender := SENDER_LINE.fullmatch(line.text.strip()):
            begin = line.text.find(sender["address"])
            yield Candidate(
                sender["address"], partial(line.evidence, begin, begin + len(sender["address"])), OF_SENDER_LINE
            )
    written = [_without_label(line.text.strip()) for line in top]
    texts = [labels.lowered(with_digits(text)) for text in written]
    others = [_is_other(line, text) for line, text in zip(top, texts, strict=True)]
    parts = [not others[at] and (_is_part(text) or _is_above_town(at, texts)) for at, text in enumerate(texts)]
    starts = (at for at in range(1, len(top)) if parts[at] and _may_begin(texts[at]))
    if (start := next(starts, None)) is None:
        return
    first, end = _first(start, texts, others), _end(start, texts, others, parts)
    address, text = top[first:end], " ".join(written[first:end])
    parts_of_lines = zip(address, written[first:end], strict=True)
    boxes = (line.evidence(line.text.find(part), len(line.text)).box for line, part in parts_of_lines)
    box = enclosing_box([each for each in boxes if each])
    value = _as_printed(text)
    yield Candidate(value, lambda: Evidence(address[0].page, text, box), OF_BLOCK, doubtful=value != text)


def _without_label(text: str) -> str:
    label = LABEL.match(labels.lowered(text))
    return text[label.end() :] if label else text


def _as_printed(text: str) -> str:
    """The text with digits for letters within numbers, and with words of addresses for what OCR made of them."""
    words = re.split(r"([\s,./()]+)", with_digits(text))
    return "".join(known_word(word, KNOWN_WORDS) or word if _may_be_misread(word) else word for word in words)


def _may_be_misread(word: str) -> bool:
    """Whether a word mixes letters and digits, or has as many letters as there are only in long words."""
    has_digit = any(map(str.isdigit, word))
    return len(word) >= 3 and any(map(str.isalpha, word)) and (has_digit or len(word) >= LONG_WORD)


def _is_other(line: Line, text: str) -> bool:
    text = NUMBER_OF_UNIT.sub("", text)
    is_number = ONLY_A_NUMBER.match(text) or (NUMBER.search(text) and not POSTCODE.search(text))
    return bool(OTHER.search(text) or is_number or dates(line.text))


def _is_part(text: str) -> bool:
    return bool(STREET.search(text) or POSTCODE.search(text) or HOUSE.match(text))


def _is_above_town(at: int, texts: Sequence[str]) -> bool:
    """Whether a line is a name and a house number, above a line that begins with a postcode: a street without a word such
    as "street"."""
    below = POSTCODE.match(texts[at + 1]) if at + 1 < len(texts) else None
    return below is not None and STREET_AND_HOUSE.fullmatch(texts[at]) is not None


def _may_begin(text: str) -> bool:
    is_named = has_legal_form(text) and not POSTCODE.search(text) and not HOUSE.match(text)
    return not text.startswith("(") and not is_named


def _first(start: int, texts: Sequence[str], others: Sequence[bool]) -> int:
    """The first line: up to two lines above that end with a comma belong to the address too."""
    first = start
    while first > max(1, start - 2) and not others[first - 1] and texts[first - 1].endswith(","):
        if has_legal_form(texts[first - 1]):
            break
        first -= 1
    return first


def _end(start: int, texts: Sequence[str], others: Sequence[bool], parts: Sequence[bool]) -> int:
    """The line after the last one. After the postcode only what completes its town belongs to the address."""
    end, has_postcode = start + 1, bool(POSTCODE.search(texts[start]))
    while end < min(len(texts), start + MOST_LINES) and not others[end]:
        before = texts[end - 1]
        is_open = before.endswith((",", "-"))
        if has_postcode:
            if not (is_open or _completes(before, texts[end])):
                break
            end += 1
            if not is_open:
                break
            continue
        near = any(parts[end + 1 : end + 3]) and not any(others[end + 1 : end + 2])
        if not (parts[end] or is_open or before.endswith((".", "&")) or near):
            break
        has_postcode = bool(POSTCODE.search(texts[end]))
        end += 1
    while end < len(texts) and is_region(texts[end]):
        end += 1
    return end


def _completes(before: str, text: str) -> bool:
    """Whether a line after that of the postcode names its town or region."""
    if (found := POSTCODE.search(before)) is None:
        return False
    behind = before[found.end() :]
    if not re.search(r"[^\W\d]", behind) or BEGINS_WITH_NUMBER.match(text):
        return True
    return bool(TOWN.fullmatch(text)) and "," not in behind.strip(" ,.") and not before.endswith(".")
