"""The letters of the languages whose script the networks know, by Tesseract's names of languages.

The networks know thousands of letters. Those that a dataset's languages do not use are left out of the choice.
"""

from __future__ import annotations

from collections.abc import Sequence

# On receipts and invoices in any of these languages.
COMMON = frozenset(map(chr, range(32, 127))) | frozenset("€£¥§°")
# All that the networks for Latin letters tell apart.
LATIN = frozenset(map(chr, (*range(32, 127), *range(0xA1, 0x250)))) | frozenset("€–—‘’“”…•™°№£¥₹")
# Letters besides those of ASCII; each also as a capital. The networks also list letters such as those of Polish or Czech,
# but do not recognise them: these languages are not here.
_LATIN = {
    "afr": "áéèêëíîïóôúûý",
    "cat": "àçéèíïóòúü·",
    "dan": "æøåé",
    "deu": "äöüßé",
    "eng": "",
    "eus": "ñü",
    "fin": "äöåšž",
    "fra": "àâæçéèêëîïôœùûüÿ«»",
    "gle": "áéíóú",
    "glg": "áéíñóúü",
    "ind": "",
    "ita": "àèéìíîòóùú«»",
    "lat": "",
    "ltz": "äëéèöü",
    "msa": "",
    "nld": "áéëèïíóöúü",
    "nor": "æøåéòôó",
    "por": "àáâãçéêíóôõúü",
    "spa": "áéíñóúü¿ºª",
    "sqi": "çë",
    "swa": "",
    "swe": "åäöéü",
}
# Languages with thousands of letters: the networks choose among all that they know. The letters here show whether a
# network knows the script at all.
_OPEN = {
    "chi_sim": "的一是不了人在有我他这为国发票总额",
    "chi_tra": "的一是不了人在有我他這為國發票總額",
    "jpn": "のにはをたがでてとしアイスンルトラ年月日合計",
}


LANGUAGES = (*_LATIN, *_OPEN)


def of_languages(languages: Sequence[str]) -> frozenset[str] | None:
    """The letters that these languages use; None if the script of one is unknown."""
    used = set(COMMON)
    for language in languages:
        own = _LATIN.get(language, _OPEN.get(language))
        if own is None:
            return None
        # The capital of "ß" is "SS", and that of some other letters is no single character either.
        used |= set(own) | {letter.upper() for letter in own if len(letter.upper()) == 1}
    return frozenset(used)


def has_open_alphabet(languages: Sequence[str]) -> bool:
    return any(language in _OPEN for language in languages)
