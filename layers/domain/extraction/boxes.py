"""Boxes: the smallest box around several boxes."""

from __future__ import annotations

from collections.abc import Sequence

from layers.domain.page import Box, Word


def enclosing_box(boxes: Sequence[Box]) -> Box | None:
    """The smallest box that encloses all boxes, in their unit; None without boxes."""
    if not boxes:
        return None
    return (
        min(box[0] for box in boxes),
        min(box[1] for box in boxes),
        max(box[2] for box in boxes),
        max(box[3] for box in boxes),
    )


def box_of_words(words: Sequence[Word]) -> Box | None:
    """The smallest box that encloses all words, in fractions of the page; None without words."""
    return enclosing_box([(word.x0, word.y0, word.x1, word.y1) for word in words])
