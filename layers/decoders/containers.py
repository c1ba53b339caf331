"""Identifies zip and OLE containers by their directories, and refuses those that would unpack to too much."""

from __future__ import annotations

import mmap
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from xml.etree import ElementTree

from layers.domain.errors import PermanentError

MAX_PARTS = 20_000
BOMB_RATIO = 50
WORKBOOK = "xl/workbook.xml"
MAX_UNPACKED_BYTES = 1 << 30
MAX_MARKUP_BYTES = 160 << 20  # in all XML and HTML parts, which are parsed; pictures are not
MAX_PART_BYTES = 64 << 20
MARKUP = (".xml", ".rels", ".xhtml", ".html", ".htm", ".opf", ".ncx")
OLE_MARK = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ZIP_MARKS = (b"PK\x03\x04", b"PK\x05\x06")

# Streams that identify an OLE container, in this order. Its directory lists their names in UTF-16.
STREAMS = (
    ("EncryptedPackage", ""),
    ("WordDocument", "application/msword"),
    ("PowerPoint Document", "application/vnd.ms-powerpoint"),
    ("__properties_version1.0", "application/vnd.ms-outlook"),
    ("Workbook", "application/vnd.ms-excel"),
    ("Book", "application/vnd.ms-excel"),
)


def type_of_zip(path: str) -> str:
    """The media type of the document in a zip; `application/zip` if it is not a document."""
    from layers.decoders import package_types

    with opened_zip(path) as archive:
        names = archive.namelist()
        media_type = package_types.type_of(archive)
        if media_type is None:
            return "application/zip"
        check_bounds(archive)
        if "META-INF/manifest.xml" in names and b"encryption-data" in archive.open("META-INF/manifest.xml").read(
            1 << 20
        ):
            raise _locked()
        return media_type


def type_of_ole(path: str) -> str | None:
    """The media type of an OLE container, or None if it is of no supported type."""
    with open(path, "rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        for name, media_type in STREAMS:
            if content.find(name.encode("utf-16-le") + b"\x00\x00") >= 0:
                if not media_type:
                    raise _locked()
                return media_type
    return None


@contextmanager
def opened_zip(path: str) -> Iterator[zipfile.ZipFile]:
    """The zip at `path`, with slashes in the names of its members. Raises PermanentError `corrupt`, or
    `password_protected`."""
    try:
        with zipfile.ZipFile(path) as archive:
            _use_slashes(archive)
            yield archive
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, EOFError, OSError, KeyError) as error:
        raise PermanentError("corrupt", f"the file is damaged and can't be opened ({error})") from None
    except RuntimeError as error:  # zipfile raises this for an encrypted member
        raise _locked() from error


def _use_slashes(archive: zipfile.ZipFile) -> None:
    """Some programs on Windows write backslashes, or a slash before the first folder."""
    for part in archive.filelist:
        name = part.filename.replace("\\", "/").lstrip("/")
        if name and name != part.filename:
            part.filename = name
            archive.NameToInfo[name] = part


def check_bounds(archive: zipfile.ZipFile) -> None:
    """Refuse a document whose declared sizes exceed the limits."""
    parts = archive.infolist()
    markup = [part.file_size for part in parts if part.filename.lower().endswith(MARKUP)]
    if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED_BYTES:
        raise _too_much(parts, "the document unpacks to more than the limit")
    if sum(markup) > MAX_MARKUP_BYTES or max(markup, default=0) > MAX_PART_BYTES:
        raise _too_much(parts, "the document unpacks to more text than the limit")


def _too_much(parts: list[zipfile.ZipInfo], detail: str) -> PermanentError:
    """Distinguish a decompression bomb from a large document. Text packs to a tenth, rarely to less than a fiftieth."""
    packed = sum(part.compress_size for part in parts)
    is_bomb = sum(part.file_size for part in parts) > BOMB_RATIO * packed
    return PermanentError("decompression_bomb" if is_bomb else "too_large", detail)


def part_of(archive: zipfile.ZipFile, name: str) -> bytes:
    """A member's content, or nothing if there is no such member. Raises PermanentError if it is larger than the limit."""
    try:
        with archive.open(name) as stream:
            content = stream.read(MAX_PART_BYTES + 1)
    except KeyError:
        return b""
    if len(content) > MAX_PART_BYTES:
        raise PermanentError("too_large", "the document unpacks to more text than the limit")
    return content


def xml_of(archive: zipfile.ZipFile, name: str) -> ElementTree.Element | None:
    """A member as XML, or None if it is missing, damaged, or declares entities, which these formats never do."""
    content = part_of(archive, name)
    if not content or b"<!DOCTYPE" in content[:4096] or b"<!ENTITY" in content:
        return None
    try:
        return ElementTree.fromstring(content)
    except ElementTree.ParseError:
        return None


def targets_of(archive: zipfile.ZipFile, part: str) -> dict[str, tuple[str, str]]:
    """A part's relationships: by id, the last word of the type and the name of the target part."""
    folder, name = PurePosixPath(part).parent, PurePosixPath(part).name
    tree = xml_of(archive, str(folder / "_rels" / f"{name}.rels"))
    found = {}
    for relationship in tree if tree is not None else ():
        if relationship.get("TargetMode") != "External":
            target = relationship.get("Target", "")
            path = target.lstrip("/") if target.startswith("/") else joined(folder, target)
            found[relationship.get("Id", "")] = (relationship.get("Type", "").rsplit("/", 1)[-1], path)
    return found


def joined(folder: PurePosixPath, target: str) -> str:
    """The name of the member to which a relative link in a folder leads."""
    parts = list(folder.parts)
    for piece in PurePosixPath(target).parts:
        if piece == "..":
            parts = parts[:-1]
        elif piece != ".":
            parts.append(piece)
    return "/".join(parts)


def _locked() -> PermanentError:
    return PermanentError("password_protected", "the file is protected by a password; send it without one")
