"""Reproducible zip files: the same content gives the same bytes, so that a digest shows whether anything changed."""

from __future__ import annotations

import hashlib
import os
import stat
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

FIXED_TIME = (2020, 1, 1, 0, 0, 0)


def pack(folder: Path, archive: Path, prefix: str = "", *, excluded: Callable[[str], bool] = lambda _: False) -> None:
    """Zip a folder's files under a prefix, with their modes, except those for whose names `excluded` is true."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    unfinished = archive.with_name(f"{archive.name}.{os.getpid()}")
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as out:
        for path in _files(folder):
            name = path.relative_to(folder).as_posix()
            if excluded(name):
                continue
            entry = zipfile.ZipInfo(prefix + name, FIXED_TIME)
            is_executable = path.stat().st_mode & stat.S_IXUSR
            entry.external_attr = (stat.S_IFREG | (0o755 if is_executable else 0o644)) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            out.writestr(entry, path.read_bytes())
    unfinished.replace(archive)


def unpack(archive: Path, folder: Path) -> Path:
    """Unzip as Lambda does, with file modes; returns the folder."""
    with zipfile.ZipFile(archive) as opened:
        for entry in opened.infolist():
            path = Path(opened.extract(entry, folder))
            if path.is_file() and entry.external_attr >> 16 & stat.S_IXUSR:
                path.chmod(0o755)
    return folder


def unzipped_bytes(archive: Path) -> int:
    with zipfile.ZipFile(archive) as opened:
        return sum(entry.file_size for entry in opened.infolist())


def digest(archive: Path) -> str:
    """The first 20 hexadecimal digits of the archive's SHA-256."""
    return hashlib.sha256(archive.read_bytes()).hexdigest()[:20]


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())
