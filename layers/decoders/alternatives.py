"""Chooses between the plain text and the HTML of a message that has both."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass

WORD = re.compile(r"\w+")
LINK = re.compile(r"<?https?://\S+|\[cid:[^\]]*\]")
COVERED = 0.8  # the share of the HTML's words that plain text must contain to count as the same text


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
    """The alternative with the most content. Plain text keeps its lines better, so it is used if it repeats the HTML."""
    filled = [alternative for alternative in alternatives if any(piece.text.strip() for piece in alternative)]
    plain = next((alternative for alternative in reversed(filled) if not _is_html(alternative)), None)
    laid_out = next((alternative for alternative in reversed(filled) if _is_html(alternative)), None)
    if plain is None or laid_out is None:
        return plain or laid_out or next(iter(alternatives), [])
    return plain if _is_as_complete(_text_of(plain), _text_of(laid_out)) else laid_out


def _is_as_complete(plain: str, laid_out: str) -> bool:
    """Whether plain text contains the content of the HTML: its figures, and most of its words."""
    words, others = _words(plain), _words(laid_out)
    figures, other_figures = ({word for word in group if word[0].isdigit()} for group in (words, others))
    if not other_figures <= figures:
        return False
    return len(others & words) >= COVERED * len(others) or bool(figures - other_figures)


def _words(text: str) -> set[str]:
    return set(WORD.findall(LINK.sub(" ", text).casefold()))


def _is_html(pieces: Sequence[Piece]) -> bool:
    return any(piece.html for piece in pieces)


def _text_of(pieces: Sequence[Piece]) -> str:
    return "\n".join(piece.text for piece in pieces)
