"""A model's answer: reading its JSON, and removing what is empty, unknown or invalid."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from layers.domain.extraction.conversation import Reply
from layers.domain.extraction.schemas import Path


def parse_answer(reply: Reply) -> Any:
    """The JSON of an answer; of one that was cut short, what of it is whole. None where there is no JSON."""
    text = reply.text.strip()
    if text.startswith("```"):
        text = text.strip("`").removeprefix("json").strip()
    try:
        return _loaded(text)
    except (ValueError, RecursionError):
        return _rescued(text) if reply.cut_short else None


def _loaded(text: str) -> Any:
    """JSON as it is defined: what is no finite number is null."""
    return json.loads(text, parse_constant=lambda _: None, parse_float=_finite)


def _finite(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None


def _rescued(text: str) -> Any:
    """What of a JSON text that breaks off is whole: it is cut after its last whole value, and closed."""
    closers: list[str] = []
    ends: list[tuple[int, str]] = []
    in_string = escaped = False
    for place, character in enumerate(text):
        if in_string:
            in_string = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == '"':
            in_string = True
        elif character in "{[":
            closers.append("}" if character == "{" else "]")
            ends.append((place + 1, "".join(reversed(closers))))
        elif character in "}]" and closers:
            closers.pop()
            ends.append((place + 1, "".join(reversed(closers))))
        elif character == ",":
            ends.append((place, "".join(reversed(closers))))
    for end, closing in reversed(ends[-50:]):
        try:
            return _loaded(text[:end] + closing)
        except (ValueError, RecursionError):
            continue
    return None


def without_nulls(value: Any, schema: Mapping[str, Any]) -> Any:
    """An answer without what was not found and what was not asked for."""
    if isinstance(value, dict):
        properties = schema.get("properties") or {}
        return {
            name: without_nulls(one, properties[name])
            for name, one in value.items()
            if one is not None and name in properties
        }
    if isinstance(value, list):
        return [without_nulls(one, schema.get("items") or {}) for one in value if one is not None]
    if isinstance(value, str):  # no database takes a zero character, nor half of a pair
        return value.replace("\x00", "").encode("utf-8", "replace").decode()
    return value


def without_paths(value: Any, paths: Sequence[Path]) -> Any:
    """An answer without these parts of it."""
    gone = set(paths)

    def kept(one: Any, path: Path) -> Any:
        if isinstance(one, dict):
            return {name: kept(inner, (*path, name)) for name, inner in one.items() if (*path, name) not in gone}
        if isinstance(one, list):
            return [kept(inner, (*path, place)) for place, inner in enumerate(one) if (*path, place) not in gone]
        return one

    return kept(value, ())
