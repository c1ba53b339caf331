"""Zip archives as a collection of files: what is in one, within bounds, and some of it unpacked."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from layers.decoders.containers import opened_zip
from layers.domain.errors import PermanentError

MOST_MEMBERS = 1000
MOST_UNPACKED_BYTES = 512 << 20
MOST_MEMBER_BYTES = 200 << 20
BOMB_RATIO = 100
LONGEST_NAME = 1024
CHUNK_BYTES = 1 << 20
# What desktops put beside people's files.
NOBODYS_FOLDERS = {"__MACOSX"}
NOBODYS_FILES = {".DS_Store", "Thumbs.db", "desktop.ini"}


def members(path: str) -> list[dict[str, Any]]:
    """`[{"place", "name", "size_bytes"}]` of the files that somebody put there, sizes as the archive declares them."""
    with opened_zip(path) as archive:
        found = [(place, one) for place, one in enumerate(archive.infolist()) if _is_somebodys(one)]
        if any(one.flag_bits & 1 for _, one in found):
            raise PermanentError("password_protected", "the archive is protected by a password; send it without")
        if len(found) > MOST_MEMBERS:
            raise PermanentError("too_large", f"the archive holds {len(found)} files; at most {MOST_MEMBERS} are taken")
        unpacked = sum(one.file_size for _, one in found)
        if unpacked > MOST_UNPACKED_BYTES or any(one.file_size > MOST_MEMBER_BYTES for _, one in found):
            raise _too_much(unpacked, sum(one.compress_size for _, one in found))
        return [{"place": place, "name": _name(one), "size_bytes": one.file_size} for place, one in found]


def unpack(path: str, places: Sequence[int], into: str) -> list[dict[str, Any]]:
    """The same, for the members at these places, with `sha256` and the name under which each lies in `into`."""
    with opened_zip(path) as archive:
        listed = archive.infolist()
        return [_unpacked(archive, listed[place], place, Path(into)) for place in places]


def _unpacked(archive: zipfile.ZipFile, one: zipfile.ZipInfo, place: int, into: Path) -> dict[str, Any]:
    stored_as, digest, size_bytes = f"member-{place}", hashlib.sha256(), 0
    try:
        with archive.open(one) as source, (into / stored_as).open("wb") as target:
            while chunk := source.read(CHUNK_BYTES):
                size_bytes += len(chunk)
                if size_bytes > MOST_MEMBER_BYTES:
                    raise _too_much(size_bytes, one.compress_size)
                digest.update(chunk)
                target.write(chunk)
    except zipfile.zlib.error as error:  # type: ignore[attr-defined]
        raise PermanentError("corrupt", f"{_name(one)} in the archive is damaged ({error})") from None
    return {
        "place": place,
        "name": _name(one),
        "size_bytes": size_bytes,
        "sha256": digest.hexdigest(),
        "stored_as": stored_as,
    }


def _is_somebodys(one: zipfile.ZipInfo) -> bool:
    path = PurePosixPath(one.filename)
    is_odd = path.name in NOBODYS_FILES or path.name.startswith("._") or bool(NOBODYS_FOLDERS & set(path.parts))
    return not one.is_dir() and not is_odd


def _name(one: zipfile.ZipInfo) -> str:
    """The member's path as a name to show; it leads nowhere."""
    name = one.filename.encode("utf-8", "replace").decode().replace("\x00", "")
    return name[-LONGEST_NAME:] or "unnamed"


def _too_much(unpacked: int, packed: int) -> PermanentError:
    if unpacked > BOMB_RATIO * max(1, packed):
        return PermanentError(
            "decompression_bomb", "the archive is made to unpack to far more than it is; it is not read"
        )
    most = MOST_UNPACKED_BYTES >> 20
    return PermanentError("too_large", f"the archive unpacks to more than {most} MiB, or one file in it is too large")
