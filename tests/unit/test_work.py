"""How a step stores its artifacts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from functions.text_artifact import save_text
from layers.attempts.work import Work
from layers.domain.file import File
from layers.domain.page import Page
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
