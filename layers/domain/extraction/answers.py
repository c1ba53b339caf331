"""A model's answer: reading its JSON, and removing what is empty, unknown or invalid."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from layers.domain.extraction.conversation import Reply
from layers.domain.extraction.schemas import Path

MOST_CUTS = 50  # tries to close an answer that breaks off


def parse_answer(reply: Reply) -> Any:
    """The JSON value of an answer, or the complete part of one that was cut short. None if there is no JSON."""
    text = reply.text.strip()
    if text.startswith("```"):
        text = text.strip("`").removeprefix("json").strip()
    try:
        return _load(text)
    except (ValueError, RecursionError):
        return _load_complete_part(text) if reply.cut_short else None


def _load(text: str) -> Any:
    """The value of a JSON text. NaN, Infinity and numbers too large for a float are null."""
    return json.loads(text, parse_constant=lambda _: None, parse_float=_finite)


def _finite(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None


def _load_complete_part(text: str) -> Any:
    """The value of a JSON text that breaks off, cut after its last complete value and closed; None if that fails."""
    closers: list[str] = []
    ends: list[tuple[int, str]] = []  # where the text may be cut, and what closes it there
    in_string = escaped = False
    for position, character in enumerate(text):
        if in_string:
            in_string = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == '"':
            in_string = True
        elif character in "{[":
            closers.append("}" if character == "{" else "]")
            ends.append((position + 1, "".join(reversed(closers))))
        elif character in "}]" and closers:
            closers.pop()
            ends.append((position + 1, "".join(reversed(closers))))
        elif character == ",":
            ends.append((position, "".join(reversed(closers))))
    for end, closing in reversed(ends[-MOST_CUTS:]):
        try:
            return _load(text[:end] + closing)
        except (ValueError, RecursionError):
            continue
    return None


def without_nulls(value: Any, schema: Mapping[str, Any]) -> Any:
    """An answer without nulls and without properties that the resolved schema does not name."""
    if isinstance(value, dict):
        properties = schema.get("properties") or {}
        return {
            name: without_nulls(inner, properties[name])
            for name, inner in value.items()
            if inner is not None and name in properties
        }
    if isinstance(value, list):
        return [without_nulls(inner, schema.get("items") or {}) for inner in value if inner is not None]
    if isinstance(value, str):  # PostgreSQL stores neither NUL characters nor lone surrogates
        return value.replace("\x00", "").encode("utf-8", "replace").decode()
    return value


def without_paths(value: Any, paths: Sequence[Path]) -> Any:
    """An answer without the values at these paths."""
    removed = set(paths)

    def kept(part: Any, path: Path) -> Any:
        if isinstance(part, dict):
            return {name: kept(inner, (*path, name)) for name, inner in part.items() if (*path, name) not in removed}
        if isinstance(part, list):
            return [kept(inner, (*path, index)) for index, inner in enumerate(part) if (*path, index) not in removed]
        return part

    return kept(value, ())
