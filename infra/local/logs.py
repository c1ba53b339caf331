"""Log files of bounded size: the current one of each process, and the one before it."""

from __future__ import annotations

import shutil
from pathlib import Path

MAX_BYTES = 5 * 1024 * 1024
TAIL_LINES = 15


def rotate(path: Path, max_bytes: int = MAX_BYTES) -> bool:
    """Move the content of a large log to `<name>.log.1`. Returns whether it did.

    The writer keeps its file open, so lines that it writes in the meantime may be lost.
    """
    try:
        if path.stat().st_size <= max_bytes:
            return False
        shutil.copyfile(path, path.with_name(path.name + ".1"))
        # The writer opened the file for appending, so it continues at the new end.
        path.open("r+").truncate(0)
    except OSError:
        return False
    return True


def tail(path: Path, lines: int = TAIL_LINES) -> str:
    """The last lines of a log."""
    try:
        with path.open("rb") as log:
            log.seek(max(0, path.stat().st_size - 200 * lines))
            return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""
