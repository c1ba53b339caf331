"""Recognises the letters of one line: cuts it out of the image, runs a recogniser, and splits the result into words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, pairwise, takewhile, zip_longest
from statistics import median
from typing import Any, NamedTuple

import numpy as np

from layers.decoders.nets import models
from layers.decoders.nets.models import Net

HEIGHT_PX = 48  # of a line, as the recognisers were trained
WIDTH_MULTIPLE = 16  # widths are rounded up, so that fewer buffers of different sizes are needed
MAX_WIDTH_PX = 3200
LEVEL_WITHIN = 0.06  # of its height: a line with less tilt is cut out as it is
LEAST_PX = 2
LEAST_SPACE = 0.9  # of the usual gap between the words of a line
LEAST_SPACE_PX = 12  # of a line without other spaces
INK = 0.4  # of the contrast
SCALED = (np.arange(256) * (2 / 255) - 1).astype(np.float32)  # what a recogniser sees of each shade of gray


class Letter(NamedTuple):
    """A letter, the place of its middle along the line (0 to 1), and the recogniser's confidence (0 to 1)."""

    text: str
    place: float
    confidence: float


class LineWord(NamedTuple):
    """A word of a line, its extent along the line (0 to 1), and the confidence of each of its letters."""

    text: str
    start: float
    end: float
    confidences: tuple[float, ...]


@dataclass(frozen=True)
class Line:
    """A recognised line."""

    letters: tuple[Letter, ...] = ()

    @cached_property
    def text(self) -> str:
        return "".join(letter.text for letter in self.letters)

    @cached_property
    def confidence(self) -> float:
        """The mean over its letters, 0 to 1."""
        return sum(letter.confidence for letter in self.letters) / len(self.letters) if self.letters else 0.0

    @cached_property
    def least(self) -> float:
        """The confidence of the least sure letter."""
        return min((letter.confidence for letter in self.letters if not letter.text.isspace()), default=0.0)

    def words(self) -> list[LineWord]:
        groups = [self.letters[slice(*span)] for span in self._spans]
        step = _step(self.letters)
        return [
            LineWord(
                "".join(letter.text for letter in group),
                max(0.0, group[0].place - step / 2),
                min(1.0, group[-1].place + step / 2),
                tuple(letter.confidence for letter in group),
            )
            for group in groups
        ]

    def cut_at_doubts(self, below: float) -> list[tuple[float, float, Line]]:
        """The line cut between words, where words with a letter below this confidence begin or end: for each part where it
        begins and ends along the line (0 to 1), and a line of its own."""
        runs = [list(run) for _, run in groupby(self._spans, lambda span: self._least_of(span) < below)]
        parts, start = [], 0.0
        for run, following in zip_longest(runs, runs[1:]):
            first, last = run[0][0], run[-1][1]
            end = (self.letters[last - 1].place + self.letters[following[0][0]].place) / 2 if following else 1.0
            letters = (each._replace(place=(each.place - start) / (end - start)) for each in self.letters[first:last])
            parts.append((start, end, Line(tuple(letters))))
            start = end
        return parts

    @property
    def _spans(self) -> list[tuple[int, int]]:
        """The first letter of each word, and the one after its last."""
        groups = groupby(range(len(self.letters)), lambda at: self.letters[at].text.isspace())
        words = [list(places) for is_space, places in groups if not is_space]
        return [(places[0], places[-1] + 1) for places in words]

    def _least_of(self, span: tuple[int, int]) -> float:
        return min(letter.confidence for letter in self.letters[slice(*span)])


def cut_out(image: Any, corners: Any) -> Any:
    """The pixels of a line, HEIGHT_PX high; None if it has no area. The first corner is where its print begins, and the
    others follow clockwise as seen by its reader."""
    from PIL import Image

    across, down = max(1.0, _length(corners[1] - corners[0])), max(1.0, _length(corners[3] - corners[0]))
    width = min(MAX_WIDTH_PX, max(8, round(HEIGHT_PX * across / down)))
    if abs(corners[1][1] - corners[0][1]) <= max(1.0, LEVEL_WITHIN * down) and corners[0][0] < corners[1][0]:
        (x0, y0), (x1, y1) = corners.min(0), corners.max(0)
        box = max(0, int(x0)), max(0, int(y0)), min(image.width, int(x1) + 1), min(image.height, int(y1) + 1)
        if box[2] - box[0] < LEAST_PX or box[3] - box[1] < LEAST_PX:
            return None
        return np.asarray(image.resize((width, HEIGHT_PX), Image.Resampling.BILINEAR, box))
    # Print that is larger than what is recognised is first cut out at its own size, else it would be ragged.
    size = (width, HEIGHT_PX) if down < 1.5 * HEIGHT_PX else (max(1, round(across)), max(1, round(down)))
    quad = (*corners[0], *corners[3], *corners[2], *corners[1])
    part = image.transform(size, Image.Transform.QUAD, quad, Image.Resampling.BILINEAR)
    return np.asarray(part if size == (width, HEIGHT_PX) else part.resize((width, HEIGHT_PX)))


def recognise(pixels: Any, net: Net, languages: Sequence[str]) -> Line:
    """The text of a line that was cut out."""
    width = -(-pixels.shape[1] // WIDTH_MULTIPLE) * WIDTH_MULTIPLE
    channels = np.zeros((1, 3, HEIGHT_PX, width), np.float32)
    channels[..., : pixels.shape[1]] = SCALED[pixels]
    alphabet, used = models.classes(net, tuple(languages))
    likelihoods = models.run(net, channels)[0].take(used, 1)
    best = likelihoods.argmax(1)
    # A class counts once while it lasts; the blank class separates repeated letters.
    begins = best != models.BLANK
    begins[1:] &= best[1:] != best[:-1]
    at = begins.nonzero()[0]
    texts = [alphabet[number] for number in best[at].tolist()]
    places = (at + 0.5) * (width / len(best) / pixels.shape[1])
    found = list(map(Letter, texts, places.tolist(), likelihoods[at, best[at]].tolist()))
    return Line(tuple(without_false_spaces(found, pixels)))


def without_false_spaces(letters: Sequence[Letter], pixels: Any) -> list[Letter]:
    """The letters without spaces behind a point or comma in a number where the print has no gap: "1, 190.00".

    The recognisers have learnt that a space follows a comma.
    """
    doubtful = {
        place for place, letter in enumerate(letters) if letter.text.isspace() and _is_in_number(letters, place)
    }
    if not doubtful:
        return list(letters)
    gaps = {place: _gap_px(letters, place, pixels) for place, letter in enumerate(letters) if letter.text.isspace()}
    others = [gap for place, gap in gaps.items() if place not in doubtful]
    least = LEAST_SPACE * float(np.median(others)) if others else LEAST_SPACE_PX
    return [letter for place, letter in enumerate(letters) if place not in doubtful or gaps[place] >= least]


def _is_in_number(letters: Sequence[Letter], place: int) -> bool:
    """Whether a space is behind a digit and a point or comma, and before as many digits as a group or cents have."""
    if place < 2 or not letters[place - 2].text.isdigit() or letters[place - 1].text not in ".,":
        return False
    digits = len(list(takewhile(lambda letter: letter.text.isdigit(), letters[place + 1 :])))
    return digits in (2, 3)


def _gap_px(letters: Sequence[Letter], place: int, pixels: Any) -> int:
    """The widest gap in the print between the letters before and after a space; 0 at the ends of a line."""
    if not 0 < place < len(letters) - 1:
        return 0
    width = pixels.shape[1]
    return _widest_gap_px(pixels[:, int(letters[place - 1].place * width) : int(letters[place + 1].place * width) + 1])


def _widest_gap_px(pixels: Any) -> int:
    """The longest run of columns without ink."""
    ground = float(np.median(pixels))
    difference = np.abs(pixels.astype(np.float32) - ground)
    inked = np.flatnonzero(difference.max(0) > INK * max(1.0, float(difference.max())))
    edges = np.concatenate([[-1], inked, [pixels.shape[1]]])
    return int(np.diff(edges).max()) - 1


def _step(letters: Sequence[Letter]) -> float:
    """The usual distance of letters within words, along the line."""
    places = [letter.place for letter in letters if not letter.text.isspace()]
    return median(right - left for left, right in pairwise(places)) if len(places) > 1 else 1.0


def _length(vector: Any) -> float:
    return math.hypot(*vector.tolist())
