"""The readers that are compared, by name: the levels of accuracy, and settings of Tesseract."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import get_args

from benchmarks.reading.truth import SCHEMA
from layers.decoders import ocr
from layers.decoders.gray_pages import gray_page
from layers.decoders.tesseract import BY_LAYOUT, Setting, Tesseract
from layers.domain.file import ReadingLevel
from layers.domain.page import Page, pages_as_read

ALONE = "Tesseract"
LEVELS: tuple[ReadingLevel, ...] = get_args(ReadingLevel)
TESSERACT = {
    ALONE: BY_LAYOUT,
    "psm 3 everywhere": Setting(block_mode=3),
    "psm 4 everywhere": Setting(columns_mode=4, block_mode=4),
    "psm 6 everywhere": Setting(columns_mode=6),
    "psm 11 everywhere": Setting(columns_mode=11, block_mode=11),
    "by layout, without scaling": Setting(scales_print=False),
    "by layout, uneven light kept": Setting(evens_light=False),
}
Reader = Callable[[str, str, int], Page]
Source = tuple[Path, str, int, str]  # path, media type, page number, language


@dataclass(frozen=True, slots=True)
class ReadingRun:
    """The pages that were read with a setting, in order, and the time that it took."""

    pages: list[Page]
    wall_s: float
    cpu_s: float


def run(name: str, wanted: Sequence[Source], pool: ProcessPoolExecutor) -> ReadingRun:
    """Read pages with a level or a setting of Tesseract: two at a time, as with two workers."""
    started = time.monotonic()
    found = list(pool.map(partial(_measured, name), wanted))
    return ReadingRun([page for page, _ in found], time.monotonic() - started, sum(cpu_s for _, cpu_s in found))


def _measured(name: str, wanted: Source) -> tuple[Page, float]:
    """The page and the CPU seconds. What a decoder loads at its first page is loaded before."""
    os.environ["OMP_THREAD_LIMIT"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"  # as in the sandbox
    _warm_up(name)
    before = cpu_s()
    page = read(name, *wanted)
    return page, cpu_s() - before


def read(name: str, path: Path, media_type: str, number: int, language: str = "eng") -> Page:
    if name in TESSERACT:
        shown = gray_page(str(path), media_type, number)
        return pages_as_read([ocr.read_page(shown, number, Tesseract([language], TESSERACT[name]))])[0]
    return pages_as_read(ocr.read_pages(str(path), media_type, [number], [language], name, SCHEMA))[0]  # type: ignore[arg-type]


@cache
def _warm_up(name: str) -> None:
    from layers.decoders.nets import models

    for net in (models.DETECTOR, *(models.recogniser(("eng",), net) for net in (models.TINY, models.SMALL))):
        assert net is not None
        models.open_net(net)


def cpu_s() -> float:
    """CPU seconds of this process and of its children that have ended."""
    own, below = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + below.ru_utime + below.ru_stime
