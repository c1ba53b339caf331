"""Barcode values: the properties of a schema with `x-barcode` have the texts of barcodes, and no others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from layers.domain.extraction.schemas import resolve_references
from layers.domain.page import Evidence, Extraction, Note, property_of
from layers.domain.separation import Barcode

SURE = 100.0
MOST_TEXTS_NAMED = 5


def asks_for_barcodes(schema: Mapping[str, Any]) -> bool:
    """Whether a property of the schema has the value of a barcode."""
    properties = resolve_references(schema).get("properties") or {}
    return any(of_property.get("x-barcode") for of_property in properties.values())


def with_barcodes(found: Extraction, barcodes: Sequence[Barcode], schema: Mapping[str, Any]) -> Extraction:
    """The extraction, in which properties with `x-barcode` have the text of a barcode, or no value.

    `"x-barcode": true` takes any barcode, a text only those that begin with it. The value of a property for which there are
    several texts is the first of them, and doubtful; a note names the others.
    """
    schema = resolve_references(schema)
    asked = {
        name: of_property
        for name, of_property in (schema.get("properties") or {}).items()
        if of_property.get("x-barcode")
    }
    if not asked:
        return found
    fields = {name: value for name, value in found.fields.items() if name not in asked}
    evidence = {path: proof for path, proof in found.evidence.items() if property_of(path) not in asked}
    doubtful, notes = [name for name in found.doubtful if property_of(name) not in asked], list(found.notes)
    for name, of_property in asked.items():
        fitting = _fitting(barcodes, of_property)
        if not fitting:
            continue
        fields[name], proof = next(iter(fitting.values()))
        evidence[name] = Evidence(proof.page, proof.text, proof.box, SURE)
        if len(fitting) > 1:
            doubtful.append(name)
            others = list(fitting)[1 : MOST_TEXTS_NAMED + 1]
            notes.append(Note(f"{len(fitting)} barcodes fit {name}; the others are {', '.join(others)}"))
    required = [name for name in schema.get("required") or () if name in asked and name not in fields]
    ordered = {name: fields[name] for name in schema.get("properties") or {} if name in fields}
    return replace(
        found,
        fields=ordered | fields,
        evidence=evidence,
        missing=(*(name for name in found.missing if property_of(name) not in asked), *required),
        dropped=tuple(name for name in found.dropped if property_of(name) not in asked),
        doubtful=tuple(doubtful),
        remembered=tuple(name for name in found.remembered if property_of(name) not in asked),
        notes=tuple(notes),
    )


def _fitting(barcodes: Sequence[Barcode], schema: Mapping[str, Any]) -> dict[str, tuple[Any, Barcode]]:
    """The value and the first barcode of each text that fits a property, in the order of pages."""
    wanted = schema["x-barcode"]
    fitting: dict[str, tuple[Any, Barcode]] = {}
    for barcode in barcodes:
        value = _value(barcode.text, schema)
        if value is not None and (wanted is True or barcode.text.startswith(wanted)):
            fitting.setdefault(barcode.text, (value, barcode))
    return fitting


def _value(text: str, schema: Mapping[str, Any]) -> Any:
    """A barcode's text as the type of a property, or None if it does not fit."""
    if schema.get("type") == "integer":
        return int(text) if text.isascii() and text.isdecimal() and len(text) <= 18 else None
    if "enum" in schema:
        return text if text in schema["enum"] else None
    fits = schema.get("minLength", 0) <= len(text) <= schema.get("maxLength", len(text))
    return text if text and fits else None
