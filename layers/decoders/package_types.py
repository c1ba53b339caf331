"""Identifies the document in a zip by its content types, relationships or `mimetype`."""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from xml.etree import ElementTree

from layers.decoders.containers import part_of, targets_of, xml_of
from layers.domain.errors import PermanentError
from layers.domain.formats import IWORK, ODF, OOXML

TYPES_PART = "[Content_Types].xml"
MAIN_RELATION = "officeDocument"
WORD, SHEETS, SLIDES = (f"{OOXML}.{kind}" for kind in ("wordprocessingml.document", "spreadsheetml.sheet", "presentationml.presentation"))  # fmt: skip
# Words in the content type of the main part: of documents, templates and shows, with macros and without.
BY_WORD = {
    "wordprocessingml": WORD,
    "ms-word": WORD,
    "spreadsheetml": SHEETS,
    "ms-excel": SHEETS,
    "presentationml": SLIDES,
    "ms-powerpoint": SLIDES,
}
# Where readers look for the main part.
USUAL_PARTS = {
    "word/document.xml": WORD,
    "xl/workbook.xml": SHEETS,
    "xl/workbook.bin": SHEETS,
    "ppt/presentation.xml": SLIDES,
}
# OpenDocument's types, as `mimetype` and flat files declare them. Templates are read like the documents they create.
OPEN_DOCUMENTS = {
    f"{ODF}.{kind}{variant}": f"{ODF}.{kind}"
    for kind in ("text", "spreadsheet", "presentation", "graphics")
    for variant in ("", "-template")
} | {f"{ODF}.text-master": f"{ODF}.text", f"{ODF}.text-web": f"{ODF}.text"}
EPUB = "application/epub+zip"
MEDIA_TYPE = re.compile(r"^[\w.+-]{1,60}/[\w.+-]{1,120}$")


@dataclass(frozen=True, slots=True)
class MainPart:
    """The part of an Office package with which reading begins, and the type of the document."""

    name: str
    media_type: str


def type_of(archive: zipfile.ZipFile) -> str | None:
    """The media type of the document that a zip is, or None for a plain archive.

    Raises PermanentError `unsupported_type` for a document of a kind that can't be read.
    """
    names = set(archive.namelist())
    if TYPES_PART in names or USUAL_PARTS.keys() & names:
        main = main_part(archive)
        if main is None:
            raise _unsupported("an Office package without a text, a workbook or slides")
        return main.media_type
    if declared := declared_type(archive):
        if declared != EPUB and declared not in OPEN_DOCUMENTS:
            raise _unsupported(f"a document of type {declared}")
        return OPEN_DOCUMENTS.get(declared, EPUB)
    if any(name.endswith(".iwa") for name in names) or names & {"Index.zip", "index.apxl", "index.xml.gz"}:
        return IWORK
    if "META-INF/MANIFEST.MF" in names or "AndroidManifest.xml" in names:
        raise _unsupported("a program")
    return None


def main_part(archive: zipfile.ZipFile) -> MainPart | None:
    """The main part: the one that the package's relationships name, else one with a usual name."""
    names = {name.lower(): name for name in archive.namelist()}
    types = xml_of(archive, TYPES_PART)
    for kind, target in targets_of(archive, "").values():
        name = names.get(target.lower())
        if kind == MAIN_RELATION and name and (media_type := _document_type(_content_type(types, name))):
            return MainPart(name, media_type)
    return next(
        (MainPart(name, media_type) for name, media_type in USUAL_PARTS.items() if name in names.values()), None
    )


def declared_type(archive: zipfile.ZipFile) -> str:
    """The media type in the part `mimetype` or, without that, in the manifest of an OpenDocument."""
    names = set(archive.namelist())
    if "mimetype" in names:
        declared = part_of(archive, "mimetype")[:200].decode("ascii", "replace").strip()
        return declared if MEDIA_TYPE.match(declared) else ""
    if "META-INF/container.xml" in names:
        return EPUB
    manifest = xml_of(archive, "META-INF/manifest.xml") if "content.xml" in names else None
    for entry in manifest if manifest is not None else ():
        attributes = {key.rpartition("}")[2]: value for key, value in entry.attrib.items()}
        if attributes.get("full-path") == "/" and attributes.get("media-type") in OPEN_DOCUMENTS:
            return attributes["media-type"]
    return ""


def usual_name(main: MainPart) -> str:
    """Where readers look for this main part."""
    if main.name.endswith(".bin"):
        return "xl/workbook.bin"
    return next(name for name, media_type in USUAL_PARTS.items() if media_type == main.media_type)


def _content_type(types: ElementTree.Element | None, name: str) -> str:
    suffix, found = name.rpartition(".")[2].lower(), ""
    for entry in types if types is not None else ():
        if entry.get("PartName", "").lstrip("/").lower() == name.lower():
            return entry.get("ContentType", "")
        if entry.get("Extension", "").lower() == suffix:
            found = entry.get("ContentType", "")
    return found


def _document_type(content_type: str) -> str | None:
    return next((media_type for word, media_type in BY_WORD.items() if word in content_type.lower()), None)


def _unsupported(what: str) -> PermanentError:
    return PermanentError("unsupported_type", f"the file is {what}, which can't be read; send it as a PDF")
