"""Writes bodies to disk, and turns the errors of a full disk into NoSpace."""

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
    """The disk is full, or would be too full after the write."""


class Incoming:
    """A body that is being received: in memory while it is small, otherwise in a file.

    Always close it in the end. `close` deletes the file unless `stored` was called.
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
        """Flush the file to disk and return None; return the body if it is small. Raises NoSpace."""
        if self._file is None:
            return b"".join(self._chunks)
        with refusing_full_disk():
            self._file.flush()
            os.fsync(self._file.fileno())
            flush_folder(self._path.parent)
        return None

    def stored(self) -> None:
        """Keep the file, because its row is committed."""
        self._is_stored = True

    def close(self) -> None:
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
            if not self._is_stored:
                self._path.unlink(missing_ok=True)


class refusing_full_disk:
    """Turns the errors of a full disk, an exceeded quota or too large a file into NoSpace."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None and is_full(error):
            raise NoSpace(str(error)) from error


def is_full(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return isinstance(error, sqlite3.OperationalError) and (
        "full" in str(error) or "disk I/O error" in str(error)  # SQLite's message for a write that ENOSPC interrupted
    )


def flush_folder(folder: Path) -> None:
    """Flush a folder's entries to disk, so that a new file in it survives a crash of the machine."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
