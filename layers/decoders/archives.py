"""Lists and extracts the files of a zip archive or a mail, within limits."""

from __future__ import annotations

import hashlib
import unicodedata
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from layers.decoders import mail_members, mail_pages
from layers.decoders.charsets import decode
from layers.decoders.containers import opened_zip
from layers.domain.errors import PermanentError

MAX_MEMBERS = 1000
MAX_UNPACKED_BYTES = 512 << 20
MAX_MEMBER_BYTES = 200 << 20
BOMB_RATIO = 100
MAX_NAME_LENGTH = 1024
CHUNK_BYTES = 1 << 20
UTF8_FLAG = 0x800
# Desktop systems add these to the user's own files.
SYSTEM_FOLDERS = {"__MACOSX"}
SYSTEM_FILES = {".DS_Store", "Thumbs.db", "desktop.ini"}


def members(path: str, media_type: str = "application/zip") -> list[dict[str, Any]]:
    """The files of an archive, a mail or a mailbox (`layers/decoders/mail_members.py`).

    `[{"index", "name", "size_bytes"}]` of the user's files; indexes count all entries, sizes are as the archive
    declares.
    """
    if media_type in mail_pages.FORMATS:
        return mail_members.members(path, media_type)
    with opened_zip(path) as archive:
        found = [(index, entry) for index, entry in enumerate(archive.infolist()) if _is_user_file(entry)]
        if any(entry.flag_bits & 1 for _, entry in found):
            raise PermanentError("password_protected", "the archive is protected by a password; send it without one")
        if len(found) > MAX_MEMBERS:
            raise PermanentError(
                "too_large", f"the archive contains {len(found)} files; at most {MAX_MEMBERS} are accepted"
            )
        unpacked = sum(entry.file_size for _, entry in found)
        if unpacked > MAX_UNPACKED_BYTES or any(entry.file_size > MAX_MEMBER_BYTES for _, entry in found):
            raise _too_much(unpacked, sum(entry.compress_size for _, entry in found))
        names = _names(archive.infolist())
        return [{"index": index, "name": names[index], "size_bytes": entry.file_size} for index, entry in found]


def unpack(path: str, media_type: str, indexes: Sequence[int], into: str) -> list[dict[str, Any]]:
    """Extract the members at these indexes. As `members`, with `sha256` and, as `stored_as`, the file's name in
    `into`."""
    if media_type in mail_pages.FORMATS:
        return mail_members.unpack(path, media_type, indexes, into)
    with opened_zip(path) as archive:
        listed = archive.infolist()
        names = _names(listed)
        return [_extract(archive, listed[index], index, names[index], Path(into)) for index in indexes]


def _extract(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, index: int, name: str, into: Path) -> dict[str, Any]:
    stored_as, digest, size_bytes = f"member-{index}", hashlib.sha256(), 0
    try:
        with archive.open(entry) as source, (into / stored_as).open("wb") as target:
            while chunk := source.read(CHUNK_BYTES):
                size_bytes += len(chunk)
                if size_bytes > MAX_MEMBER_BYTES:
                    raise _too_much(size_bytes, entry.compress_size)
                digest.update(chunk)
                target.write(chunk)
    except zipfile.zlib.error as error:  # type: ignore[attr-defined]
        raise PermanentError("corrupt", f"{name} in the archive is damaged ({error})") from None
    return {
        "index": index,
        "name": name,
        "size_bytes": size_bytes,
        "sha256": digest.hexdigest(),
        "stored_as": stored_as,
    }


def _is_user_file(entry: zipfile.ZipInfo) -> bool:
    path = PurePosixPath(entry.filename.replace("\\", "/"))
    is_system = path.name in SYSTEM_FILES or path.name.startswith("._") or bool(SYSTEM_FOLDERS & set(path.parts))
    return not entry.is_dir() and not entry.filename.endswith("\\") and not is_system


def _names(listed: Sequence[zipfile.ZipInfo]) -> dict[int, str]:
    """The members' paths as names to display, by index. They are never used as paths.

    Names without the flag for UTF-8 may be in any encoding, which all of them share.
    """
    raw = {index: _raw_name(entry) for index, entry in enumerate(listed)}
    undeclared = [index for index, entry in enumerate(listed) if not entry.flag_bits & UTF8_FLAG]
    texts = decode(b"\n".join(raw[index] for index in undeclared)).split("\n")
    known = dict(zip(undeclared, texts, strict=True)) if len(texts) == len(undeclared) else {}
    return {index: _shown(known.get(index, entry.filename)) for index, entry in enumerate(listed)}


def _raw_name(entry: zipfile.ZipInfo) -> bytes:
    """The bytes of a name. `zipfile` has decoded names without the flag for UTF-8 as code page 437."""
    try:
        return entry.orig_filename.encode("utf-8" if entry.flag_bits & UTF8_FLAG else "cp437", "surrogateescape")
    except UnicodeEncodeError:
        return entry.orig_filename.encode("utf-8", "replace")


def _shown(name: str) -> str:
    text = name.replace("\\", "/").encode("utf-8", "replace").decode().replace("\x00", "")
    return unicodedata.normalize("NFC", text)[-MAX_NAME_LENGTH:] or "unnamed"


def _too_much(unpacked: int, packed: int) -> PermanentError:
    if unpacked > BOMB_RATIO * max(1, packed):
        return PermanentError("decompression_bomb", "the archive is a decompression bomb; it is not read")
    max_mib = MAX_UNPACKED_BYTES >> 20
    return PermanentError(
        "too_large", f"the archive unpacks to more than {max_mib} MiB, or one file in it is too large"
    )
