"""The files of larger bodies in the store's folder, and the disk space that is kept free and in reserve."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import suppress
from pathlib import Path

from infra.local.objects.disk import Incoming, NoSpace

RESERVE_BYTES = 4 * 1024 * 1024


class BodyFiles:
    """A body arrives in one folder, and moves to its final path once its row is committed.

    `free_bytes` of the disk are left free: a body that needs them is refused before it is received.
    """

    def __init__(self, folder: Path, free_bytes: int = 0) -> None:
        self._folder = folder
        self._free_bytes = free_bytes
        self._arriving, self._bodies = folder / "arriving", folder / "bodies"
        self._reserve = folder / "reserve"

    def create_folders(self) -> None:
        for path in (self._folder, self._arriving, self._bodies):
            path.mkdir(mode=0o700, exist_ok=True)

    def receive(self, size_bytes: int) -> Incoming:
        """Begin to receive a body of this size. Raises NoSpace if too little of the disk would be left free."""
        self._check_room(size_bytes)
        return Incoming(self._arriving)

    def receive_part(self, size_bytes: int) -> Incoming:
        """Like `receive`, for a part, which is always written to a file."""
        self._check_room(size_bytes)
        return Incoming(self._arriving, small_bytes=-1)

    def _check_room(self, size_bytes: int) -> None:
        if shutil.disk_usage(self._folder).free - size_bytes < self._free_bytes:
            raise NoSpace(f"{size_bytes} bytes would leave less than {self._free_bytes} bytes of the disk free")

    def final_path(self, file_name: str) -> Path:
        return self._bodies / file_name[:2] / file_name

    def arriving_path(self, file_name: str) -> Path:
        return self._arriving / file_name

    def path(self, file_name: str) -> Path:
        """Where a file is now: at its final path, or where it arrived if its row was just committed."""
        path = self.final_path(file_name)
        return path if path.exists() else self.arriving_path(file_name)

    def settle(self, file_name: str) -> None:
        """Move a file whose row is committed to its final path. After a crash the next start does it."""
        path = self.final_path(file_name)
        with suppress(OSError):
            path.parent.mkdir(mode=0o700, exist_ok=True)
            self.arriving_path(file_name).replace(path)

    def delete(self, file_name: str) -> None:
        for path in (self.final_path(file_name), self.arriving_path(file_name)):
            path.unlink(missing_ok=True)

    def recover(self, connection: sqlite3.Connection) -> None:
        """After a crash, keep the files that have a row, and delete the others and the garbage."""
        for path in list(self._arriving.iterdir()):
            has_row = connection.execute(
                "SELECT 1 FROM versions WHERE version_id = ?1 UNION ALL SELECT 1 FROM parts WHERE file_name = ?1",
                (path.name,),
            ).fetchone()
            if has_row:
                self.settle(path.name)
            else:
                path.unlink(missing_ok=True)
        garbage = connection.execute("SELECT file_name FROM garbage").fetchall()
        for (name,) in garbage:
            self.final_path(name).unlink(missing_ok=True)
        if garbage:
            connection.execute("DELETE FROM garbage")

    def release_reserve(self) -> None:
        """Free the reserved space, so that a full disk can take the rows of a deletion or a start."""
        self._reserve.unlink(missing_ok=True)

    def refill_reserve(self) -> None:
        """Reserve some space, which only deletions and starts on a full disk use."""
        if self._reserve.exists() or shutil.disk_usage(self._folder).free < 4 * RESERVE_BYTES:
            return
        with suppress(OSError), open(self._reserve, "wb") as file:
            file.write(bytes(RESERVE_BYTES))
