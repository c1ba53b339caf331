"""Fits the curves of layers/decoders/calibration.py: `python -m benchmarks.reading.calibration FOLDER ...`.

The folders are those of `python -m benchmarks.reading`. Curves are fitted on the words of the first half of the scans; the
expected calibration error, before and after, is that of the second half.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.reading.truth import Receipt, halves, in_order, receipts
from layers.decoders import calibration
from layers.decoders.calibration import Curve
from layers.decoders.gray_pages import gray_page
from layers.decoders.nets import models, pages
from layers.decoders.tesseract import Tesseract

BINS = 10
LEAST_WORDS = 400  # of a point of a curve
UNCHANGED: Curve = ((0.0, 0.0), (100.0, 100.0))


class Judged(NamedTuple):
    """What an engine says of a word, 0 to 100, and whether the word is right."""

    said: float
    is_right: bool


def judged(words: Sequence[tuple[str, float]], receipt: Receipt) -> list[Judged]:
    """Whether each word stands on the receipt. Each of its true words counts once."""
    left = receipt.words.copy()
    found = []
    for text, said in words:
        parts = in_order(text)
        if parts:
            found.append(Judged(said, all(left[part] > 0 for part in parts)))
            left.subtract(parts)
    return found


def fitted(words: Sequence[Judged]) -> Curve:
    """The rising curve that fits best, by pooling neighbours that would fall. Points have at least LEAST_WORDS words."""
    ordered = sorted(words)
    groups = [ordered[at : at + LEAST_WORDS] for at in range(0, len(ordered), LEAST_WORDS)]
    pools: list[list[Judged]] = []
    for group in groups:
        pools.append(list(group))
        while len(pools) > 1 and _share(pools[-2]) >= _share(pools[-1]):
            last = pools.pop()
            pools[-1] += last
    points = [(sum(word.said for word in pool) / len(pool), 100 * _share(pool)) for pool in pools]
    return tuple((round(said, 1), round(right, 1)) for said, right in points)


def error(words: Sequence[Judged], curve: Curve) -> float:
    """The expected calibration error: the mean difference of confidence and correctness over BINS bins, by words."""
    bins: list[list[tuple[float, bool]]] = [[] for _ in range(BINS)]
    for word in words:
        confidence = calibration.calibrated(word.said, curve)
        bins[min(BINS - 1, int(confidence * BINS / 100))].append((confidence, word.is_right))
    differences = (
        abs(sum(confidence for confidence, _ in each) / 100 - sum(right for _, right in each)) for each in bins if each
    )
    return sum(differences) / max(1, len(words))


def _share(words: Sequence[Judged]) -> float:
    return sum(word.is_right for word in words) / len(words)


def _by_networks(net: models.Net, receipt: Receipt) -> list[tuple[str, float]]:
    chosen = models.recogniser(("eng",), net)
    assert chosen is not None
    reader = pages.NetReader(("eng",), chosen, None, {})
    found = reader.lines(gray_page(str(receipt.path), "image/jpeg", 1))
    return [
        (word.text, calibration.said_of_letters(word.confidences)) for line in found.lines for word in line.line.words()
    ]


def _by_tesseract(receipt: Receipt) -> list[tuple[str, float]]:
    reader = Tesseract(["eng"], curve=UNCHANGED)
    read = reader.read(gray_page(str(receipt.path), "image/jpeg", 1))
    return [(word[0], word[5]) for word in read.words]


ENGINES = {
    "TINY": lambda receipt: _by_networks(models.TINY, receipt),
    "SMALL": lambda receipt: _by_networks(models.SMALL, receipt),
    "TESSERACT": _by_tesseract,
}


def main() -> None:
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    first, second = halves(receipts([Path(name) for name in sys.argv[1:]]))
    for name, words_of_receipt in ENGINES.items():
        words = [
            [word for receipt in half for word in judged(words_of_receipt(receipt), receipt)]
            for half in (first, second)
        ]
        curve = fitted(words[0])
        print(f"{name}: Curve = {curve}")
        print(f"  {len(words[1])} words of the second half: error {error(words[1], UNCHANGED):.3f} as the engine says,")
        print(
            f"  {error(words[1], getattr(calibration, name)):.3f} as in use, {error(words[1], curve):.3f} as fitted now"
        )


if __name__ == "__main__":
    main()
