"""Leaves out of a Word document what it hides: runs that are marked as hidden, by themselves or by their style."""

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
                for one in archive.infolist():
                    content = (
                        ElementTree.tostring(tree, "utf-8", xml_declaration=True) if one.filename == part else None
                    )
                    target.writestr(one.filename, content if content is not None else archive.read(one))
            stream.flush()
            yield stream.name, hidden


def _keep_prefixes(content: bytes) -> None:
    """Write namespaces with the prefixes of the document: readers of Word documents look for those."""
    for _, (prefix, uri) in ElementTree.iterparse(io.BytesIO(content), ("start-ns",)):
        try:
            ElementTree.register_namespace(prefix, uri)
        except ValueError:  # a prefix that ElementTree makes up itself
            continue


def _hiding_styles(tree: Any) -> set[str]:
    if tree is None:
        return set()
    return {
        _attribute(style, "styleId")
        for style in tree
        if _name(style) == "style" and any(_name(one) == "rPr" and _vanishes(one) for one in style)
    }


def _remove_hidden(tree: Any, styles: set[str]) -> int:
    """Remove the hidden runs, and return how many characters they have."""
    hidden = 0
    for parent in list(tree.iter()):
        paragraph_hides = _name(parent) == "p" and any(
            _name(one) == "pPr" and any(_name(s) == "pStyle" and _attribute(s, "val") in styles for s in one)
            for one in parent
        )
        for run in [one for one in parent if _name(one) == "r"]:
            if paragraph_hides or _is_hidden(run, styles):
                hidden += sum(len(one.text or "") for one in run.iter() if _name(one) == "t")
                parent.remove(run)
    return hidden


def _is_hidden(run: Any, styles: set[str]) -> bool:
    for properties in run:
        if _name(properties) == "rPr":
            has_style = any(_name(one) == "rStyle" and _attribute(one, "val") in styles for one in properties)
            return has_style or _vanishes(properties)
    return False


def _vanishes(properties: Any) -> bool:
    return any(_name(one) == "vanish" and _attribute(one, "val").lower() not in OFF for one in properties)


def _name(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]


def _attribute(element: Any, name: str) -> str:
    return next((value for key, value in element.attrib.items() if key.rpartition("}")[2] == name), "")
