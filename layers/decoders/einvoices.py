"""Reads structured invoices: UBL 2.1 (Peppol, XRechnung), CII (Factur-X, ZUGFeRD) and FatturaPA.

Every value is taken from its element, whose XPath is kept as the evidence. Other XML is not read here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from layers.decoders.charsets import decode
from layers.decoders.einvoice_dialects import DIALECTS, FATTURA, PREFIXES, Dialect
from layers.decoders.text_pages import text_page

MAX_BYTES = 16 << 20
MOST_LINES = 2000  # of goods, in the text
MOST_LEVELS_ABOVE = 3  # envelopes around the invoice
DECLARATION = re.compile(r"\A\s*<\?xml[^>]*\?>")
FORBIDDEN = re.compile(r"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
Fact = list[str]  # name, value, XPath
DATE_102 = re.compile(r"(\d{4})(\d{2})(\d{2})")


def page_of(content: bytes) -> dict[str, Any] | None:
    """One page for a structured invoice, with its facts and a text of one line each; None for anything else."""
    found = facts_of(content)
    if found is None:
        return None
    dialect, facts, rows, notes = found
    title = f"Invoice ({dialect})"
    lines = [
        title,
        *(f"{name.capitalize()}: {value}" for name, value, _ in facts),
        "",
        *("   ".join(row) for row in rows),
    ]
    return {**text_page("\n".join(lines).rstrip()), "facts": facts, "notes": notes}


def facts_of(content: bytes) -> tuple[str, list[Fact], list[list[str]], list[list[Any]]] | None:
    """The name of the dialect, the facts, the lines of goods, and notes; None if it is no structured invoice."""
    root = _root_of(content)
    if root is None:
        return None
    dialect = DIALECTS[_local(root.tag)]
    facts = list(_facts(root, dialect))
    if not {"invoice number", "total"} & {name for name, _, _ in facts}:
        return None
    rows = [_row(line, dialect) for line in _lines(root, dialect)]
    notes: list[list[Any]] = []
    more = len(_children(root, "FatturaElettronicaBody")) - 1
    if more > 0:
        notes.append([f"{more} further invoices of this file were not read", True])
    return dialect.name, facts, rows, notes


def _root_of(content: bytes) -> Element | None:
    """The invoice's own element. XML that declares a document type or entities is not parsed."""
    if len(content) > MAX_BYTES or b"<" not in content[:64].replace(b"\x00", b""):
        return None
    text = DECLARATION.sub("", decode(content, _declared(content)).lstrip("\ufeff"), count=1)
    if FORBIDDEN.search(text) or not any(name in text for name in DIALECTS):
        return None
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError):
        return None
    level = [root]
    for _ in range(MOST_LEVELS_ABOVE + 1):
        for element in level:
            if _local(element.tag) in DIALECTS and "}" in element.tag:
                return element
        level = [child for element in level for child in element][:200]
    return None


def _declared(content: bytes) -> str | None:
    found = re.search(rb"""\A[^>]{0,100}encoding\s*=\s*["']([\w.:-]{2,40})""", content[:200])
    return found[1].decode("ascii") if found else None


def _facts(root: Element, dialect: Dialect) -> Iterator[Fact]:
    for name, paths in dialect.facts.items():
        for path in paths:
            if found := _value(root, path):
                value, xpath = found
                yield [name, _as_date(value) if name.endswith("date") else value, xpath]
                break
    if dialect is FATTURA:
        yield from _italian_sums(root)


def _italian_sums(root: Element) -> Iterator[Fact]:
    """Net and tax, which FatturaPA states for each tax rate; nothing if there are several rates."""
    summaries = _found(root, "FatturaElettronicaBody/DatiBeniServizi/DatiRiepilogo")
    if len(summaries) != 1:
        return
    for name, tag in (("subtotal", "ImponibileImporto"), ("tax", "Imposta")):
        if found := _value(root, f"FatturaElettronicaBody/DatiBeniServizi/DatiRiepilogo/{tag}"):
            yield [name, *found]


def _value(root: Element, path: str) -> tuple[str, str] | None:
    """The text of the first element, or attribute, at a path that has one, and its XPath."""
    steps = path.split("/")
    attribute = steps.pop()[1:] if steps[-1].startswith("@") else None
    for element, trail in _walk(root, steps, [_name(root)]):
        text = (element.get(attribute) if attribute else element.text) or ""
        if text.strip():
            return " ".join(text.split()), "/" + "/".join([*trail, *([f"@{attribute}"] if attribute else [])])
    return None


def _walk(element: Element, steps: Sequence[str], trail: list[str]) -> Iterator[tuple[Element, list[str]]]:
    if not steps:
        yield element, trail
        return
    same = _children(element, steps[0])
    for index, child in enumerate(same, 1):
        step = _name(child) if len(same) == 1 else f"{_name(child)}[{index}]"
        yield from _walk(child, steps[1:], [*trail, step])


def _found(root: Element, path: str) -> list[Element]:
    return [element for element, _ in _walk(root, path.split("/"), [])]


def _children(element: Element, local: str) -> list[Element]:
    return [child for child in element if _local(child.tag) == local]


def _lines(root: Element, dialect: Dialect) -> list[Element]:
    names = dialect.line.split(" ")
    return [element for element in root.iter() if _local(element.tag) in names][:MOST_LINES]


def _row(line: Element, dialect: Dialect) -> list[str]:
    cells = (next((found[0] for path in paths if (found := _value(line, path))), "") for paths in dialect.line_facts)
    return [cell for cell in cells if cell]


def _local(tag: Any) -> str:
    return tag.rsplit("}", 1)[-1] if isinstance(tag, str) else ""


def _name(element: Element) -> str:
    """An element's name with the usual prefix of its namespace."""
    tag = str(element.tag)
    namespace = tag[1:].split("}", 1)[0] if tag.startswith("{") else ""
    return next((prefix for part, prefix in PREFIXES if part in namespace), "") + _local(tag)


def _as_date(value: str) -> str:
    """A date in format 102 as ISO 8601, and a date in ISO 8601 without time and zone; anything else stays as it is."""
    if match := DATE_102.fullmatch(value):
        return "-".join(match.groups())
    return value[:10] if re.match(r"\d{4}-\d\d-\d\d", value) else value


def add_facts(document: Any, pages: list[dict[str, Any]]) -> str | None:
    """Add the facts of the attached XML to the first page of a hybrid PDF, an open pypdfium2 document.

    Returns the name of the attached file, or None if there is no such XML.
    """
    if not pages or pages[0]["number"] != 1:
        return None
    for index in range(min(document.count_attachments(), 50)):
        attachment = document.get_attachment(index)
        name = attachment.get_name()
        if not name.lower().endswith(".xml"):
            continue
        found = facts_of(bytes(attachment.get_data()))
        if found:
            pages[0]["facts"] = found[1]
            pages[0]["notes"] = [*pages[0].get("notes", ()), *found[3]]
            return str(name)
    return None
