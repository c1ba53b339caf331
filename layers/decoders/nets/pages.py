"""Reads a page with the networks at one of three levels of accuracy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from layers.decoders import bands, calibration
from layers.decoders.nets import models, reading
from layers.decoders.nets.models import SMALL, TINY, Net
from layers.decoders.nets.reading import FoundLine, ImageReading
from layers.decoders.readings import Reading
from layers.domain.file import ReadingLevel
from layers.domain.page import Box, Page, words_of

EDGE_PX = 2000
BAND_WIDTH_PX = 900
DARK_MEAN = 110  # light print on a dark page is inverted
# Of the level `balanced`: words with a letter below this confidence are recognised again, the most important first, until this
# share of all print is. Neighbouring ones are recognised together.
DOUBTFUL_BELOW = 0.85
MOST_AGAIN = 0.2
HEAD_ROWS = 8
CURVES = {TINY.path: calibration.TINY, SMALL.path: calibration.SMALL}


@dataclass(frozen=True, slots=True)
class NetReader:
    """Reads pages in some languages. `second` recognises the doubtful lines that matter, if there is one."""

    languages: tuple[str, ...]
    net: Net
    second: Net | None
    schema: Mapping[str, Any]

    def read(self, shown: Any) -> Reading:
        """Read a gray page."""
        found = self.lines(shown)
        return Reading(_words(found), found.text, found.turned)

    def lines(self, shown: Any) -> ImageReading:
        """The lines of a gray page."""
        image = _prepared(shown)
        found = reading.read(image, self.net, self.languages)
        if self.second:
            found = found.cut_at_doubts(DOUBTFUL_BELOW)
            wanted = frozenset(_doubtful_lines(found, self.schema))
            found = reading.read_again(image, found, wanted, self.second, self.languages)
        return found


def reader_for(languages: Sequence[str], level: ReadingLevel, schema: Mapping[str, Any]) -> NetReader | None:
    """A reader for pages in these languages, or None if no network knows their letters or can run on this machine."""
    if not models.can_run():
        return None
    net = models.recogniser(languages, SMALL if level == "accurate" else TINY)
    if net is None:
        return None
    second = models.recogniser(languages, SMALL) if level == "balanced" and net.path != SMALL.path else None
    return NetReader(tuple(languages), net, second, schema)


def _prepared(shown: Any) -> Any:
    """The page at a good size for the networks, as dark print on a light ground."""
    from PIL import ImageOps, ImageStat

    image = shown if shown.mode == "L" else shown.convert("L")
    if ImageStat.Stat(image).mean[0] < DARK_MEAN:
        image = ImageOps.invert(image)
    width, height = image.size
    if bands.is_tall(min(width, height), max(width, height)):
        scale = BAND_WIDTH_PX / min(width, height)
    else:
        scale = EDGE_PX / max(width, height)
    return image if scale >= 1 else _resized(image, scale)


def _resized(image: Any, scale: float) -> Any:
    from PIL import Image

    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)


def _doubtful_lines(found: ImageReading, schema: Mapping[str, Any]) -> list[FoundLine]:
    """Lines, or parts of them, with a doubtful letter, as many as may be recognised again: first those that show values of the
    schema, then the rows of sums, if the schema has numbers, then the head of the page, then the least sure ones."""
    from layers.domain.extraction.rules import extract  # no other level needs them, and they take a while to load

    lines = found.lines
    boxes = [proof.box for proof in extract([_page(found)], schema).evidence.values() if proof.box]
    shows_value = {line: any(_is_within(line.box(found.size), box) for box in boxes) for line in lines}
    of_sums = _rows_of_sums(found) if _has_numbers(schema) else frozenset()
    in_head = frozenset(chain.from_iterable(found.rows[:HEAD_ROWS]))
    left = MOST_AGAIN * sum(line.cost for line in lines)
    chosen = []
    doubtful = (line for line in lines if line.line.least < DOUBTFUL_BELOW)
    for line in sorted(
        doubtful, key=lambda line: (not shows_value[line], line not in of_sums, line not in in_head, line.line.least)
    ):
        if line.cost <= left:
            left -= line.cost
            chosen.append(line)
    return chosen


def _rows_of_sums(found: ImageReading) -> frozenset[FoundLine]:
    """The lines with digits in rows whose words stand beside a total, or beside a sum that may confirm it."""
    from layers.domain.extraction.sums import BESIDE_SUMS

    return frozenset(
        line
        for row in found.rows
        if BESIDE_SUMS.search(" ".join(line.line.text for line in row).lower())
        for line in row
        if any(map(str.isdigit, line.line.text))
    )


def _has_numbers(schema: Mapping[str, Any]) -> bool:
    return any(each.get("type") == "number" for each in (schema.get("properties") or {}).values())


def _is_within(line: Box, evidence: Box) -> bool:
    """Whether the middle of a line is at the height of the evidence, and they overlap."""
    return evidence[1] <= (line[1] + line[3]) / 2 <= evidence[3] and line[0] < evidence[2] and evidence[0] < line[2]


def _page(found: ImageReading) -> Page:
    words = words_of(_words(found))
    width, height = found.size
    return Page(1, found.text, words, "ocr", 100.0, float(width), float(height), found.turned)


def _words(found: ImageReading) -> list[list[Any]]:
    """The words as rows of `Word`, with calibrated confidences."""
    return [
        [
            word.text,
            *(round(edge, 4) for edge in line.box(found.size, word.start, word.end)),
            calibration.calibrated(calibration.said_of_letters(word.confidences), CURVES[line.net.path]),
            (line.degrees - found.turned) % 360,
        ]
        for line in found.lines
        for word in line.line.words()
    ]
