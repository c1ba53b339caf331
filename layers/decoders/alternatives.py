"""Chooses what a person reads of a message that holds its text more than once, as plain text and as HTML."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass

WORD = re.compile(r"\w+")
LINK = re.compile(r"<?https?://\S+|\[cid:[^\]]*\]")
COVERED = 0.8  # of the words of the HTML that plain text repeats if it says the same


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a message's text. `html` is its source, if it is HTML; `hidden` counts the characters not shown."""

    text: str
    html: str = ""
    hidden: int = 0

    def markup(self) -> str:
        """The piece as HTML that is not sanitised."""
        return self.html or f"<pre>{html.escape(self.text)}</pre>"


def richest(alternatives: Sequence[list[Piece]]) -> list[Piece]:
    """The alternative that says most. Plain text keeps its lines better, so it is taken if it repeats the HTML."""
    said = [one for one in alternatives if any(piece.text.strip() for piece in one)]
    plain = next((one for one in reversed(said) if not _is_html(one)), None)
    laid_out = next((one for one in reversed(said) if _is_html(one)), None)
    if plain is None or laid_out is None:
        return plain or laid_out or next(iter(alternatives), [])
    return plain if _says_as_much(_text_of(plain), _text_of(laid_out)) else laid_out


def _says_as_much(plain: str, laid_out: str) -> bool:
    """Whether plain text says at least what the HTML says: its figures, and most of its words."""
    words, others = _words(plain), _words(laid_out)
    figures, other_figures = ({word for word in some if word[0].isdigit()} for some in (words, others))
    if not other_figures <= figures:
        return False
    return len(others & words) >= COVERED * len(others) or bool(figures - other_figures)


def _words(text: str) -> set[str]:
    return set(WORD.findall(LINK.sub(" ", text).casefold()))


def _is_html(pieces: Sequence[Piece]) -> bool:
    return any(piece.html for piece in pieces)


def _text_of(pieces: Sequence[Piece]) -> str:
    return "\n".join(piece.text for piece in pieces)
