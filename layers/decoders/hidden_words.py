"""Removes hidden text from a Word document: runs that are marked as hidden, directly or by their style."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from xml.etree import ElementTree

from layers.decoders.containers import opened_zip, part_of, xml_of

MARK = b"vanish"
OFF = {"0", "false", "off"}


@contextmanager
def without_hidden_words(path: str, part: str, styles: str) -> Iterator[tuple[str, int]]:
    """The path of a document without the hidden runs of a part, and how many characters they have. It is the document
    itself if it hides nothing."""
    with opened_zip(path) as archive:
        marked = MARK in part_of(archive, part) or MARK in part_of(archive, styles)
        tree = xml_of(archive, part) if marked else None
        hidden = _remove_hidden(tree, _hiding_styles(xml_of(archive, styles))) if tree is not None else 0
        if tree is None or not hidden:
            yield path, 0
            return
        _keep_prefixes(part_of(archive, part))
        with tempfile.NamedTemporaryFile(suffix=".docx") as stream:
            with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as target:
                for member in archive.infolist():
                    content = (
                        ElementTree.tostring(tree, "utf-8", xml_declaration=True) if member.filename == part else None
                    )
                    target.writestr(member.filename, content if content is not None else archive.read(member))
            stream.flush()
            yield stream.name, hidden


def _keep_prefixes(content: bytes) -> None:
    """Write namespaces with the prefixes of the document, because readers of Word documents expect these."""
    for _, (prefix, uri) in ElementTree.iterparse(io.BytesIO(content), ("start-ns",)):
        try:
            ElementTree.register_namespace(prefix, uri)
        except ValueError:  # a prefix that ElementTree generates itself
            continue


def _hiding_styles(tree: Any) -> set[str]:
    if tree is None:
        return set()
    return {
        _attribute(style, "styleId")
        for style in tree
        if _name(style) == "style" and any(_name(child) == "rPr" and _vanishes(child) for child in style)
    }


def _remove_hidden(tree: Any, styles: set[str]) -> int:
    """Remove the hidden runs, and return how many characters they have."""
    hidden = 0
    for parent in list(tree.iter()):
        paragraph_hides = _name(parent) == "p" and any(
            _name(child) == "pPr" and any(_name(s) == "pStyle" and _attribute(s, "val") in styles for s in child)
            for child in parent
        )
        for run in [child for child in parent if _name(child) == "r"]:
            if paragraph_hides or _is_hidden(run, styles):
                hidden += sum(len(element.text or "") for element in run.iter() if _name(element) == "t")
                parent.remove(run)
    return hidden


def _is_hidden(run: Any, styles: set[str]) -> bool:
    for properties in run:
        if _name(properties) == "rPr":
            has_style = any(_name(item) == "rStyle" and _attribute(item, "val") in styles for item in properties)
            return has_style or _vanishes(properties)
    return False


def _vanishes(properties: Any) -> bool:
    return any(_name(item) == "vanish" and _attribute(item, "val").lower() not in OFF for item in properties)


def _name(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]


def _attribute(element: Any, name: str) -> str:
    return next((value for key, value in element.attrib.items() if key.rpartition("}")[2] == name), "")
