"""The weights of the signs of a value, as `python -m benchmarks.learning FOLDER --fit` prints them."""

from __future__ import annotations

from collections.abc import Mapping

SIGNS = ("always", "least sure word", "all words", "lead", "form", "clean", "sums", "doubtful")
WEIGHTS: Mapping[str, tuple[float, ...]] = {
    "address": (-2.86, 0.89, 2.53, -0.42, 1.44, 2.1, 0.73, 0.0),
    "company": (-3.65, 1.75, 0.61, 0.4, 0.5, 3.24, 0.73, 0.0),
    "date": (-1.82, 1.55, 0.88, 0.62, 1.96, 1.93, 0.73, 0.0),
    "total": (-2.01, 1.32, 0.74, 0.71, 0.44, 1.75, 1.28, 0.0),
    "other": (-1.95, 1.3, 0.91, 0.5, 0.51, 1.81, 0.73, 0.0),
}
# What the memory of senders adds to the logarithm of the odds of a value that it knows or contradicts, and the logarithm of the
# odds of a value that it put in place of what was read.
SAME, CONTRADICTED, CORRECTED = 1.6, 0.0, 2.6
