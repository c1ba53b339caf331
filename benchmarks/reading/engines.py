"""The settings of the OCR engines that are compared, by name."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.reading.truth import SCHEMA
from functions.ocr import read_again
from layers.decoders import ocr
from layers.domain.file import File
from layers.domain.page import Page, pages_as_read

DEFAULT = "by layout (the default)"
WITH_RAPID = "by layout, then RapidOCR"
TESSERACT = {
    DEFAULT: ocr.BY_LAYOUT,
    "psm 3 everywhere": ocr.Setting(block_mode=3),
    "psm 4 everywhere": ocr.Setting(columns_mode=4, block_mode=4),
    "psm 6 everywhere": ocr.Setting(columns_mode=6),
    "psm 11 everywhere": ocr.Setting(columns_mode=11, block_mode=11),
    "by layout, without scaling": ocr.Setting(scales_print=False),
    "by layout, uneven light kept": ocr.Setting(evens_light=False),
}
Reader = Callable[[str, str, int], Page]


@dataclass(frozen=True, slots=True)
class ReadingRun:
    """The pages that were read with a setting, in order, and the time that it took."""

    pages: list[Page]
    wall_s: float
    cpu_s: float


def reader_of(name: str) -> Reader:
    return _with_rapid if name == WITH_RAPID else partial(_by_tesseract, TESSERACT[name])


def run(name: str, wanted: Sequence[tuple[Path, str, int]], pool: ProcessPoolExecutor) -> ReadingRun:
    """Read pages, each given as path, media type and page number, with a setting: two at a time, as with two workers."""
    started = time.monotonic()
    found = list(pool.map(_measured, [name] * len(wanted), wanted))
    return ReadingRun([page for page, _ in found], time.monotonic() - started, sum(cpu_s for _, cpu_s in found))


def _measured(name: str, wanted: tuple[Path, str, int]) -> tuple[Page, float]:
    os.environ["OMP_THREAD_LIMIT"] = "1"  # as in the sandbox
    before = cpu_s()
    page = reader_of(name)(str(wanted[0]), *wanted[1:])
    return page, cpu_s() - before


def cpu_s() -> float:
    """CPU seconds of this process and of its children that have ended."""
    own, below = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + below.ru_utime + below.ru_stime


def has_rapid() -> bool:
    try:
        import rapidocr  # noqa: F401
    except ImportError:
        return False
    return True


def _by_tesseract(setting: ocr.Setting, path: str, media_type: str, number: int) -> Page:
    return _first(ocr.read_pages(path, media_type, [number], ["eng"], setting))


def _with_rapid(path: str, media_type: str, number: int) -> Page:
    """Read a page as the OCR step does if the second reader is installed."""
    first = _by_tesseract(ocr.BY_LAYOUT, path, media_type, number)
    again = read_again(_file(path, media_type), _Work(Path(path)), {number: first}, [first])  # type: ignore[arg-type]
    return again[0] if again else first


def _file(path: str, media_type: str) -> File:
    name = Path(path).name
    return File("", "", "", "", name, "", None, 0, None, media_type=media_type, page_count=1, schema=SCHEMA)


@dataclass(frozen=True, slots=True)
class _Work:
    """The part of a step's `Work` that the second reader needs, without a sandbox."""

    path: Path

    @property
    def second_reader(self) -> _Work:
        return self

    def original(self) -> Path:
        return self.path

    def reads(self, languages: Sequence[str]) -> bool:
        return True

    def read_again(self, path: Path, media_type: str, pages: Sequence[Page]) -> list[Page]:
        from layers.decoders import rapid

        return pages_as_read(rapid.read_pages(str(path), media_type, [(page.number, page.turned) for page in pages]))


def _first(found: Iterable[dict[str, Any]]) -> Page:
    return pages_as_read(found)[0]
