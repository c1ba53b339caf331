"""The scenes of the laboratory: which tenant uploads which files when. Times and costs in seconds of a reader that takes 2 s."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

PAGE_S = 2.0
QUIET = tuple(f"quiet {number}" for number in range(1, 10))
NOISY = "noisy"


@dataclass(frozen=True, slots=True)
class Drop:
    """A batch whose files arrive all at once. `judged`: the estimate of their cost, as a share of the actual cost."""

    at_s: float
    tenant: str
    files: int
    pages: int = 1
    batch: str = ""
    judged: float = 1.0

    @property
    def size_bytes(self) -> int:
        """The announced size of each file, which encodes its pages and estimate for the simulated intake and reader."""
        return self.pages * 1000 + round(self.judged * 100)


@dataclass(frozen=True)
class Scene:
    """`spread`: how far a page's time may differ from two seconds, as a share of them.

    A scene about `shares` starts reading when all parts are ready, and ends when one tenant has none left.
    """

    name: str
    drops: tuple[Drop, ...]
    weights: Mapping[str, float] = field(default_factory=dict)
    spread: float = 0.5
    shares: bool = False


def quiet(until_s: float, concurrency: int, seed: int = 1) -> tuple[Drop, ...]:
    """Nine tenants that upload a file of one page from time to time: every 5 s with 20 readers, and less often with fewer
    readers, so that they always use about a fifth of them."""
    every_s = 100.0 / concurrency
    chance = random.Random(seed)
    drops = []
    for tenant in QUIET:
        at_s = chance.uniform(0, every_s)
        while at_s < until_s:
            drops.append(Drop(at_s, tenant, 1))
            at_s += every_s * chance.uniform(0.5, 1.5)
    return tuple(drops)


def noisy(files: int = 5000, spread: float = 0.5, concurrency: int = 20) -> Scene:
    """One tenant uploads thousands of files, and from time to time a batch of ten more; nine tenants are quiet."""
    lasts_s = files * PAGE_S / concurrency
    tens = tuple(Drop(lasts_s * part, NOISY, 10, batch=f"ten {part}") for part in (0.2, 0.4, 0.6, 0.8))
    return Scene("noisy", (Drop(0.0, NOISY, files, batch="all"), *quiet(lasts_s, concurrency), *tens), spread=spread)


def scans(files: int = 8, pages: int = 300, concurrency: int = 20) -> Scene:
    """One tenant uploads scans of many pages, which are read in slices; nine tenants are quiet."""
    lasts_s = files * pages * PAGE_S / concurrency
    return Scene("scans", (Drop(0.0, NOISY, files, pages, batch="all"), *quiet(lasts_s, concurrency)))


def weights(files: int = 800) -> Scene:
    """Three tenants of weights 4 : 2 : 1; the files of the second have five pages each."""
    drops = (Drop(0.0, "four", files), Drop(0.0, "two", files // 5, 5), Drop(0.0, "one", files))
    return Scene("weights", drops, {"four": 4.0, "two": 2.0, "one": 1.0}, shares=True)


def misjudged(files: int = 400) -> Scene:
    """Two equal tenants; the files of one are estimated at a tenth of their cost."""
    drops = (Drop(0.0, "judged", files), Drop(0.0, "misjudged", files, judged=0.1))
    return Scene("misjudged", drops, shares=True)


def thousand(tenants: int = 1000) -> Scene:
    return Scene("thousand", tuple(Drop(0.0, f"tenant {number}", 1) for number in range(tenants)))


def alone(files: int = 1000) -> Scene:
    return Scene("alone", (Drop(0.0, "alone", files),))


def announced(size_bytes: int) -> tuple[int, float]:
    """The pages and the estimate, as a share of the cost, of a file that was announced with this size."""
    return size_bytes // 1000, size_bytes % 1000 / 100
