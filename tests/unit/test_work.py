"""How a step stores its artifacts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from functions.ocr import ocr
from functions.text_artifact import save_text
from layers.attempts.work import Work
from layers.domain.file import File
from layers.domain.page import Page
from layers.domain.step import Done
from layers.ports import Claim, Ports
from tests.fakes import MemoryObjects

FILE = File("f", "t", "d", "b", "a.txt", "originals/t/f", None, 5, None)


def work_on(original: bytes, tmp_path: Path) -> tuple[Work, MemoryObjects]:
    objects, none = MemoryObjects(), cast(Any, None)
    objects.objects[FILE.object_key] = original
    return Work(
        Claim(replace(FILE), "text", 0, 1, "lease-id", 0), Ports(none, objects, none, none, none, None), tmp_path
    ), objects


@pytest.mark.parametrize(
    ("original", "is_the_original"), [(b"one\ntwo", True), (b"\xef\xbb\xbfone\ntwo", False), (b"one\r\ntwo", False)]
)
def test_a_file_that_is_its_own_text_is_not_stored_twice(
    original: bytes, is_the_original: bool, tmp_path: Path
) -> None:
    work, objects = work_on(original, tmp_path)
    work.original()
    artifact = save_text(work, [Page(1, "one\ntwo", (), "native", 100.0)])
    assert (artifact.object_key == FILE.object_key) is is_the_original
    assert objects.objects[artifact.object_key] == b"one\ntwo"
    assert (artifact.size_bytes, artifact.source) == (7, "native")


def test_a_text_whose_original_was_not_fetched_is_stored(tmp_path: Path) -> None:
    work, objects = work_on(b"one", tmp_path)
    artifact = save_text(work, [Page(1, "one", (), "native", 100.0)])
    assert artifact.object_key != FILE.object_key and len(objects.objects) == 2


class ReadPages:
    """A store with pages that were read before, which counts the calls that load them with their words."""

    def __init__(self, *numbers: int) -> None:
        self.read = {number: Page(number, f"page {number}", (), "ocr", 90.0) for number in numbers}
        self.loads = 0

    def pages(self, file_id: str) -> list[Page]:
        self.loads += 1
        return list(self.read.values())

    def count_read_pages(self, file_id: str, besides: Sequence[int]) -> int:
        return len(self.read.keys() - set(besides))


class Reader:
    def read_images(self, path: Path, media_type: str, numbers: Sequence[int], *_: Any) -> list[Page]:
        return [Page(number, f"page {number}", (), "ocr", 90.0) for number in numbers]


@pytest.mark.parametrize(
    ("read_before", "numbers", "text", "loads"),
    [
        ((), (1, 2, 3, 4), b"page 1\fpage 2\fpage 3\fpage 4", 0),
        ((1, 2), (3, 4), b"page 1\fpage 2\fpage 3\fpage 4", 1),
        ((2,), (3, 4), None, 0),
        ((), (3, 4), None, 0),
    ],
)
def test_ocr_stores_the_text_with_the_last_part_and_only_that_loads_the_other_pages(
    read_before: tuple[int, ...], numbers: tuple[int, ...], text: bytes | None, loads: int, tmp_path: Path
) -> None:
    file = replace(FILE, media_type="image/tiff", page_count=4, page_numbers=numbers)
    objects, store, none = MemoryObjects(), ReadPages(*read_before), cast(Any, None)
    objects.objects[FILE.object_key] = b"pixels"
    ports = Ports(cast(Any, store), objects, none, cast(Any, Reader()), none, None)
    work = Work(Claim(file, "ocr", 0, 1, "lease-id", 0), ports, tmp_path)
    done = ocr.run(file, work)
    assert isinstance(done, Done) and [page.number for page in done.pages] == list(numbers)
    assert [objects.objects[artifact.object_key] for artifact in done.artifacts] == ([text] if text else [])
    assert store.loads == loads
