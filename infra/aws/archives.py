"""Zip files that come out the same, byte for byte, from the same content: a digest then names what is new."""

from __future__ import annotations

import hashlib
import os
import stat
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

LONG_AGO = (2020, 1, 1, 0, 0, 0)


def pack(folder: Path, archive: Path, prefix: str = "", *, left_out: Callable[[str], bool] = lambda _: False) -> None:
    """Zip a folder's files under a prefix, each with its mode; names for which `left_out` is true stay out."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    unfinished = archive.with_name(f"{archive.name}.{os.getpid()}")
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as out:
        for path in _files(folder):
            name = path.relative_to(folder).as_posix()
            if left_out(name):
                continue
            entry = zipfile.ZipInfo(prefix + name, LONG_AGO)
            runs = path.stat().st_mode & stat.S_IXUSR
            entry.external_attr = (stat.S_IFREG | (0o755 if runs else 0o644)) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            out.writestr(entry, path.read_bytes())
    unfinished.replace(archive)


def unpack(archive: Path, folder: Path) -> Path:
    """Unzip as Lambda does, modes kept."""
    with zipfile.ZipFile(archive) as given:
        for entry in given.infolist():
            path = Path(given.extract(entry, folder))
            if path.is_file() and entry.external_attr >> 16 & stat.S_IXUSR:
                path.chmod(0o755)
    return folder


def unzipped_bytes(archive: Path) -> int:
    with zipfile.ZipFile(archive) as given:
        return sum(entry.file_size for entry in given.infolist())


def digest(archive: Path) -> str:
    """What names an archive's content."""
    return hashlib.sha256(archive.read_bytes()).hexdigest()[:20]


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())
