"""Reads an image with the networks: finds its lines, recognises them upright, and orders their words."""

from __future__ import annotations

import math
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from statistics import median
from typing import Any

import numpy as np

from layers.decoders import bands
from layers.decoders.nets import recognition
from layers.decoders.nets.detection import detect
from layers.decoders.nets.models import Net
from layers.decoders.nets.order import rows_in_order
from layers.decoders.nets.recognition import Line
from layers.domain.page import Box

EDGE_PX, LARGE_EDGE_PX = 960, 1280  # of what the detector sees; the larger one for small print
SMALL_PRINT_PX = 13.0
TALL = 1.5  # a line that is higher than wide by this factor runs upwards or downwards
LEAST_CONFIDENCE = 0.5
SAMPLE = 6  # the longest lines decide which way up the page is
UPRIGHT_FROM = 0.86  # their mean confidence on a page that is not upside down
# The degrees by which the page is turned clockwise to read lines whose print begins at the corner of this index.
DEGREES = (0, 270, 180, 90)


@dataclass(frozen=True, eq=False)  # equal only to itself
class FoundLine:
    """A line of the displayed image. `corners` are in pixels, from where its print begins; `degrees` is how far the
    image is turned clockwise to read it."""

    corners: Any
    degrees: int
    line: Line
    net: Net

    def box(self, size: tuple[int, int], start: float = 0.0, end: float = 1.0) -> Box:
        """The box of a part of the line, in fractions of the image."""
        top_left, top_right, bottom_right, bottom_left = self._points
        xs, ys = (
            [
                min(1.0, max(0.0, (left[axis] + share * (right[axis] - left[axis])) / size[axis]))
                for share in (start, end)
                for left, right in ((top_left, top_right), (bottom_left, bottom_right))
            ]
            for axis in (0, 1)
        )
        return min(xs), min(ys), max(xs), max(ys)

    def cut_at_doubts(self, below: float) -> tuple[FoundLine, ...]:
        """The line cut between words, where words with a letter below this confidence begin or end."""
        parts = self.line.cut_at_doubts(below)
        return tuple(self._part(*part) for part in parts) if len(parts) > 1 else (self,)

    def _part(self, start: float, end: float, line: Line) -> FoundLine:
        top_left, top_right, bottom_right, bottom_left = self.corners
        above, below = top_right - top_left, bottom_right - bottom_left
        corners = [
            top_left + start * above,
            top_left + end * above,
            bottom_left + end * below,
            bottom_left + start * below,
        ]
        return replace(self, corners=np.array(corners), line=line)

    @cached_property
    def _points(self) -> list[list[float]]:
        points: list[list[float]] = self.corners.tolist()
        return points

    @property
    def length_px(self) -> float:
        return math.dist(self._points[0], self._points[1])

    @property
    def cost(self) -> float:
        """What it costs to recognise, relative to other lines: its width at the same height."""
        return self.length_px / max(1.0, _thickness(self.corners))


@dataclass(frozen=True)
class ImageReading:
    """The lines of an image in reading order, in rows, and the degrees by which it has to be turned clockwise."""

    size: tuple[int, int]
    rows: tuple[tuple[FoundLine, ...], ...] = ()
    turned: int = 0

    @property
    def lines(self) -> list[FoundLine]:
        return list(chain.from_iterable(self.rows))

    def cut_at_doubts(self, below: float) -> ImageReading:
        """The reading with its lines cut between words that have letters below this confidence and words that have not."""
        rows = (tuple(chain.from_iterable(found.cut_at_doubts(below) for found in row)) for row in self.rows)
        return replace(self, rows=tuple(rows))

    @property
    def text(self) -> str:
        return "\n".join(" ".join(found.line.text.strip() for found in row) for row in self.rows)


def read(image: Any, net: Net, languages: Sequence[str]) -> ImageReading:
    """Read a gray image."""
    corners = _find_lines(image)
    recognised = _recognised_upright(image, corners, net, languages)
    lines = [found for found in recognised if found.line.confidence >= LEAST_CONFIDENCE and found.line.text.strip()]
    return _in_order(image.size, lines)


def read_again(
    image: Any, reading: ImageReading, wanted: Set[FoundLine], net: Net, languages: Sequence[str]
) -> ImageReading:
    """The reading with the wanted lines recognised by another network, where that is at least half sure."""

    def better(found: FoundLine) -> FoundLine:
        pixels = recognition.cut_out(image, found.corners) if found in wanted else None
        line = Line() if pixels is None else recognition.recognise(pixels, net, languages)
        return FoundLine(found.corners, found.degrees, line, net) if line.confidence >= LEAST_CONFIDENCE else found

    return ImageReading(reading.size, tuple(tuple(map(better, row)) for row in reading.rows), reading.turned)


def _find_lines(image: Any) -> list[Any]:
    """The corners of all lines. Tall images are searched in bands, where their print is large enough, and wide ones too if
    they are tall images that lie on their side. Bands are cut between lines, never through lines that run along them."""
    if bands.is_tall(*image.size):
        found = [corners for band in bands.cuts(image) for corners in _lines_of_band(image, band)]
        return _detect(image) if _are_mostly_tall(found) else found
    found = _detect(image)
    if bands.is_tall(*reversed(image.size)) and _are_mostly_tall(found):
        from PIL import Image

        upright = image.transpose(Image.Transpose.ROTATE_270)
        turned = [corners for band in bands.cuts(upright) for corners in _lines_of_band(upright, band)]
        return [np.stack([corners[:, 1], image.height - corners[:, 0]], 1)[[1, 2, 3, 0]] for corners in turned]
    return found


def _are_mostly_tall(lines: Sequence[Any]) -> bool:
    return 2 * sum(map(_is_tall, lines)) > len(lines)


def _lines_of_band(image: Any, band: tuple[int, int]) -> list[Any]:
    top, bottom = bands.with_overlap(band, image)
    found = (corners + np.array([0, top]) for corners in _detect(image.crop((0, top, image.width, bottom))))
    return [corners for corners in found if band[0] <= corners[:, 1].mean() < band[1]]


def _detect(image: Any) -> list[Any]:
    lines = detect(image, EDGE_PX)
    shown = min(1.0, EDGE_PX / max(image.size))
    if lines and shown < 1.0 and median(map(_thickness, lines)) * shown < SMALL_PRINT_PX:
        return detect(image, LARGE_EDGE_PX)
    return lines


def _recognised_upright(image: Any, lines: Sequence[Any], net: Net, languages: Sequence[str]) -> list[FoundLine]:
    """All lines, recognised from where their print begins: most begin at the same corner, which a sample shows."""
    known: dict[tuple[int, int], FoundLine] = {}

    def recognised(index: int, first: int) -> FoundLine:
        if (index, first) not in known:
            corners = np.roll(lines[index], -first, axis=0) if first else lines[index]
            pixels = recognition.cut_out(image, corners)
            line = Line() if pixels is None else recognition.recognise(pixels, net, languages)
            known[index, first] = FoundLine(corners, DEGREES[first], line, net)
        return known[index, first]

    def surest(index: int, likely: int) -> FoundLine:
        found = recognised(index, likely)
        if found.line.confidence >= UPRIGHT_FROM:
            return found
        return max(found, recognised(index, likely ^ 2), key=lambda found: found.line.confidence)

    upright: list[int] = []
    level: list[int] = []
    for index, corners in enumerate(lines):
        (upright if _is_tall(corners) else level).append(index)
    main, others = (upright, level) if len(upright) > len(level) else (level, upright)
    likely = 3 if main is upright else 0
    sample = sorted(main, key=lambda index: -_longest(lines[index]))[:SAMPLE]
    if sample and np.mean([recognised(index, likely).line.confidence for index in sample]) < UPRIGHT_FROM:
        first = max((likely, likely ^ 2), key=lambda first: sum(recognised(at, first).line.confidence for at in sample))
    else:
        first = likely
    # Of a few lines that run in another direction, each is tried both ways.
    return [recognised(at, first) for at in main] + [surest(at, 0 if others is level else 3) for at in others]


def _in_order(size: tuple[int, int], lines: Sequence[FoundLine]) -> ImageReading:
    lengths = dict.fromkeys(DEGREES, 0.0)
    for found in lines:
        lengths[found.degrees] += found.length_px
    turned = max(lengths, key=lambda degrees: lengths[degrees])
    ordered: list[tuple[FoundLine, ...]] = []
    # Lines that run in another direction than most come last, and each direction has rows of its own.
    for degrees in sorted(DEGREES, key=lambda degrees: degrees != turned):
        group = [found for found in lines if found.degrees == degrees]
        boxes = _level_boxes(group, degrees)
        ordered += [tuple(group[index] for index in row) for row in rows_in_order(boxes)]
    return ImageReading(size, tuple(ordered), turned)


def _level_boxes(lines: Sequence[FoundLine], degrees: int) -> list[Box]:
    """The boxes of lines that run in one direction, in pixels, as if the page were upright and not tilted."""
    if not lines:
        return []
    along = np.array([found.corners[1] - found.corners[0] for found in lines])
    tilts = np.arctan2(along[:, 1], along[:, 0]) + np.radians(degrees)
    angle = np.radians(degrees) - np.median((tilts + np.pi) % (2 * np.pi) - np.pi)
    cosine, sine = np.cos(angle), np.sin(angle)
    level = np.array([found.corners for found in lines]) @ np.array([[cosine, sine], [-sine, cosine]])
    return [tuple(edges) for edges in np.concatenate([level.min(1), level.max(1)], axis=1).tolist()]


def _is_tall(corners: Any) -> bool:
    across, down = _sides(corners)
    return down > TALL * across


def _thickness(corners: Any) -> float:
    return min(_sides(corners))


def _longest(corners: Any) -> float:
    return max(_sides(corners))


def _sides(corners: Any) -> tuple[float, float]:
    """The lengths of the upper and the left side."""
    first, second, _, last = corners.tolist()
    return math.dist(first, second), math.dist(first, last)
