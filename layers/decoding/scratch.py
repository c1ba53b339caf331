"""Scratch folders that are removed even if their process was killed.

Each process keeps its scratch folders in one folder with a lock file, which it locks. The next process that starts
removes every such folder whose lock is free.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import threading
import time
from pathlib import Path

PREFIX, LOCK = "fairway-scratch-", "lock"
NEW_FOLDER_S = 60.0  # a folder without a lock file may be under construction for this long

_guard = threading.Lock()
_own: tuple[int, Path, int] | None = None  # process id, its folder, the descriptor of its lock


def new_folder(purpose: str) -> Path:
    """A new empty folder. The caller removes it; otherwise it is removed with this process's own folder."""
    return Path(tempfile.mkdtemp(prefix=f"{purpose}-", dir=own_folder()))


def own_folder() -> Path:
    """The folder of this process. The first use creates it, and sweeps the folders of processes that have ended."""
    global _own
    with _guard:
        if _own is None or _own[0] != os.getpid() or not _own[1].is_dir():
            sweep()
            _own = (os.getpid(), *_create())
        return _own[1]


def _create() -> tuple[Path, int]:
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    # Locked before it is renamed, so that no other process finds a lock file that is not locked yet.
    lock = os.open(folder / "making", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    (folder / "making").rename(folder / LOCK)
    return folder, lock


def sweep() -> int:
    """Remove the folders of processes that have ended. Returns their number."""
    swept = 0
    for entry in list(os.scandir(tempfile.gettempdir())):
        if entry.name.startswith(PREFIX) and entry.is_dir(follow_symlinks=False) and _is_abandoned(Path(entry.path)):
            shutil.rmtree(entry.path, ignore_errors=True)
            swept += 1
    return swept


def _is_abandoned(folder: Path) -> bool:
    try:
        found = folder.lstat()
    except OSError:  # removed by its process or by another sweep
        return False
    if found.st_uid != os.geteuid():
        return False
    try:
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return time.time() - found.st_mtime > NEW_FOLDER_S
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(lock)
    return True
