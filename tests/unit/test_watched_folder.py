"""A watched folder: files are sent once they are quiet, each version once, and what was sent is moved away."""

from __future__ import annotations

from pathlib import Path

import pytest
from fairway_client.folder import find
from fairway_client.memory import Memory
from fairway_client.watching import FIRST_RETRY_S, Watched, move


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "inbox"
    made.mkdir()
    return made


def names(watched: Watched) -> list[str]:
    return [found.name for found in watched.quiet_files()]


def test_a_file_is_quiet_once_it_was_unchanged_for_a_while(folder: Path, tmp_path: Path) -> None:
    clock = Clock()
    with Memory(tmp_path / "state") as memory:
        watched = Watched(folder, memory, quiet_s=3, now=clock)
        (folder / "a.txt").write_text("one")
        assert names(watched) == []
        assert watched.is_waiting
        clock.now_s += 2
        (folder / "a.txt").write_text("one and more")
        assert names(watched) == []
        clock.now_s += 2
        assert names(watched) == []
        clock.now_s += 1
        assert names(watched) == ["a.txt"]
        assert not watched.is_waiting


def test_each_version_of_a_file_is_sent_once_also_by_a_later_process(folder: Path, tmp_path: Path) -> None:
    (folder / "a.txt").write_text("one")
    with Memory(tmp_path / "state") as memory:
        watched = Watched(folder, memory, quiet_s=0)
        (found,) = watched.quiet_files()
        watched.keep_done(found)
        assert names(watched) == []
    with Memory(tmp_path / "state") as memory:
        watched = Watched(folder, memory, quiet_s=0)
        assert names(watched) == []
        (folder / "a.txt").write_text("another one")
        assert names(watched) == ["a.txt"]


def test_a_file_that_failed_is_tried_again_ever_more_rarely(folder: Path, tmp_path: Path) -> None:
    clock = Clock()
    (folder / "a.txt").write_text("one")
    with Memory(tmp_path / "state") as memory:
        watched = Watched(folder, memory, quiet_s=0, now=clock)
        for wait_s in (FIRST_RETRY_S, 2 * FIRST_RETRY_S):
            assert names(watched) == ["a.txt"]
            watched.keep_failed("a.txt")
            clock.now_s += wait_s - 1
            assert names(watched) == []
            clock.now_s += 1


def test_a_file_is_moved_with_its_folders_and_overwrites_none(folder: Path, tmp_path: Path) -> None:
    done = folder / "done"
    (folder / "in").mkdir()
    for text in ("one", "two"):
        (folder / "in" / "a.txt").write_text(text)
        (found,) = find(folder / "in")
        move(found, done / "in")
        assert not found.path.exists()
    assert (done / "in" / "a.txt").read_text() == "one"
    assert (done / "in" / "a (2).txt").read_text() == "two"


def test_files_that_were_moved_are_not_sent_again_and_an_interrupted_move_is_made_up(
    folder: Path, tmp_path: Path
) -> None:
    done = folder / "done"
    with Memory(tmp_path / "state") as memory:
        watched = Watched(folder, memory, quiet_s=0, leaves_out=done)
        (folder / "a.txt").write_text("one")
        (found,) = watched.quiet_files()
        watched.keep_done(found)  # the process dies before it moves the file
        watched.move_rest(done)
        assert (done / "a.txt").read_text() == "one"
        assert names(watched) == []
