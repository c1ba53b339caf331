"""The weights of the signs of a value, as `python -m benchmarks.learning FOLDER --fit` prints them."""

from __future__ import annotations

from collections.abc import Mapping

SIGNS = ("always", "least sure word", "all words", "lead", "form", "clean", "sums", "doubtful")
WEIGHTS: Mapping[str, tuple[float, ...]] = {
    "address": (-3.22, 2.27, 3.24, 0.02, 1.89, 0.73, 1.42, 0.48),
    "company": (-3.02, 2.04, 2.32, 0.49, 0.8, 1.19, 1.42, 1.66),
    "date": (-2.27, 2.55, 2.88, 0.93, 0.88, 0.97, 1.42, 0.63),
    "total": (-2.78, 1.87, 2.22, 1.32, 0.72, 0.46, 2.13, 0.42),
    "other": (-2.56, 2.07, 2.56, 0.69, 0.85, 0.67, 1.42, 0.6),
}
# What the memory of senders adds to the logarithm of the odds of a value that it knows or contradicts, and the logarithm of the
# odds of a value that it put in place of what was read.
SAME, CONTRADICTED, CORRECTED = 1.6, 0.0, 1.8
