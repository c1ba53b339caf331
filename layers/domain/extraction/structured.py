"""Structured values: data in a file, such as an electronic invoice, takes precedence over values from its text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from layers.domain.extraction import labels
from layers.domain.page import Evidence, Extraction, Fact, Page

# Words in a property's name that mean the amount left to pay.
DUE = re.compile(r"\bdue\b|payable|to pay|outstanding")
NUMBER = re.compile(r"[+-]?\d{1,18}(?:\.\d{1,20})?")


def with_facts(found: Extraction, pages: Sequence[Page], schema: Mapping[str, Any]) -> Extraction:
    """The extraction, with the values of all properties for which a page has a fact."""
    facts = {fact.name: (page.number, fact) for page in reversed(pages) for fact in reversed(page.facts)}
    if not facts:
        return found
    fields, evidence = dict(found.fields), dict(found.evidence)
    stated = set()
    for name, property_schema in (schema.get("properties") or {}).items():
        page_number, fact = facts.get(_fact_name(name, facts), (0, None))
        value = _value(fact.value, property_schema) if fact else None
        if fact is None or value is None or property_schema.get("x-labels"):
            continue
        fields[name] = value
        evidence[name] = Evidence(page_number, fact.value, None, 100.0, xpath=fact.xpath)
        stated.add(name)
    ordered = {name: fields[name] for name in schema.get("properties") or {} if name in fields}
    return replace(
        found,
        fields=ordered | fields,
        evidence=evidence,
        missing=tuple(name for name in found.missing if name not in stated),
        dropped=tuple(name for name in found.dropped if name not in stated),
        doubtful=tuple(name for name in found.doubtful if name not in stated),
    )


def _fact_name(property_name: str, facts: Mapping[str, tuple[int, Fact]]) -> str:
    """The name of the fact for a property."""
    words = labels.words_of(property_name)
    if words in labels.CURRENCIES:
        return "currency"
    if words in labels.TITLES:
        return "company"
    meaning = labels.meaning_of(property_name)
    if meaning == "total" and DUE.search(words) and "amount due" in facts:
        return "amount due"
    return meaning


def _value(text: str, schema: Mapping[str, Any]) -> Any:
    """A fact's text as the type of a property, or None if it does not fit."""
    if "enum" in schema:
        return text if text in schema["enum"] else None
    kind = schema.get("type", "string")
    if kind in ("number", "integer"):
        if not NUMBER.fullmatch(text):
            return None
        value = float(text)
        return value if kind == "number" else int(value) if value.is_integer() else None
    if schema.get("format") == "date":
        try:
            return date.fromisoformat(text).isoformat()
        except ValueError:
            return None
    return text if kind == "string" else None
