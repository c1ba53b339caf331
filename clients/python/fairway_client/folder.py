"""Finds the files of a folder, and what identifies their content."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Found:
    """A file as it was found. `name` is its path below the folder, with `/` between the parts."""

    name: str
    path: Path
    size_bytes: int
    modified_ns: int

    @property
    def is_unchanged(self) -> bool:
        """Whether the file still has the size and the time of its last change."""
        try:
            now = self.path.stat()
        except OSError:
            return False
        return (now.st_size, now.st_mtime_ns) == (self.size_bytes, self.modified_ns)

    def line(self, sha256: str) -> dict[str, object]:
        """The file as a line of a manifest."""
        moment = datetime.fromtimestamp(self.modified_ns // 10**9, UTC)
        return {
            "name": self.name,
            "size_bytes": self.size_bytes,
            "sha256": sha256,
            "modified_at": moment.isoformat().replace("+00:00", "Z"),
        }


def find(folder: Path) -> list[Found]:
    """The files of a folder and of the folders in it, by name; or one file. Hidden files are left out, and links to
    folders are not followed. Raises OSError if the folder can't be read."""
    if not folder.is_dir():
        return [_found(folder.name, folder)]
    return sorted(_within(folder, ""), key=lambda found: found.name)


def _within(folder: Path, prefix: str) -> Iterator[Found]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _within(Path(entry.path), f"{prefix}{entry.name}/")
            elif _is_regular(entry):
                # Names of files may have bytes that are not UTF-8; the API takes text only.
                name = f"{prefix}{entry.name}".encode("utf-8", "replace").decode()
                yield _found(name, Path(entry.path))


def _is_regular(entry: os.DirEntry[str]) -> bool:
    try:
        return stat.S_ISREG(entry.stat().st_mode)
    except OSError:  # a link that leads nowhere, or a file that was deleted meanwhile
        return False


def _found(name: str, path: Path) -> Found:
    status = path.stat()
    return Found(name, path, status.st_size, status.st_mtime_ns)


def checksum(path: Path) -> str:
    """The SHA-256 of a file. Raises OSError."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
