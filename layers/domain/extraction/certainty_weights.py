"""The weights of the signs of a value, as `python -m benchmarks.learning FOLDER --fit` prints them."""

from __future__ import annotations

from collections.abc import Mapping

SIGNS = (
    *("always", "least sure word", "least sure unknown word", "misread word", "all words", "unsure words of the page"),
    *("lead", "form", "clean", "sums", "doubtful"),
)
WEIGHTS: Mapping[str, tuple[float, ...]] = {
    "address": (-2.82, 1.8, 1.08, -2.3, 2.08, -3.25, 0.14, 1.74, 0.92, 1.4, 0.45),
    "company": (-2.72, 2.09, 0.52, -3.22, 1.8, -2.61, 0.84, 0.7, 1.46, 1.4, 1.71),
    "date": (-1.8, 2.19, 0.4, -2.37, 2.48, -2.26, 1.26, 1.1, 1.39, 1.4, 0.41),
    "total": (-2.29, 2.04, 0.25, -2.37, 2.14, -2.34, 1.36, 0.88, 0.89, 1.85, 0.64),
    "other": (-2.17, 1.96, 0.17, -2.37, 2.26, -2.2, 0.79, 0.89, 1.01, 1.4, 0.65),
}
# What the memory of senders adds to the logarithm of the odds of a value that it knows or contradicts, and the logarithm of the
# odds of a value that it put in place of what was read.
SAME, CONTRADICTED, CORRECTED = 1.1, 0.0, 1.8
