"""A perceptual hash of a page: where its ink is. It hardly changes when the page is saved or scanned again."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from math import log
from statistics import median
from typing import Any

EDGE_PX = 200
AROUND_PX = 5
GRID = 12  # cells in each direction; one bit each
STEPS_OF_LIGHT = 255 / log(256 / 16)  # a difference of logarithms as one of shades
INK_FROM = 4  # shades darker than around
MARGIN = 0.02  # the share of the ink that is cut off on each side, with stains and edges
LEAST_INK = 0.2  # shades on average; a blank page has less
GROUND_CONTRAST = 0.3  # between a page and what it lies on
LEAST_PAGE = 0.25  # of the picture


def page_hash(image: Any) -> str | None:
    """The hash of a Pillow image, `GRID` x `GRID` bits as hexadecimal digits; None for a blank page.

    Without numpy, which the functions on Lambda that draw do not have, and without a loop over pixels.
    """
    from PIL import Image

    gray = image.convert("L")
    gray.thumbnail((EDGE_PX, EDGE_PX))
    ink = _ink(gray).convert("F")
    columns = ink.resize((ink.width, 1), Image.Resampling.BOX).get_flattened_data()
    if sum(columns) < LEAST_INK * ink.width:
        return None
    left, right = _span(columns)
    top, bottom = _span(ink.resize((1, ink.height), Image.Resampling.BOX).get_flattened_data())
    cells = list(ink.resize((GRID, GRID), Image.Resampling.BOX, (left, top, right, bottom)).get_flattened_data())
    middle = median(cells)
    return f"{int(''.join('01'[cell > middle] for cell in cells), 2):0{GRID * GRID // 4}x}"


def _ink(gray: Any) -> Any:
    """How much darker each pixel is than those around it, in shades of a logarithmic scale, so that uneven lighting makes no
    difference. Outside of a page that lies on a darker ground there is no ink."""
    from PIL import ImageChops, ImageFilter

    scaled = gray.point([min(255, round(STEPS_OF_LIGHT * log((shade + 16) / 16))) for shade in range(256)])
    around = scaled.filter(ImageFilter.BoxBlur(AROUND_PX))
    ink = ImageChops.subtract(around, scaled, scale=1, offset=-INK_FROM)
    smooth = gray.filter(ImageFilter.GaussianBlur(AROUND_PX))
    dark, light = _shade_at(smooth, 0.02), _shade_at(smooth, 0.9)
    if (light - dark) / (light + 1) > GROUND_CONTRAST:
        page = smooth.point([255 * (shade > (dark + light) / 2) for shade in range(256)])
        inside = page.filter(ImageFilter.MinFilter(2 * AROUND_PX - 1))
        if inside.histogram()[255] > LEAST_PAGE * inside.width * inside.height:
            return ImageChops.multiply(ink, inside)
    return ink


def _shade_at(gray: Any, share: float) -> int:
    """The shade than which this share of the pixels is darker."""
    reached = list(accumulate(gray.histogram()))
    return next(shade for shade, pixels in enumerate(reached) if pixels > share * reached[-1])


def _span(sums: Sequence[float]) -> tuple[int, int]:
    """From where to where the sums reach, without a `MARGIN` of the total at each end."""
    reached = list(accumulate(sums))
    first = next(index for index, total in enumerate(reached) if total >= MARGIN * reached[-1])
    last = next(index for index, total in enumerate(reached) if total >= (1 - MARGIN) * reached[-1])
    return first, last + 1
