"""Rewrites documents in an unusual form into the usual one, so that readers need to know only that.

Readers expect a zip, parts with their usual names and with slashes, the transitional namespaces of Office, and the media
types of OpenDocument's documents. Documents that are inserted into a text become paragraphs of it.
"""

from __future__ import annotations

import posixpath
import re
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager

from layers.decoders import flat_documents, inserted_documents
from layers.decoders.containers import MARKUP, ZIP_MARKS, check_bounds, opened_zip, part_of
from layers.decoders.package_types import (
    OPEN_DOCUMENTS,
    TYPES_PART,
    WORD,
    MainPart,
    declared_type,
    main_part,
    usual_name,
)

STRICT = re.compile(rb"http://purl\.oclc\.org/ooxml/([A-Za-z]+)/([A-Za-z]+)")
# Relationships whose names the strict and the transitional standard spell differently.
SPELLINGS = {
    b"extendedProperties": b"extended-properties",
    b"customProperties": b"custom-properties",
    b"docPropsVTypes": b"docPropsVTypes",
}
TARGET = re.compile(rb"""(\sTarget\s*=\s*["'])([^"']*)(["'])""")
START_BYTES = 4096
ROOT_RELATIONS = "_rels/.rels"
LOST_RELATIONS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" '
    'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="{}"/></Relationships>'
)


@contextmanager
def canonical(path: str, depth: int = 0) -> Iterator[str]:
    """The path of a document in the form that readers expect: the file itself, or a temporary copy.

    `depth` is the number of documents around one that is inserted into another.
    """
    with open(path, "rb") as stream:
        start = stream.read(START_BYTES)
    is_flat = flat_documents.is_flat(start)
    if start[:4] not in ZIP_MARKS and not is_flat:
        yield path
        return
    with tempfile.NamedTemporaryFile(suffix=".zip") as copy:
        if is_flat:
            flat_documents.write_as_zip(path, copy)
            changed = True
        else:
            with opened_zip(path) as archive:
                changed = _write_canonical(archive, copy, depth)
        copy.flush()
        yield copy.name if changed else path


def _write_canonical(archive: zipfile.ZipFile, copy: object, depth: int) -> bool:
    """Write a copy if the package needs one. Returns whether it does."""
    main = main_part(archive) if TYPES_PART in archive.namelist() else None
    declared = "" if main else declared_type(archive)
    if main is None and declared not in OPEN_DOCUMENTS:
        return False
    content = part_of(archive, main.name) if main else b""
    is_strict = b"//purl.oclc.org/ooxml/" in content
    has_inserted = main is not None and main.media_type == WORD and inserted_documents.MARK in content
    is_renamed = any(part.filename != part.orig_filename for part in archive.infolist())
    is_moved = main is not None and main.name != usual_name(main)
    is_variant = not main and OPEN_DOCUMENTS[declared] != part_of(archive, "mimetype").decode("ascii", "replace")
    is_loose = main is not None and ROOT_RELATIONS not in archive.namelist()
    if not (is_strict or has_inserted or is_renamed or is_moved or is_variant or is_loose):
        return False
    check_bounds(archive)
    with zipfile.ZipFile(copy, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as target:  # type: ignore[call-overload]
        if not main:
            target.writestr("mimetype", OPEN_DOCUMENTS[declared], zipfile.ZIP_STORED)
        if main and is_loose:
            target.writestr(ROOT_RELATIONS, LOST_RELATIONS.format(usual_name(main)))
        for part in archive.infolist():
            if part.is_dir() or (not main and part.filename == "mimetype"):
                continue
            packed = part_of(archive, part.filename)
            if is_strict and part.filename.lower().endswith(MARKUP):
                packed = STRICT.sub(_transitional, packed)
            if main and has_inserted and part.filename == main.name:
                packed = inserted_documents.as_paragraphs(archive, main.name, packed, depth)
            if not main and part.filename == "META-INF/manifest.xml":
                packed = packed.replace(declared.encode(), OPEN_DOCUMENTS[declared].encode())
            name, packed = _moved(main, part.filename, packed) if main and is_moved else (part.filename, packed)
            target.writestr(name, packed)
    return True


def _transitional(match: re.Match[bytes]) -> bytes:
    name = SPELLINGS.get(match[2], match[2])
    return b"http://schemas.openxmlformats.org/" + match[1] + b"/2006/" + name


def _moved(main: MainPart, name: str, content: bytes) -> tuple[str, bytes]:
    """A part's name and content after the main part, and the folder around it, were given their usual names."""
    usual = usual_name(main)
    (old_folder, old), new_folder = posixpath.split(main.name), posixpath.dirname(usual)
    if not old_folder:
        if name == _relations_of(main.name):
            return _relations_of(usual), _from_folder(new_folder, content)
        content = _renamed(content, main.name, usual) if name in (TYPES_PART, ROOT_RELATIONS) else content
        return (usual if name == main.name else name), content
    if name == TYPES_PART or name.endswith(".rels"):
        content = _renamed(_renamed(content, f"{old_folder}/", f"{new_folder}/"), main.name, usual)
        content = _renamed(content, f"{new_folder}/{old}", usual)
    if name.startswith(f"{old_folder}/"):
        name = name.replace(f"{old_folder}/", f"{new_folder}/", 1)
    if name in (f"{new_folder}/{old}", _relations_of(f"{new_folder}/{old}")):
        name = usual if not name.endswith(".rels") else _relations_of(usual)
    return name, content


def _renamed(content: bytes, old: str, new: str) -> bytes:
    """Content types or relationships with another name of a part or, with a slash at its end, of a folder."""
    end = rb"" if old.endswith("/") else rb"(?=[\"'])"
    return re.sub(rb"""(["']/?)""" + re.escape(old.encode()) + end, rb"\g<1>" + new.encode(), content)


def _relations_of(part: str) -> str:
    folder, name = posixpath.split(part)
    return posixpath.join(folder, "_rels", f"{name}.rels")


def _from_folder(folder: str, relations: bytes) -> bytes:
    """Relationships whose targets are in the root, rewritten for a part in a folder."""

    def moved(match: re.Match[bytes]) -> bytes:
        target = match[2].decode("utf-8", "replace")
        if target.startswith("/") or ":" in target:
            return match[0]
        return match[1] + posixpath.relpath(posixpath.normpath(target), folder).encode() + match[3]

    return TARGET.sub(moved, relations)
