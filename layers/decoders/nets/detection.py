"""Finds lines of print: runs the detector on a smaller image, and turns its map into rotated rectangles.

The detector gives for each pixel the likelihood that it is inside of a line, whose rectangle it draws too small. All
pixels of one connected patch are a line. Patches are handled all at once, as arrays of runs: a run is a sequence of
neighbouring pixels in one row of the map.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from layers.decoders.nets import models

# What the detector was trained with.
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
# What the detector sees of each shade of gray, by channel.
SCALED = ((np.arange(256) / 255 - np.array([MEAN]).T) / np.array([DEVIATION]).T).astype(np.float32)
EDGE_MULTIPLE = 32
INSIDE_FROM = 0.2  # the likelihood of a pixel in a line
SURE_FROM = 0.4  # the mean likelihood of a line
LEAST_PX = 3.0
GROWN_BY = 1.5  # rectangles grow by this, times area by perimeter
LONG_BY = 6.0  # a patch is long enough for its tilt to be known if its variances differ by this factor


@dataclass(frozen=True, slots=True)
class _Runs:
    """Runs of a mask, in order of rows: row, first column, column after the last, and the number of its patch."""

    rows: Any
    starts: Any
    ends: Any
    patches: Any

    @property
    def count(self) -> int:
        """The number of patches."""
        return int(self.patches.max()) + 1 if len(self.patches) else 0

    def sums(self, values: Any) -> Any:
        """The sum of one value of each run, by patch."""
        return np.bincount(self.patches, values, self.count)


def detect(image: Any, edge_px: int) -> list[Any]:
    """The lines of a gray image, each as an array of its corners in pixels of the image: top left, top right, bottom
    right, bottom left, as the image is displayed. `edge_px`: the longest edge of what the detector sees."""
    from PIL import Image

    scale = min(1.0, edge_px / max(image.size))
    width, height = (max(EDGE_MULTIPLE, round(edge * scale / EDGE_MULTIPLE) * EDGE_MULTIPLE) for edge in image.size)
    gray = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))
    channels = np.empty((1, 3, height, width), np.float32)
    for channel, shades in zip(channels[0], SCALED, strict=True):
        shades.take(gray, out=channel, mode="clip")  # without a mode, numpy would copy the channel
    likelihoods = models.run(models.DETECTOR, channels)[0, 0]
    return [corners * [image.width / width, image.height / height] for corners in lines_of_map(likelihoods)]


def lines_of_map(likelihoods: Any) -> list[Any]:
    """The corners of each line that a map of likelihoods shows."""
    is_inside = likelihoods > INSIDE_FROM
    runs = _connected(*_runs(is_inside))
    if not runs.count:
        return []
    area = runs.sums(runs.ends - runs.starts)
    # The pixels inside are in the order of their runs.
    patch_of_pixel: Any = np.repeat(runs.patches, runs.ends - runs.starts)
    sureness = np.bincount(patch_of_pixel, likelihoods[is_inside], runs.count) / area
    x, y, tilt = _axes(runs, area)
    left, right, top, bottom = _extents(runs, x, y, tilt)
    wide, high = right - left, bottom - top
    is_line = (np.minimum(wide, high) >= LEAST_PX) & (sureness >= SURE_FROM)
    growth = GROWN_BY * wide * high / (2 * (wide + high))
    # Corners along the axes of each patch, then turned by its tilt.
    along = np.stack([left - growth, right + growth, right + growth, left - growth], axis=1)
    across = np.stack([top - growth, top - growth, bottom + growth, bottom + growth], axis=1)
    cosine, sine = np.cos(tilt)[:, None], np.sin(tilt)[:, None]
    corners = np.stack([x[:, None] + along * cosine - across * sine, y[:, None] + along * sine + across * cosine], 2)
    return list(corners[is_line])


def _runs(mask: Any) -> tuple[Any, Any, Any]:
    """Row, first column and column after the last of each run."""
    height, width = mask.shape
    padded = np.zeros((height, width + 2), bool)
    padded[:, 1:-1] = mask
    # In each row the mask begins to hold, ends to hold, begins again, and so on.
    changes = np.flatnonzero(padded[:, 1:] != padded[:, :-1])
    rows, starts = np.divmod(changes[::2], width + 1)
    return rows, starts, changes[1::2] - rows * (width + 1)


def _connected(rows: Any, starts: Any, ends: Any) -> _Runs:
    """The runs with the numbers of their patches: runs that touch, also at corners, belong together."""
    if not len(rows):
        return _Runs(rows, starts, ends, rows)
    # Positions along all rows, one after the other. A run touches those of the row above that end after it begins and
    # begin before it ends; all of these are neighbours in the order of runs.
    pitch = int(ends.max()) + 2
    first, last = rows * pitch + starts, rows * pitch + ends
    lowest = np.searchsorted(last, first - pitch, "left")
    touching = np.maximum(np.searchsorted(first, last - pitch, "right") - lowest, 0)
    below: Any = np.repeat(np.arange(len(rows)), touching)
    above = np.arange(touching.sum()) - np.repeat(np.cumsum(touching) - touching - lowest, touching)
    patch = np.arange(len(rows))
    while True:  # each run takes the lowest number among its neighbours, until nothing changes
        before = patch.copy()
        least = np.minimum(patch[above], patch[below])
        np.minimum.at(patch, above, least)
        np.minimum.at(patch, below, least)
        np.minimum.at(patch, before, patch)
        patch = patch[patch]
        if (patch == before).all():
            break
    return _Runs(rows, starts, ends, np.unique(patch, return_inverse=True)[1])


def _axes(runs: _Runs, area: Any) -> tuple[Any, Any, Any]:
    """The centre of each patch, and the tilt of its axis that is nearest to the horizontal, within 45 degrees."""
    length = (runs.ends - runs.starts).astype(float)
    middle, rows = (runs.starts + runs.ends - 1) / 2, runs.rows.astype(float)
    x, y = runs.sums(length * middle) / area, runs.sums(length * rows) / area
    xx = runs.sums(length * (middle**2 + (length**2 - 1) / 12)) / area - x**2
    yy = runs.sums(length * rows**2) / area - y**2
    xy = runs.sums(length * middle * rows) / area - x * y
    tilt = 0.5 * np.arctan2(2 * xy, xx - yy)
    tilt = np.where(np.maximum(xx, yy) > LONG_BY * np.minimum(xx, yy), tilt, 0.0)
    return x, y, np.where(np.abs(tilt) > np.pi / 4, tilt - np.sign(tilt) * np.pi / 2, tilt)


def _extents(runs: _Runs, x: Any, y: Any, tilt: Any) -> tuple[Any, Any, Any, Any]:
    """How far each patch reaches from its centre along its axes: left, right, top, bottom."""
    cosine, sine = np.cos(tilt)[runs.patches], np.sin(tilt)[runs.patches]
    left, top = np.full((2, runs.count), np.inf)
    right, bottom = np.full((2, runs.count), -np.inf)
    for column in (runs.starts, runs.ends):
        for row in (runs.rows, runs.rows + 1):
            from_x, from_y = column - x[runs.patches], row - y[runs.patches]
            along, across = from_x * cosine + from_y * sine, from_y * cosine - from_x * sine
            np.minimum.at(left, runs.patches, along)
            np.maximum.at(right, runs.patches, along)
            np.minimum.at(top, runs.patches, across)
            np.maximum.at(bottom, runs.patches, across)
    return left, right, top, bottom
