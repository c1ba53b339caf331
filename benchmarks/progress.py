"""Samples a long run: files settled and the memory of each process over time, as a table and as an SVG picture."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks.starting import family, memory_mib

EVERY_S = 10.0
WIDTH, HEIGHT, LEFT, TOP, GAP = 640, 180, 60, 30, 60  # pixels
COLOURS = ("#1a6b8f", "#c0552b", "#4a7d2c", "#7a4a9e", "#8a6d00", "#555", "#b02a5b")


class Sample(NamedTuple):
    """`memory_mib`: by process."""

    at_s: float
    settled: int
    memory_mib: Mapping[str, float]


class Progress:
    """Takes samples until it is ended."""

    def __init__(
        self, memory: Callable[[], Mapping[str, float]], settled: Callable[[], int], every_s: float = EVERY_S
    ) -> None:
        self.samples: list[Sample] = []
        self._memory, self._settled, self._every_s = memory, settled, every_s
        self._began, self._ended = time.monotonic(), threading.Event()
        self._thread = threading.Thread(target=self._take, daemon=True)
        self._thread.start()

    def _take(self) -> None:
        while not self._ended.wait(self._every_s):
            self.samples.append(Sample(time.monotonic() - self._began, self._settled(), self._memory()))

    def end(self) -> None:
        self._ended.set()
        self._thread.join()


def with_descendants(pids: Mapping[str, int]) -> dict[str, float]:
    """The memory of processes with their descendants in MiB; pages that several share are divided among them."""
    return {name: memory_mib(family(pid))[1] for name, pid in pids.items()}


def growth(samples: Sequence[Sample]) -> dict[str, tuple[float, float, float]]:
    """The memory of each process in MiB: the median of the second and of the last tenth of a run, and the most."""
    tenth = max(1, len(samples) // 10)
    found = {}
    for name in samples[0].memory_mib:
        seen = [sample.memory_mib.get(name, 0.0) for sample in samples]
        found[name] = (median(seen[tenth : 2 * tenth] or seen), median(seen[-tenth:]), max(seen))
    return found


def draw(samples: Sequence[Sample], path: Path) -> None:
    """Files settled a second, and below that the memory of each process."""
    rates = [
        (later.at_s, (later.settled - earlier.settled) / (later.at_s - earlier.at_s))
        for earlier, later in zip(samples, samples[3:], strict=False)
    ]
    memory = {name: [(each.at_s, each.memory_mib.get(name, 0.0)) for each in samples] for name in samples[0].memory_mib}
    height = 2 * HEIGHT + 2 * TOP + GAP + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 20} {height}" font-family="sans-serif" font-size="11">',
        f'<rect width="100%" height="{height}" fill="#fff"/>',
        *_plot({"": rates}, TOP, "files settled a second"),
        *_plot(memory, TOP + HEIGHT + GAP, "memory, MiB"),
    ]
    for at, (name, colour) in enumerate(zip(memory, COLOURS, strict=False)):
        x, y = LEFT + at * 92, height - 10
        parts.append(
            f'<path d="M{x} {y - 4}h14" stroke="{colour}" stroke-width="2"/><text x="{x + 18}" y="{y}">{name}</text>'
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*parts, "</svg>", ""]))


def _plot(lines: Mapping[str, Sequence[tuple[float, float]]], top: int, title: str) -> list[str]:
    """One frame with a line for each series; the horizontal axis is in minutes."""
    end = max(x for points in lines.values() for x, _ in points)
    most = max(y for points in lines.values() for _, y in points) * 1.05 or 1.0
    parts = [
        f'<rect x="{LEFT}" y="{top}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#444"/>',
        f'<text x="{LEFT}" y="{top - 8}">{title}</text>',
    ]
    for step in range(5):
        y, x = top + HEIGHT * (4 - step) / 4, LEFT + WIDTH * step / 4
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.0f}" text-anchor="end">{most * step / 4:.0f}</text>')
        parts.append(
            f'<text x="{x:.0f}" y="{top + HEIGHT + 15}" text-anchor="middle">{end * step / 4 / 60:.0f} min</text>'
        )
    for (_, points), colour in zip(lines.items(), COLOURS, strict=False):
        places = "L".join(f"{LEFT + WIDTH * x / end:.1f} {top + HEIGHT * (1 - y / most):.1f}" for x, y in points)
        parts.append(f'<path d="M{places}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
    return parts
