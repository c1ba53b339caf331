"""Scratch folders: all that one process makes lie in one folder that it holds locked. What a killed process left there
is known by a lock that nobody holds, and goes when the next one starts."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import threading
import time
from pathlib import Path

PREFIX, LOCK = "fairway-scratch-", "lock"
JUST_MADE_S = 60.0  # a folder that has no lock yet is being made

_guard = threading.Lock()
_held: tuple[int, Path, int] | None = None  # whose it is, the folder, and the lock's descriptor


def new_folder(purpose: str) -> Path:
    """An empty folder for this process; whoever asks for it removes it, or its end does."""
    return Path(tempfile.mkdtemp(prefix=f"{purpose}-", dir=own_folder()))


def own_folder() -> Path:
    """The folder of this process, made at first use, when what dead ones left is swept."""
    global _held
    with _guard:
        if _held is None or _held[0] != os.getpid() or not _held[1].is_dir():
            sweep()
            _held = (os.getpid(), *_made())
        return _held[1]


def _made() -> tuple[Path, int]:
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    # Locked before it has its name: nobody sees a lock that is not held yet.
    lock = os.open(folder / "making", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    (folder / "making").rename(folder / LOCK)
    return folder, lock


def sweep() -> int:
    """Remove the folders of our processes that are dead; how many."""
    swept = 0
    for entry in list(os.scandir(tempfile.gettempdir())):
        if entry.name.startswith(PREFIX) and entry.is_dir(follow_symlinks=False) and _is_left(Path(entry.path)):
            shutil.rmtree(entry.path, ignore_errors=True)
            swept += 1
    return swept


def _is_left(folder: Path) -> bool:
    try:
        found = folder.lstat()
    except OSError:  # its process removed it, or another one swept it
        return False
    if found.st_uid != os.geteuid():
        return False
    try:
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return time.time() - found.st_mtime > JUST_MADE_S
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(lock)
    return True
