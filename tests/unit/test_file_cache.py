"""The cache of originals: it is bounded in bytes and in time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from layers.adapters.aws.file_cache import FileCache

KEY = ("originals/t/f", "v1")


@pytest.fixture
def cache() -> Iterator[FileCache]:
    cache = FileCache(100)
    yield cache
    cache.close()


def write(path: Path, size: int = 10) -> Path:
    path.write_bytes(b"x" * size)
    return path


def test_a_cached_file_is_linked_and_not_copied(cache: FileCache, tmp_path: Path) -> None:
    cache.keep(KEY, write(tmp_path / "a"))
    assert cache.give(KEY, tmp_path / "b")
    assert (tmp_path / "b").samefile(tmp_path / "a")


def test_another_version_is_another_file(cache: FileCache, tmp_path: Path) -> None:
    cache.keep(KEY, write(tmp_path / "a"))
    assert not cache.give((KEY[0], "v2"), tmp_path / "b")


def test_the_oldest_make_room_for_the_newest(cache: FileCache, tmp_path: Path) -> None:
    for number in range(4):
        cache.keep((str(number), "v"), write(tmp_path / str(number), 30))
    assert [cache.give((str(number), "v"), tmp_path / f"again {number}") for number in range(4)] == [
        False,
        True,
        True,
        True,
    ]


def test_a_file_that_is_too_large_is_not_cached(cache: FileCache, tmp_path: Path) -> None:
    cache.keep(KEY, write(tmp_path / "a", 101))
    assert not cache.give(KEY, tmp_path / "b")


def test_a_file_is_dropped_when_its_time_is_over(tmp_path: Path) -> None:
    cache = FileCache(100, kept_s=0.01)
    original = write(tmp_path / "a")
    cache.keep(KEY, original)
    deadline = time.monotonic() + 10
    while original.stat().st_nlink > 1 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert original.stat().st_nlink == 1
    assert not cache.give(KEY, tmp_path / "b")
    cache.close()
