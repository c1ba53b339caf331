"""Packs flat OpenDocuments, which are one XML file, into the zip that readers expect."""

from __future__ import annotations

import base64
import binascii
import re
import zipfile
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from layers.decoders.package_types import OPEN_DOCUMENTS
from layers.domain.errors import PermanentError

OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
LINK = "{http://www.w3.org/1999/xlink}href"
MANIFEST = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"
ROOT = re.compile(rb"<(?:\w+:)?document\s[^<>]*\bmimetype\s*=\s*[\"']([\w./+-]{1,100})[\"']")
MAX_BYTES = 64 << 20
MAX_PICTURES = 500
# Readers of OpenDocument look for elements by these prefixes.
PREFIXES = {
    **{name: name for name in ("office", "table", "text", "style", "meta", "presentation", "chart", "form", "script")},
    "draw": "drawing",
    "number": "datastyle",
    "fo": "xsl-fo-compatible",
    "svg": "svg-compatible",
}
IN_STYLES = {f"{OFFICE}styles", f"{OFFICE}master-styles"}
IN_BOTH = {f"{OFFICE}automatic-styles", f"{OFFICE}font-face-decls"}


def is_flat(start: bytes) -> bool:
    """Whether a file that begins so is a flat OpenDocument."""
    return type_of(start) is not None


def type_of(start: bytes) -> str | None:
    """The media type of the document in a zip that a flat OpenDocument stands for; None for another file."""
    match = ROOT.search(start) if b"opendocument:xmlns:office" in start else None
    return OPEN_DOCUMENTS.get(match[1].decode("ascii")) if match else None


def write_as_zip(path: str, copy: Any) -> None:
    """Write the document as a zip. Raises PermanentError if it is damaged or too large."""
    for prefix, space in PREFIXES.items():
        ElementTree.register_namespace(prefix, f"urn:oasis:names:tc:opendocument:xmlns:{space}:1.0")
    ElementTree.register_namespace("xlink", "http://www.w3.org/1999/xlink")
    root = _parsed(path)
    media_type = OPEN_DOCUMENTS[root.get(f"{OFFICE}mimetype", "")]
    pictures = _take_out_pictures(root)
    parts = {
        "content.xml": _part(root, "document-content", lambda element: element.tag not in IN_STYLES),
        "styles.xml": _part(root, "document-styles", lambda element: element.tag in IN_STYLES | IN_BOTH),
    }
    entries = {"/": media_type, **dict.fromkeys(parts, "text/xml"), **dict.fromkeys(pictures, "")}
    with zipfile.ZipFile(copy, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as target:
        target.writestr("mimetype", media_type, zipfile.ZIP_STORED)
        for name, content in (parts | pictures).items():
            target.writestr(name, content)
        target.writestr("META-INF/manifest.xml", _manifest(entries))


def _parsed(path: str) -> Element:
    with open(path, "rb") as stream:
        content = stream.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise PermanentError("too_large", "the document holds more text than the limit")
    if b"<!ENTITY" in content or b"<!DOCTYPE" in content[:4096]:
        raise PermanentError("corrupt", "the document declares entities, which its format does not know")
    try:
        root = ElementTree.fromstring(content)
    except ElementTree.ParseError:
        raise PermanentError("corrupt", "the document is damaged and can't be opened") from None
    if root.get(f"{OFFICE}mimetype", "") not in OPEN_DOCUMENTS:
        raise PermanentError("corrupt", "the document is damaged and can't be opened")
    return root


def _take_out_pictures(root: Element) -> dict[str, bytes]:
    """Replace the pictures by links, and return their contents by name."""
    pictures: dict[str, bytes] = {}
    for element in root.iter():
        binary = element.find(f"{OFFICE}binary-data")
        if binary is None or len(pictures) >= MAX_PICTURES:
            continue
        element.remove(binary)
        try:
            content = base64.b64decode("".join((binary.text or "").split()))
        except binascii.Error:
            continue
        name = f"Pictures/{len(pictures) + 1}"
        element.set(LINK, name)
        pictures[name] = content
    return pictures


def _part(root: Element, name: str, belongs: Any) -> bytes:
    part = Element(f"{OFFICE}{name}", {key: value for key, value in root.attrib.items() if "mimetype" not in key})
    part.extend(element for element in root if belongs(element))
    return bytes(ElementTree.tostring(part, "utf-8", xml_declaration=True))


def _manifest(entries: dict[str, str]) -> str:
    rows = "".join(f'<m:file-entry m:full-path="{name}" m:media-type="{kind}"/>' for name, kind in entries.items())
    return f'<?xml version="1.0" encoding="UTF-8"?><m:manifest xmlns:m="{MANIFEST}" m:version="1.2">{rows}</m:manifest>'
