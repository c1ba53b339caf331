"""Scratch folders of killed processes are removed, and those of living ones are kept."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from layers.decoding import scratch

ROOT = Path(__file__).resolve().parent.parent.parent
WORKS = """
import sys
from layers.decoding import scratch
print(scratch.new_folder("decoder"), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(scratch.tempfile, "tempdir", str(tmp_path))
    return tmp_path


def at_work(place: Path) -> tuple[subprocess.Popen[bytes], Path]:
    """A process and its scratch folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", WORKS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(place)},
    )
    assert process.stdout
    return process, Path(process.stdout.readline().decode().strip())


def end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.communicate()


def test_the_next_start_removes_only_the_folders_of_killed_processes(place: Path) -> None:
    living, kept = at_work(place)
    killed, left = at_work(place)
    end(killed)
    (place / "fairway-scratch-of-somebody").symlink_to(kept)
    assert left.is_dir()
    starting, _ = at_work(place)
    assert kept.is_dir() and not left.parent.exists()
    end(living)
    end(starting)
    assert scratch.sweep() == 2


def test_a_folder_that_is_being_created_is_kept(place: Path) -> None:
    being_made = place / f"{scratch.PREFIX}new"
    being_made.mkdir()
    assert scratch.sweep() == 0
    long_ago = time.time() - 2 * scratch.NEW_FOLDER_S
    os.utime(being_made, (long_ago, long_ago))
    assert scratch.sweep() == 1


def test_a_folder_that_disappears_during_the_sweep_is_no_error(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / f"{scratch.PREFIX}ended").mkdir()
    seen = list(os.scandir(place))
    (place / f"{scratch.PREFIX}ended").rmdir()
    monkeypatch.setattr(scratch.os, "scandir", lambda _: seen)
    assert scratch.sweep() == 0
