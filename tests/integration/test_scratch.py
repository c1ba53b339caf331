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
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(scratch.tempfile, "tempdir", str(tmp_path))
    return tmp_path


def started_process(folder: Path) -> tuple[subprocess.Popen[bytes], Path]:
    """A process and its scratch folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", WORKS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(folder)},
    )
    assert process.stdout
    return process, Path(process.stdout.readline().decode().strip())


def end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.communicate()


def test_the_next_start_removes_only_the_folders_of_killed_processes(folder: Path) -> None:
    running, kept = started_process(folder)
    killed, left = started_process(folder)
    end(killed)
    (folder / "fairway-scratch-of-another").symlink_to(kept)
    assert left.is_dir()
    starting, _ = started_process(folder)
    assert kept.is_dir() and not left.parent.exists()
    end(running)
    end(starting)
    assert scratch.sweep() == 2


def test_a_folder_that_is_being_created_is_kept(folder: Path) -> None:
    new_folder = folder / f"{scratch.PREFIX}new"
    new_folder.mkdir()
    assert scratch.sweep() == 0
    long_ago = time.time() - 2 * scratch.NEW_FOLDER_S
    os.utime(new_folder, (long_ago, long_ago))
    assert scratch.sweep() == 1


def test_a_folder_that_disappears_during_the_sweep_is_no_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / f"{scratch.PREFIX}ended").mkdir()
    listed = list(os.scandir(folder))
    (folder / f"{scratch.PREFIX}ended").rmdir()
    monkeypatch.setattr(scratch.os, "scandir", lambda _: listed)
    assert scratch.sweep() == 0
