"""What the engines of OCR have in common: the form of their results, and turned or blank images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from layers.domain.extraction.lines import lines_of
from layers.domain.page import Page, words_of

BLANK_DEVIATION = 3.0


@dataclass(frozen=True, slots=True)
class Reading:
    """Words of a page as rows of `Word`, and the text line by line in reading order.

    Boxes are fractions of the page as it is displayed, with its EXIF or PDF rotation. A page that was scanned sideways
    or upside down is upright when turned clockwise by `turned` degrees. Confidences are calibrated: of the words with a
    confidence of 70, 70 % are right.
    """

    words: list[list[Any]]
    text: str
    turned: int = 0

    @property
    def confidence(self) -> float:
        return float(sum(word[5] for word in self.words) / len(self.words)) if self.words else 0.0

    @property
    def letters_right(self) -> float:
        """How many letters are expected to be right."""
        return float(sum(len(word[0]) * word[5] / 100 for word in self.words))


def turned_image(image: Any, degrees: int) -> Any:
    """The image turned clockwise by 0, 90, 180 or 270 degrees."""
    from PIL import Image

    rotations = {90: Image.Transpose.ROTATE_270, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_90}
    return image.transpose(rotations[degrees]) if degrees else image


def is_blank(image: Any) -> bool:
    from PIL import ImageStat

    return bool(ImageStat.Stat(image).stddev[0] < BLANK_DEVIATION)


def text_of_words(words: Sequence[Sequence[Any]], size: tuple[int, int]) -> str:
    """Groups the words of one image into lines."""
    page = Page(1, words=words_of(words), width=size[0], height=size[1])
    return "\n".join(line.text for line in lines_of([page]))
