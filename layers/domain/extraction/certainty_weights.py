"""The weights of the signs of a value, as `python -m benchmarks.learning FOLDER --fit` prints them."""

from __future__ import annotations

from collections.abc import Mapping

SIGNS = (
    *("always", "least sure word", "least sure unknown word", "misread word", "all words", "unsure words of the page"),
    *("lead", "form", "clean", "sums", "doubtful"),
)
WEIGHTS: Mapping[str, tuple[float, ...]] = {
    "address": (-2.34, 1.58, 0.87, -2.1, 2.3, -3.7, -0.04, 1.89, 0.71, 1.46, 0.24),
    "company": (-2.12, 1.84, 0.15, -2.46, 2.03, -2.73, 0.71, 0.78, 1.21, 1.46, 1.53),
    "date": (-1.37, 2.07, 0.29, -1.72, 2.82, -2.63, 1.07, 1.06, 1.16, 1.46, 0.31),
    "total": (-1.73, 1.63, -0.15, -1.72, 2.35, -2.69, 0.86, 1.07, 0.8, 2.08, 0.23),
    "other": (-1.71, 1.75, -0.03, -1.72, 2.5, -2.49, 0.59, 0.98, 0.83, 1.46, 0.46),
}
# What the memory of senders adds to the logarithm of the odds of a value that it knows or contradicts, and the logarithm of the
# odds of a value that it put in place of what was read.
SAME, CONTRADICTED, CORRECTED = 1.1, 0.0, 1.8
