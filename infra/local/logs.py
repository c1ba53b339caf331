"""Log files of bounded size: one and its predecessor for each process."""

from __future__ import annotations

import shutil
from pathlib import Path

MOST_BYTES = 5 * 1024 * 1024
TAIL_LINES = 15


def rotate(path: Path, most_bytes: int = MOST_BYTES) -> bool:
    """Move a grown log's content to `<name>.log.1`; its writer keeps the file, so lines of that moment may be lost."""
    try:
        if path.stat().st_size <= most_bytes:
            return False
        shutil.copyfile(path, path.with_name(path.name + ".1"))
        # The writer appends, so after this it goes on at the new end.
        path.open("r+").truncate(0)
    except OSError:
        return False
    return True


def tail(path: Path, lines: int = TAIL_LINES) -> str:
    """The last lines of a log, for a person to read."""
    try:
        with path.open("rb") as log:
            log.seek(max(0, path.stat().st_size - 200 * lines))
            return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""
