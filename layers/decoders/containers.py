"""Zip and OLE containers: what they hold, told from their directories, and refused where they would unpack to too much."""

from __future__ import annotations

import mmap
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from xml.etree import ElementTree

from layers.domain.errors import PermanentError

MOST_PARTS = 20_000
BOMB_RATIO = 50
MOST_UNPACKED_BYTES = 1 << 30
MOST_MARKUP_BYTES = 160 << 20  # what is parsed; pictures beside it are not
MOST_PART_BYTES = 64 << 20
MARKUP = (".xml", ".rels", ".xhtml", ".html", ".htm", ".opf", ".ncx")
OLE_MARK = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ZIP_MARKS = (b"PK\x03\x04", b"PK\x05\x06")

OOXML = "application/vnd.openxmlformats-officedocument"
# The part that makes a zip a document.
MAIN_PARTS = {
    "word/document.xml": f"{OOXML}.wordprocessingml.document",
    "xl/workbook.xml": f"{OOXML}.spreadsheetml.sheet",
    "xl/workbook.bin": f"{OOXML}.spreadsheetml.sheet",
    "ppt/presentation.xml": f"{OOXML}.presentationml.presentation",
}
# What a `mimetype` member may name; templates are read as what they make.
NAMED = {
    "application/vnd.oasis.opendocument.text": "application/vnd.oasis.opendocument.text",
    "application/vnd.oasis.opendocument.text-template": "application/vnd.oasis.opendocument.text",
    "application/vnd.oasis.opendocument.spreadsheet": "application/vnd.oasis.opendocument.spreadsheet",
    "application/vnd.oasis.opendocument.presentation": "application/vnd.oasis.opendocument.presentation",
    "application/epub+zip": "application/epub+zip",
}
# Streams by which an OLE container is known, the first that is found; the names stand in its directory in UTF-16.
STREAMS = (
    ("EncryptedPackage", ""),
    ("WordDocument", "application/msword"),
    ("PowerPoint Document", "application/vnd.ms-powerpoint"),
    ("__properties_version1.0", "application/vnd.ms-outlook"),
    ("Workbook", "application/vnd.ms-excel"),
    ("Book", "application/vnd.ms-excel"),
)


def type_of_zip(path: str) -> str:
    """The media type of what a zip holds; `application/zip` where it is nothing but a zip."""
    with opened_zip(path) as archive:
        names = archive.namelist()
        media_type = next((kind for part, kind in MAIN_PARTS.items() if part in set(names)), None)
        if media_type is None and "mimetype" in names:
            told = archive.open("mimetype").read(200).decode("ascii", "replace").strip()
            media_type = NAMED.get(told)
        if media_type is None:
            return "application/zip"
        check_bounds(archive)
        if "META-INF/manifest.xml" in names and b"encryption-data" in archive.open("META-INF/manifest.xml").read(
            1 << 20
        ):
            raise _locked()
        return media_type


def type_of_ole(path: str) -> str | None:
    """The media type of an OLE container; None where it is none that is read here."""
    with open(path, "rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        for name, media_type in STREAMS:
            if content.find(name.encode("utf-16-le") + b"\x00\x00") >= 0:
                if not media_type:
                    raise _locked()
                return media_type
    return None


@contextmanager
def opened_zip(path: str) -> Iterator[zipfile.ZipFile]:
    """The zip at `path`. Raises PermanentError `corrupt` whatever is wrong with it."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, EOFError, OSError, KeyError) as error:
        raise PermanentError("corrupt", f"the file is damaged and can't be opened ({error})") from None
    except RuntimeError as error:  # zipfile's word for a member that is encrypted
        raise _locked() from error


def check_bounds(archive: zipfile.ZipFile) -> None:
    """Refuse a document that would unpack to more than can be read. Sizes are those that it declares."""
    parts = archive.infolist()
    markup = [part.file_size for part in parts if part.filename.lower().endswith(MARKUP)]
    if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > MOST_UNPACKED_BYTES:
        raise _too_much(parts, "the document unpacks to more than can be read")
    if sum(markup) > MOST_MARKUP_BYTES or max(markup, default=0) > MOST_PART_BYTES:
        raise _too_much(parts, "the document unpacks to more text than can be read")


def _too_much(parts: list[zipfile.ZipInfo], detail: str) -> PermanentError:
    """Told apart: what was made to burst, and what is only large. Text packs to a tenth, seldom to less than a fiftieth."""
    packed = sum(part.compress_size for part in parts)
    made_to_burst = sum(part.file_size for part in parts) > BOMB_RATIO * packed
    return PermanentError("decompression_bomb" if made_to_burst else "too_large", detail)


def part_of(archive: zipfile.ZipFile, name: str) -> bytes:
    """A member's content, at most as long as a part may be; empty where there is none of this name."""
    try:
        with archive.open(name) as stream:
            content = stream.read(MOST_PART_BYTES + 1)
    except KeyError:
        return b""
    if len(content) > MOST_PART_BYTES:
        raise PermanentError("too_large", "the document unpacks to more text than can be read")
    return content


def xml_of(archive: zipfile.ZipFile, name: str) -> ElementTree.Element | None:
    """A member as XML; None where it is missing or damaged. Documents of these formats declare no entities."""
    content = part_of(archive, name)
    if not content or b"<!DOCTYPE" in content[:4096] or b"<!ENTITY" in content:
        return None
    try:
        return ElementTree.fromstring(content)
    except ElementTree.ParseError:
        return None


def targets_of(archive: zipfile.ZipFile, part: str) -> dict[str, tuple[str, str]]:
    """A part's relationships: by id, the kind's last word and the name of the part that it leads to."""
    folder, name = PurePosixPath(part).parent, PurePosixPath(part).name
    tree = xml_of(archive, str(folder / "_rels" / f"{name}.rels"))
    found = {}
    for one in tree if tree is not None else ():
        if one.get("TargetMode") != "External":
            target = one.get("Target", "")
            path = target.lstrip("/") if target.startswith("/") else _joined(folder, target)
            found[one.get("Id", "")] = (one.get("Type", "").rsplit("/", 1)[-1], path)
    return found


def _joined(folder: PurePosixPath, target: str) -> str:
    parts = list(folder.parts)
    for piece in PurePosixPath(target).parts:
        if piece == "..":
            parts = parts[:-1]
        elif piece != ".":
            parts.append(piece)
    return "/".join(parts)


def _locked() -> PermanentError:
    return PermanentError("password_protected", "the file is protected by a password; send it without")
