"""Calibrated confidence: the share of words that are right, for what each engine says of its own words.

The curves are measured on every second labelled receipt by `python -m benchmarks.reading.calibration`; docs/benchmarks.md
has their error on the other receipts.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

# For each engine: points (what the engine says, the percentage of such words that are right).
Curve = tuple[tuple[float, float], ...]
TESSERACT: Curve = (
    (0.0, 0.0), (18.0, 38.0), (38.6, 38.7), (52.9, 54.7), (63.5, 63.0), (76.0, 71.3), (81.9, 81.3), (87.7, 88.0),
    (91.2, 95.3), (95.1, 98.4), (96.0, 99.5),
)  # fmt: skip
TINY: Curve = (
    (0.0, 0.0), (48.4, 32.7), (60.5, 46.0), (68.9, 61.3), (74.4, 73.0), (82.6, 82.3), (90.4, 86.7), (95.6, 92.0),
    (98.2, 94.2), (99.4, 97.5), (100.0, 99.3),
)  # fmt: skip
SMALL: Curve = (
    (0.0, 0.0), (57.6, 37.3), (71.7, 59.3), (83.3, 72.0), (88.1, 76.0), (91.7, 86.0), (95.2, 90.7), (98.2, 92.5),
    (98.8, 96.7), (99.8, 98.4), (100.0, 99.3),
)  # fmt: skip


def calibrated(said: float, curve: Curve) -> float:
    """The percentage of words that are right where an engine says this, between the points of its curve."""
    index = bisect_right(curve, (said, float("inf")))
    if index == 0:
        return curve[0][1]
    if index == len(curve):
        return curve[-1][1]
    (x0, y0), (x1, y1) = curve[index - 1], curve[index]
    return round(y0 + (y1 - y0) * (said - x0) / (x1 - x0), 1)


def said_of_letters(confidences: Sequence[float]) -> float:
    """What a network says of a word, 0 to 100: the mean of its mean and its least sure letter."""
    return 50 * (sum(confidences) / len(confidences) + min(confidences))
