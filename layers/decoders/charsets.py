"""Charsets: which encoding a text without a reliable label is in, and what a label means on the web (WHATWG)."""

from __future__ import annotations

import codecs
import itertools
import re
import unicodedata
from functools import cache

from layers.domain.extraction.dates import month_names
from layers.domain.extraction.label_words import OTHER_LANGUAGES
from layers.domain.extraction.labels import SYNONYMS
from layers.domain.extraction.language import FREQUENT
from layers.domain.extraction.spelling import folded

BYTE_ORDER_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
# Labels whose meaning on the web differs from their name (https://encoding.spec.whatwg.org), in Python's names.
MEANT = {
    **dict.fromkeys(("latin1", "latin-1", "l1", "iso-8859-1", "iso8859-1", "iso_8859-1", "iso88591", "ascii", "us-ascii",
                     "ansi_x3.4-1968", "cp819", "x-cp1252", "ansi"), "cp1252"),
    **dict.fromkeys(("iso-8859-9", "latin5", "iso8859-9", "iso_8859-9", "x-cp1254"), "cp1254"),
    **dict.fromkeys(("iso-8859-11", "tis-620", "iso8859-11", "dos-874", "windows-874"), "cp874"),
    **dict.fromkeys(("gb2312", "gb_2312-80", "gbk", "x-gbk", "chinese", "csgb2312", "gb_2312", "euc-cn", "x-euc-cn"), "gb18030"),
    **dict.fromkeys(("shift_jis", "shift-jis", "sjis", "x-sjis", "ms_kanji", "windows-31j", "csshiftjis", "ms932"), "cp932"),
    **dict.fromkeys(("euc-kr", "ks_c_5601-1987", "ks_c_5601", "korean", "ksc5601", "ksc_5601", "windows-949"), "cp949"),
    **dict.fromkeys(("big5", "big5-hkscs", "cn-big5", "x-x-big5"), "big5hkscs"),
    **dict.fromkeys(("iso-8859-8-i", "iso-8859-8-e", "csiso88598i", "logical", "visual"), "iso8859_8"),
    **dict.fromkeys(("iso-8859-6-i", "iso-8859-6-e"), "iso8859_6"),
    **dict.fromkeys(("unicode-1-1-utf-8", "utf8", "x-unicode20utf8", "utf8mb4"), "utf-8"),
    **dict.fromkeys(("koi8-ru", "koi"), "koi8_u"),
    "x-cp1250": "cp1250", "x-cp1251": "cp1251", "macintosh": "mac_roman", "x-mac-roman": "mac_roman", "mac": "mac_roman",
    "x-mac-cyrillic": "mac_cyrillic", "x-mac-ukrainian": "mac_cyrillic", "x-euc-jp": "euc_jp", "iso-2022-jp-ms": "iso2022_jp",
}  # fmt: skip
NOT_BELIEVED = ("utf-16", "utf-32", "utf-7", "utf_16", "utf_32", "utf_7", "x-user-defined", "replacement")
# Codecs of Python that are no encodings of documents. Some of them make surrogates, which no other text may have.
NO_ENCODINGS = (*NOT_BELIEVED, "unicode-escape", "raw-unicode-escape", "idna", "punycode", "undefined", "mbcs", "oem")
SINGLE_BYTE = (
    "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258", "cp874", "iso8859_2",
    "iso8859_15", "koi8_u", "cp866", "cp437", "cp850", "cp852", "mac_roman", "mac_cyrillic", "iso8859_5", "iso8859_7",
)  # fmt: skip
MANY_BYTE = ("cp932", "gb18030", "big5hkscs", "cp949", "euc_jp")
MOST_SAMPLED_BYTES = 20_000
WORD = re.compile(r"[^\W\d_]+")
# Characters that are rare in real text, but frequent in text that was decoded with the wrong encoding.
NOISE = re.compile("[\x80-\x9f\ue000-\uf8ff\ufffd\uff61-\uff9f\u2500-\u259f]|[¤¦¨¬¯¸¹²³¼½¾¿¡]")
LETTER_IN_LETTERS = re.compile(r"[a-zA-Z][^\x00-\x7f\w\s‘’'“”–—-][a-zA-Z]")
# The most frequent letters in languages of the Latin script, besides ASCII.
COMMON_LATIN = frozenset("äöüßÄÖÜéèêëçàâîïôùûœÉÈÀñáíóúãõÁÍÓÚåæøÅÆØ€£°§«»–—„“”’…·ªº®©™")
CENTRAL_LATIN = frozenset("ąćęłńśźżĄĆĘŁŃŚŹŻčďěňřšťůžČĎĚŇŘŠŤŮŽľőűŐŰăâîșțşţđĐ")
TURKISH, BALTIC = frozenset("ğışĞİŞ"), frozenset("āēīūķļņģĀĒĪŪĶĻŅĢėįųĖĮŲ")


def codec_of(label: str | None) -> str | None:
    """Python's name for the encoding that a label means on the web, or None if it is unknown or unreliable."""
    name = (label or "").strip().strip("\"'").lower()
    if not name or name.startswith(NOT_BELIEVED):
        return None
    if name in MEANT:
        return MEANT[name]
    try:
        found = codecs.lookup(name)
    except (LookupError, ValueError):
        return None
    is_encoding = found._is_text_encoding and not found.name.replace("_", "-").startswith(NO_ENCODINGS)
    return MEANT.get(found.name, found.name) if is_encoding else None


def decode(content: bytes, label: str | None = None, *, is_cut: bool = False) -> str:
    """The text of bytes: by a byte order mark, as UTF-8, by the label, or by the most plausible encoding. Without NULs.

    Text that is valid UTF-8 is read as UTF-8 whatever its label is. `is_cut`: the last character may be incomplete.
    """
    errors = "ignore" if is_cut else "strict"
    mark = next((name for mark, name in BYTE_ORDER_MARKS if content.startswith(mark)), None) or _wide(content)
    if mark:
        return content.decode(mark, "replace").replace("\x00", "")
    codec = codec_of(label)
    if codec and codec.replace("_", "-").startswith(("iso2022", "iso-2022", "hz")):
        return (_strict(content, codec, errors) or content.decode(codec, "replace")).replace("\x00", "")
    text = _strict_utf8(content, is_cut)
    if text is not None and not (b"\x1b$" in content or b"\x1b(" in content):
        return text.replace("\x00", "")
    if b"\x1b$" in content and (text := _strict(content, "iso2022_jp_ext", errors)):
        return text.replace("\x00", "")
    if codec and codec != "utf-8" and (text := _strict(content, codec, errors)) is not None:
        return text.replace("\x00", "")
    return _most_plausible(content, is_cut).replace("\x00", "")


def _strict_utf8(content: bytes, is_cut: bool) -> str | None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        return decoder.decode(content, final=not is_cut)
    except UnicodeDecodeError:
        return None


def _strict(content: bytes, codec: str, errors: str) -> str | None:
    try:
        return content.decode(codec, errors)
    except (LookupError, ValueError):
        return None


def _wide(content: bytes) -> str | None:
    start = content[:2000]
    if len(start) < 4:
        return None
    if start[1::2].count(0) > 0.4 * len(start) / 2:
        return "utf-16-le"
    if start[::2].count(0) > 0.4 * len(start) / 2:
        return "utf-16-be"
    return None


# The weight of charset-normalizer's result. It can hardly distinguish the encodings of Latin letters.
SUSPICION, LATIN_SUSPICION = 1.5, 0.2
LATIN = {"cp1250", "iso8859_2", "cp1254", "cp1257", "iso8859_4", "iso8859_13", "iso8859_16"}


def _most_plausible(content: bytes, is_cut: bool) -> str:
    sample = content[:MOST_SAMPLED_BYTES]
    suspected = _suspected(sample)
    best, best_score = "cp1252", float("-inf")
    for codec in (*MANY_BYTE, *SINGLE_BYTE):
        text = _sampled(sample, codec, len(content) > len(sample) or is_cut)
        if text is None:
            continue
        score = plausibility(text, codec)
        if codec == suspected:
            score += LATIN_SUSPICION if codec in LATIN else SUSPICION
        if score > best_score:
            best, best_score = codec, score
    return content.decode(best, "ignore" if is_cut else "replace")


def _sampled(sample: bytes, codec: str, is_cut: bool) -> str | None:
    try:
        return codecs.getincrementaldecoder(codec)().decode(sample, final=not is_cut)
    except UnicodeDecodeError:
        return None


def _suspected(sample: bytes) -> str | None:
    """The encoding according to charset-normalizer."""
    import charset_normalizer

    best = charset_normalizer.from_bytes(sample, steps=3, threshold=0.3).best()
    return codec_of(best.encoding) if best else None


def plausibility(text: str, codec: str) -> float:
    """How much a text looks like a language that is written in this encoding; only characters beyond ASCII count."""
    others = [character for character in text if character > "\x7f"]
    if not others:
        return 0.0
    score = -2.0 * len(NOISE.findall(text)) - 2.0 * len(LETTER_IN_LETTERS.findall(text))
    score -= 3.0 * sum(unicodedata.category(character) in ("Cn", "Co", "Cc") for character in others)
    for word in set(WORD.findall(text)):
        if not word.isascii():
            score += _word_score(word)
    score += sum(8.0 for label in _east_asian_labels() if label in text)
    score += sum(map(_letter_score, others)) / len(others) * min(20, len(others)) * 0.3
    return score - (0.0 if codec == "cp1252" else 0.25 if codec in ("cp932", "gb18030", "cp1251", "cp1250") else 0.5)


def _word_score(word: str) -> float:
    score = 6.0 if len(word) > 2 and folded(word) in _known_words() else 0.0
    score += 4.0 if word.lower() in _spelt_words() else 0.0
    scripts = {_script(character) for character in word}
    score -= 3.0 * (len(scripts) - 1)
    # A capital after a small letter is unusual in text, but frequent in KOI8 that was decoded as 1251.
    score -= 3.0 * any(left.islower() and right.isupper() for left, right in itertools.pairwise(word))
    return score


def _letter_score(character: str) -> float:
    """How frequent a character is, between -1 and 1."""
    if character in COMMON_LATIN:
        return 1.0
    if character in CENTRAL_LATIN or character in TURKISH or character in BALTIC:
        return 0.7
    if "\u3040" <= character <= "\u30ff":
        return 1.0
    if "\u4e00" <= character <= "\u9fff" or "\uac00" <= character <= "\ud7a3":
        return 0.8 if _is_common(character) else -1.0
    if "\u0430" <= character <= "\u044f" or "\u0410" <= character <= "\u042f" or "\u0e01" <= character <= "\u0e4e":
        return 0.6
    if "\u03ac" <= character <= "\u03ce" or "\u05d0" <= character <= "\u05ea" or "\u0621" <= character <= "\u064a":
        return 0.6
    if "\u3000" <= character <= "\u303f" or "\uff01" <= character <= "\uff5e" or character == "\xa0":
        return 0.3
    return -0.5


@cache
def _is_common(character: str) -> bool:
    """Whether a character is in the first, most frequent part of a national standard."""
    for codec, first, last in (
        ("gb2312", 0xB0, 0xD7),
        ("euc_jp", 0xB0, 0xCF),
        ("big5", 0xA4, 0xC6),
        ("euc_kr", 0xB0, 0xC8),
    ):
        try:
            encoded = character.encode(codec)
        except UnicodeEncodeError:
            continue
        if len(encoded) == 2 and first <= encoded[0] <= last:
            return True
    return False


def _script(character: str) -> str:
    name = unicodedata.name(character, "").split(" ", 1)[0]
    return "CJK" if name in ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "KATAKANA-HIRAGANA", "IDEOGRAPHIC") else name


@cache
def _known_words() -> frozenset[str]:
    """Folded words of documents in many languages."""
    labels = [*OTHER_LANGUAGES.values(), FREQUENT, *(" ".join(some) for some in SYNONYMS.values())]
    words = {folded(word) for text in labels for word in WORD.findall(text)}
    return frozenset(words | month_names().keys())


@cache
def _spelt_words() -> frozenset[str]:
    """Words of labels with their accents."""
    return frozenset(word for text in OTHER_LANGUAGES.values() for word in WORD.findall(text) if not word.isascii())


@cache
def _east_asian_labels() -> tuple[str, ...]:
    texts = (line.split(" ", 2)[2] for text in OTHER_LANGUAGES.values() for line in text.strip().splitlines())
    labels = {label.strip() for text in texts for label in text.split("|")}
    return tuple(sorted(label for label in labels if len(label) > 1 and label[0] >= "\u2e80"))
