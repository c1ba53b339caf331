"""Legal forms of companies, in many countries, and what OCR makes of them."""

from __future__ import annotations

import re

from layers.domain.extraction.confusions import looks_like

# Forms that are no other words, with or without points and spaces.
LEGAL_FORM = re.compile(
    r"\b(?:sdn[. ]{0,2}bhd|bhd|berhad|s/b|pte[. ]{0,2}ltd|\(?pty\)?[. ]{0,2}ltd|p(?:vt|rivate)[. ]{0,2}l(?:td|imited)|ltd|limited|ltda"
    r"|lda|inc|incorporated|corp|corporation|llc|l\.l\.c|llp|pllc|plc|gmbh|mbh|ohg|gbr|kgaa|e\.k|e\.v|b\.v|b\.v\.b\.a|bvba|c\.v\.b\.a"
    r"|n\.v|v\.o\.f|s\.?a\.?r\.?l|s\.?a\.?s\.?u|eurl|e\.u\.r\.l|s\.a\.s|s\.a|s\.l|s\.l\.u|s\.?r\.?l|s\.p\.a|s\.n\.c|s\.a\.c|s\.?c\.?r\.?l|eireli"
    r"|oyj|a/s|aps|i/s|k/s|ehf|sp\. ?z ?o\. ?o|spółka z|sp\. ?k|s\. ?r\. ?o|a\. ?s|v\. ?o\. ?s|kft|zrt|nyrt|d\. ?o\. ?o|j\. ?d\. ?o\. ?o|d\. ?d"
    r"|eood|ood|ead|uab|sia|o[üu]\b|osaühing|tbk|a\. ?ş|ltd\.? şti|kabushiki kaisha|co\., ?ltd|s\.a\.b\. de c\.v|s\.a\. de c\.v|s\. de r\.l"
    r"|e\.i\.r\.l|fze|fzco|w\.l\.l|saog|ооо|оао|зао|пао|тов|α\.ε|ε\.π\.ε|ι\.κ\.ε)(?!\w)\.?"
    r"|(?:\b(?:pt|pt\.|công ty|cty)\s)(?=[^\W\d]{3})|株式会社|有限会社|合同会社|有限公司|股份公司|주식회사|\(주\)|㈜|บริษัท|בע\"מ|ذ\.م\.م|ش\.م\.م",
)
# Short forms, which count in capitals at the end of a name: "kg" is also a weight.
SHORT_FORM = re.compile(
    r"\s(?:AG|KG|UG|SE|EG|EK|BV|NV|CV|SA|SAS|SCI|SNC|SL|SLU|SRL|SPA|SB|S\.B|AB|HB|KB|OY|KY|AS|ASA|ANS|OÜ|AD|DD|KK|SRO|DOO|BT|PT|AE|EPE"
    r"|LP|PC|CC|PSC)$"
)
# What a misread end of a name is compared with. A part of a form of two words may differ in any one letter.
ENDS = (
    "SDN BHD",
    "PTE LTD",
    "PTY LTD",
    "PVT LTD",
    "CO LTD",
    "S/B",
    "BERHAD",
    "LIMITED",
    "GMBH",
    "SARL",
    "BHD",
    "LTD",
    "LLC",
)
BEHIND_FORM = re.compile(r"^(?P<name>.*\S\s(?:sdn[. ]{0,2}bhd|pte[. ]{0,2}ltd|pty[. ]{0,2}ltd|gmbh|ltd|llc|limited)\.?)\s\W{0,2}\w{1,2}\W?$", re.IGNORECASE)  # fmt: skip
# A number of at least three digits, some of which OCR took for letters, with at least one of its parentheses.
MISREAD_NUMBER = re.compile(
    r"(?=(?:\D*\d){3})(?:[(\[{][A-Z\d]{4,12}[-–.]?[A-Z\d]?[)\]}]?|[A-Z\d]{4,12}[-–.]?[A-Z\d]?[)\]}])"
)


def without_misread_number(name: str) -> str:
    """The name without a misread registration number behind its legal form: `ABC SDN BHD (1U79369-P)`."""
    before, _, last = name.rpartition(" ")
    is_number = MISREAD_NUMBER.fullmatch(last) and any(
        form.end() == len(before) for form in LEGAL_FORM.finditer(before.lower())
    )
    return before if is_number else name


def has_legal_form(text: str) -> bool:
    return bool(LEGAL_FORM.search(text.lower()) or SHORT_FORM.search(text))


def with_read_form(name: str) -> str:
    """The name with the legal form at its end as it is usually written, if OCR misread it: `SDN DHD`, `5/B`. A letter or
    two behind the form are noise."""
    if found := BEHIND_FORM.match(name):
        name = found["name"]
    words = name.split()
    plain = [word.strip(".,()") for word in words]
    if " ".join(plain[-2:]).upper() in ENDS:
        return name
    for form in ENDS:
        parts = form.split()
        last = plain[-len(parts) :]
        if len(words) <= len(parts) or last[-1].upper() == form:
            continue
        if _is_form(last, parts) and (len(parts) > 1 or not has_legal_form(name)):
            return " ".join([*words[: -len(parts)], form if name.upper() == name else form.title()])
    return name


def _is_form(written: list[str], form: list[str]) -> bool:
    """Whether words are a misread form. Of a form of two words, one may differ in any letter if the other is right."""
    if all(looks_like(word, part) for word, part in zip(written, form, strict=True)):
        return True
    is_right = [word.upper() == part for word, part in zip(written, form, strict=True)]
    return len(form) > 1 and any(is_right) and all(map(_differs_once, written, form))


def _differs_once(written: str, known: str) -> bool:
    return len(written) == len(known) and sum(a != b for a, b in zip(written.lower(), known.lower(), strict=True)) <= 1
