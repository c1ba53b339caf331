"""Removes classes from a recogniser, so that it computes only the letters of one script: a fifth of its time.

The file is an ONNX model, a message of Protocol Buffers. Only fields on the way to the weights of the last layer are read;
all others are copied as they are. https://github.com/onnx/onnx/blob/main/onnx/onnx.proto has their numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

GRAPH, PROPERTY = 7, 14  # of a model
KEY, VALUE = 1, 2  # of a property
WEIGHTS, OUTPUT = 5, 12  # of a graph
DIMENSION, ELEMENT_TYPE, RAW = 1, 2, 9  # of weights
OUTPUT_NAME = 1
ELEMENTS = {1: np.float32, 3: np.int8}
VARINT, FIXED_64, BYTES, FIXED_32 = 0, 1, 2, 5


class _Field(NamedTuple):
    """A field of a message: its number, its value, and all of its bytes."""

    number: int
    value: Any
    whole: memoryview


def metadata(model: bytes | memoryview) -> dict[str, str]:
    """The properties of a model by their names."""
    properties = (dict(_texts(field.value)) for field in _fields(memoryview(model)) if field.number == PROPERTY)
    return {found[KEY]: found[VALUE] for found in properties}


def _texts(message: memoryview) -> Iterator[tuple[int, str]]:
    return ((field.number, bytes(field.value).decode()) for field in _fields(message))


def pruned(model: bytes | memoryview, count: int, kept: Any) -> bytes:
    """The model with only the kept ones of `count` classes, given by an array of their numbers.

    Raises ValueError if the model has no weights of that many classes.
    """
    found: list[bytes | memoryview] = []
    changes = 0
    for field in _fields(memoryview(model)):
        if field.number != GRAPH:
            found.append(field.whole)
            continue
        graph: list[bytes | memoryview] = []
        for part in _fields(field.value):
            changed = _changed(part, count, kept)
            changes += changed is not None and part.number == WEIGHTS
            graph.append(part.whole if changed is None else _encoded(part.number, changed))
        found += [_number(GRAPH << 3 | BYTES), _number(sum(map(len, graph))), *graph]
    if not changes:
        raise ValueError(f"the model has no weights of {count} classes")
    return b"".join(found)


def _changed(part: _Field, count: int, kept: Any) -> bytes | None:
    """Weights with the kept classes only, or an output without its shape; None for other parts of a graph."""
    if part.number == OUTPUT:
        return b"".join(field.whole for field in _fields(part.value) if field.number == OUTPUT_NAME)
    if part.number != WEIGHTS:
        return None
    fields = list(_fields(part.value))
    dimensions = [size for field in fields if field.number == DIMENSION for size in _sizes(field.value)]
    if not dimensions or dimensions[-1] != count:
        return None
    element = ELEMENTS[next(field.value for field in fields if field.number == ELEMENT_TYPE)]
    raw = next(field.value for field in fields if field.number == RAW)
    weights = np.frombuffer(raw, element).reshape(dimensions)[..., kept]
    others = b"".join(field.whole for field in fields if field.number not in (DIMENSION, RAW))
    sizes = b"".join(_number(DIMENSION << 3 | VARINT) + _number(size) for size in weights.shape)
    return sizes + others + _encoded(RAW, np.ascontiguousarray(weights).tobytes())


def _sizes(value: Any) -> list[int]:
    """A dimension, or several that are packed."""
    if isinstance(value, int):
        return [value]
    sizes, at = [], 0
    while at < len(value):
        size, at = _read_number(value, at)
        sizes.append(size)
    return sizes


def _fields(message: memoryview) -> Iterator[_Field]:
    at = 0
    while at < len(message):
        start = at
        key, at = _read_number(message, at)
        kind = key & 7
        value: Any
        if kind == VARINT:
            value, at = _read_number(message, at)
        else:
            size, at = _read_number(message, at) if kind == BYTES else ({FIXED_32: 4, FIXED_64: 8}[kind], at)
            value, at = message[at : at + size], at + size
        yield _Field(key >> 3, value, message[start:at])


def _read_number(message: memoryview, at: int) -> tuple[int, int]:
    """A number and the position after it."""
    number = shift = 0
    while True:
        byte = message[at]
        at += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number, at
        shift += 7


def _number(value: int) -> bytes:
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


def _encoded(number: int, content: bytes) -> bytes:
    return _number(number << 3 | BYTES) + _number(len(content)) + bytes(content)
