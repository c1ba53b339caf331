"""Reads Rich Text (RTF): its text with headers, footers, notes and text boxes, without what is hidden or deleted."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any

from layers.decoders.charsets import codec_of
from layers.decoders.text_pages import MAX_CHARACTERS, text_page
from layers.domain.errors import PermanentError

MARK = b"{\\rtf"
MOST_BYTES = 64 << 20
MOST_GROUPS = 1_000  # within each other
TOKEN = re.compile(
    rb"\\([a-zA-Z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z'])|([{}])|[\r\n\x00]+|([^\\{}\r\n\x00]+)",
    re.DOTALL,
)
HEADS = frozenset({"header", "headerl", "headerr", "headerf"})
FEET = frozenset({"footer", "footerl", "footerr", "footerf"})
# Groups that hold data. A group that begins with `\*` and is not in SHOWN is left out too.
LEFT_OUT = frozenset({
    "fonttbl", "colortbl", "stylesheet", "info", "pict", "object", "objdata", "fldinst", "sp", "xe", "tc", "rxe", "txe",
    "bkmkstart", "bkmkend", "private", "filetbl", "listtable", "listoverridetable", "revtbl", "rsidtbl", "generator",
    "themedata", "colorschememapping", "datastore", "latentstyles", "nonshppict", "nonesttables", "atnid", "atnauthor",
    "annotation", "ftnsep", "ftnsepc", "ftncn", "aftnsep", "aftnsepc", "aftncn", "htmltag",
})  # fmt: skip
SHOWN = frozenset({"shpinst", "shptxt", "shppict", "nestcell", "footnote"})
CHARACTERS = {
    "par": "\n", "line": "\n", "sect": "\n", "page": "\n", "row": "\n", "nestrow": "\n", "column": "\n",
    "tab": "\t", "cell": "\t", "nestcell": "\t", "emspace": " ", "enspace": " ", "qmspace": " ",
    "emdash": "\u2014", "endash": "\u2013", "bullet": "\u2022",
    "lquote": "\u2018", "rquote": "\u2019", "ldblquote": "\u201c", "rdblquote": "\u201d",
}  # fmt: skip
SYMBOLS = {
    b"~": "\u00a0",
    b"_": "\u2011",
    b"-": "",
    b"\\": "\\",
    b"{": "{",
    b"}": "}",
    b"\n": "\n",
    b"\r": "\n",
    b"\t": "\t",
}
# The code pages of the character sets of fonts.
CODE_PAGES = {
    0: 1252, 77: 10000, 128: 932, 129: 949, 134: 936, 136: 950, 161: 1253, 162: 1254, 163: 1258, 177: 1255, 178: 1256,
    186: 1257, 204: 1251, 222: 874, 238: 1250, 255: 850,
}  # fmt: skip
MAC = {10000: "mac_roman"}
SURROGATES = re.compile("[\ud800-\udfff]+")


def read_text(path: str, media_type: str) -> list[dict[str, Any]]:
    return [text_page(text_of(path))]


def text_of(path: str) -> str:
    """The text. Raises PermanentError if the file is damaged or too large."""
    with open(path, "rb") as stream:
        content = stream.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise PermanentError("too_large", "the document holds more text than the limit")
    try:
        return text_of_markup(content)
    except ValueError:
        raise PermanentError("corrupt", "the document is damaged and can't be read") from None


def text_of_markup(content: bytes) -> str:
    """The text, with a tab after each cell of a table. Raises ValueError if it can't be read."""
    start = content.find(MARK)
    if start < 0:
        raise ValueError("this is no Rich Text")
    return _Reading().read(content, start)


@dataclass(slots=True)
class _Group:
    """What holds within braces. `place`: the part of the document that it belongs to; None: it is left out."""

    place: str | None = "body"
    is_start: bool = True  # nothing but `\\*` has come yet
    is_optional: bool = False  # it began with `\\*`
    is_hidden: bool = False
    replaced: int = 1  # the characters after a Unicode character that stand for it in older programs
    codec: str = ""
    is_font_table: bool = False


@dataclass(slots=True)
class _Reading:
    texts: dict[str, list[str]] = field(default_factory=lambda: {"head": [], "body": [], "foot": []})
    codec: str = "cp1252"
    fonts: dict[int, str] = field(default_factory=dict)
    groups: list[_Group] = field(default_factory=lambda: [_Group()])
    waiting: bytearray = field(
        default_factory=bytearray
    )  # bytes of one encoding, of which a character may have several
    replaced: int = 0  # how many characters are still to be skipped
    font: int = 0  # the one that the table of fonts describes
    length: int = 0

    def read(self, content: bytes, at: int) -> str:
        while at < len(content) and self.length < 2 * MAX_CHARACTERS and (token := TOKEN.match(content, at)):
            at = token.end()
            word, number, code, symbol, brace, run = token.groups()
            if word == b"bin":
                at += max(0, int(number or 0))
            elif word is not None:
                self._word(word.decode().lower(), None if number is None else int(number))
            elif code is not None:
                self._add_bytes(bytes.fromhex(code.decode()))
            elif run is not None:
                self._add_bytes(run)
            elif brace is not None:
                self._brace(brace)
            elif symbol is not None:
                self._symbol(symbol)
        self._decode()
        parts = ("".join(self.texts[place]) for place in ("head", "body", "foot"))
        lines = (line.rstrip() for part in parts for line in SURROGATES.sub(_joined, part).splitlines())
        return "\n".join(lines).strip("\n")

    def _brace(self, brace: bytes) -> None:
        self._decode()
        self.replaced = 0
        if brace == b"}":
            if len(self.groups) > 1:
                self.groups.pop()
            return
        if len(self.groups) > MOST_GROUPS:
            raise ValueError("it is nested too deep")
        self.groups.append(replace(self.groups[-1], is_start=True, is_optional=False))

    def _symbol(self, symbol: bytes) -> None:
        group = self.groups[-1]
        if symbol == b"*":
            group.is_optional = group.is_start
        elif symbol in SYMBOLS:
            self._add(SYMBOLS[symbol])

    def _word(self, word: str, number: int | None) -> None:
        self._decode()
        group = self.groups[-1]
        if group.is_start:
            self._begin(group, word)
        if word in CHARACTERS:
            self._add(CHARACTERS[word])
        elif word == "u" and number is not None:
            self._add(chr(number % 0x10000))
            self.replaced = group.replaced
        elif word == "uc":
            group.replaced = max(0, number or 0)
        elif word in ("v", "deleted"):
            group.is_hidden = number != 0
        elif word == "plain":
            group.is_hidden = False
        elif word == "ansicpg" and number:
            self.codec = codec_of(f"cp{number}") or self.codec
        elif word == "f":
            self.font = number or 0
            group.codec = self.fonts.get(self.font, "")
        elif word == "fcharset" and group.is_font_table and number in CODE_PAGES:
            page = CODE_PAGES[number]
            self.fonts[self.font] = MAC.get(page, f"cp{page}")

    def _begin(self, group: _Group, word: str) -> None:
        """Note what a group is for, which its first word says."""
        group.is_start = False
        if word == "fonttbl":
            group.is_font_table = True
        if group.place is None:
            return
        if word in HEADS | FEET:
            group.place = "head" if word in HEADS else "foot"
        elif word in LEFT_OUT or (group.is_optional and word not in SHOWN):
            group.place = None

    def _add_bytes(self, content: bytes) -> None:
        self.groups[-1].is_start = False
        skipped = min(self.replaced, len(content))
        self.replaced -= skipped
        self.waiting += content[skipped:]

    def _decode(self) -> None:
        if self.waiting:
            content, self.waiting = bytes(self.waiting), bytearray()
            self._add(content.decode(self.groups[-1].codec or self.codec, "replace"))

    def _add(self, text: str) -> None:
        group = self.groups[-1]
        if self.waiting:
            self._decode()
        if group.place is not None and not group.is_hidden and not group.is_font_table:
            self.texts[group.place].append(text)
            self.length += len(text)


def _joined(match: re.Match[str]) -> str:
    """Characters beyond the first 65,536, which are written as two halves."""
    return match[0].encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
