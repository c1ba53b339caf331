"""Originals kept between the steps of one file: bounded in bytes and in time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from layers.adapters.aws.file_cache import FileCache

KEY = ("originals/t/f", "v1")


@pytest.fixture
def kept() -> Iterator[FileCache]:
    kept = FileCache(100)
    yield kept
    kept.close()


def write(path: Path, size: int = 10) -> Path:
    path.write_bytes(b"x" * size)
    return path


def test_a_kept_file_is_given_without_a_copy(kept: FileCache, tmp_path: Path) -> None:
    kept.keep(KEY, write(tmp_path / "a"))
    assert kept.give(KEY, tmp_path / "b")
    assert (tmp_path / "b").samefile(tmp_path / "a")


def test_another_version_is_another_file(kept: FileCache, tmp_path: Path) -> None:
    kept.keep(KEY, write(tmp_path / "a"))
    assert not kept.give((KEY[0], "v2"), tmp_path / "b")


def test_the_oldest_make_room_for_the_newest(kept: FileCache, tmp_path: Path) -> None:
    for place in range(4):
        kept.keep((str(place), "v"), write(tmp_path / str(place), 30))
    assert [kept.give((str(place), "v"), tmp_path / f"again {place}") for place in range(4)] == [
        False,
        True,
        True,
        True,
    ]


def test_what_is_too_large_is_not_kept(kept: FileCache, tmp_path: Path) -> None:
    kept.keep(KEY, write(tmp_path / "a", 101))
    assert not kept.give(KEY, tmp_path / "b")


def test_nothing_is_kept_for_long(tmp_path: Path) -> None:
    kept = FileCache(100, kept_s=0.01)
    original = write(tmp_path / "a")
    kept.keep(KEY, original)
    deadline = time.monotonic() + 10
    while original.stat().st_nlink > 1 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert original.stat().st_nlink == 1
    assert not kept.give(KEY, tmp_path / "b")
    kept.close()
