"""Bodies on their way to disk, and what a full disk does to them."""

from __future__ import annotations

import errno
import os
import sqlite3
import uuid
from contextlib import suppress
from pathlib import Path
from typing import IO

SMALL_BYTES = 64 * 1024  # bodies up to this size are stored in the index: one flush to disk instead of three


class NoSpace(Exception):
    """The disk is full, or would be with what is to be stored."""


class Incoming:
    """A body that is being received: in memory while it is small, in a file once it is not.

    Close it in the end, whatever became of it; what was not stored is deleted.
    """

    def __init__(self, folder: Path, *, small_bytes: int = SMALL_BYTES) -> None:
        self.file_name = uuid.uuid4().hex
        self.size_bytes = 0
        self._small_bytes = small_bytes
        self._path = folder / self.file_name
        self._chunks: list[bytes] = []
        self._file: IO[bytes] | None = None
        self._is_stored = False

    def write(self, chunk: bytes) -> None:
        """Raises NoSpace."""
        self.size_bytes += len(chunk)
        if self._file is None and self.size_bytes <= self._small_bytes:
            self._chunks.append(chunk)
            return
        with refusing_full_disk():
            if self._file is None:
                self._file = open(self._path, "xb")
                self._file.writelines(self._chunks)
                self._chunks.clear()
            self._file.write(chunk)

    def flush(self) -> bytes | None:
        """Bring a file to disk; the body itself where it is small. Raises NoSpace."""
        if self._file is None:
            return b"".join(self._chunks)
        with refusing_full_disk():
            self._file.flush()
            os.fsync(self._file.fileno())
            flush_folder(self._path.parent)
        return None

    def stored(self) -> None:
        """Its row is committed: the file stays."""
        self._is_stored = True

    def close(self) -> None:
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
            if not self._is_stored:
                self._path.unlink(missing_ok=True)


class refusing_full_disk:
    """Turns what the system says of a full disk, a full quota or a file too large into NoSpace."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None and is_full(error):
            raise NoSpace(str(error)) from error


def is_full(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return isinstance(error, sqlite3.OperationalError) and (
        "full" in str(error) or "disk I/O error" in str(error)  # SQLite's word for a write that ENOSPC cut short
    )


def flush_folder(folder: Path) -> None:
    """Bring a folder's entries to disk, so that a file just made in it survives a crash of the machine."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
