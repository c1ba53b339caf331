"""Labelled scans as they are read once and kept, with the values that the rules find and a memory that learns from labels."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmarks.reading.truth import Receipt, are_right
from layers.decoders import ocr
from layers.domain.extraction.rules import extract
from layers.domain.learning.memory import Example, Recall, recall
from layers.domain.learning.properties import sender_values
from layers.domain.learning.sender_keys import keys_of, keys_of_values
from layers.domain.page import Extraction, Page, pages_as_read

FIELDS = ("company", "date", "address", "total")
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": list(FIELDS),
    "properties": {
        "company": {"type": "string"},
        "date": {"type": "string", "format": "date"},
        "address": {"type": "string"},
        "total": {"type": "number"},
    },
}


@dataclass(frozen=True)
class Sample:
    """A scan as it was read, and its true values."""

    receipt: Receipt
    page: Page

    @property
    def truth(self) -> dict[str, Any]:
        return {name: self.receipt.fields[name] for name in FIELDS}

    @cached_property
    def keys(self) -> frozenset[str]:
        return keys_of([self.page])

    @cached_property
    def found(self) -> Extraction:
        return extract([self.page], SCHEMA)

    def right(self, found: Extraction) -> dict[str, bool]:
        return are_right(found.fields, self.truth)


class Memory:
    """The memory of a dataset whose records were corrected to the true values of these samples."""

    def __init__(self, taught: Iterable[Sample]) -> None:
        self._values: list[dict[str, str]] = []
        self._by_key: dict[str, list[int]] = {}
        for number, sample in enumerate(taught):
            values = sender_values(sample.truth, SCHEMA)
            self._values.append(values)
            for key in sample.keys | keys_of_values(values):
                self._by_key.setdefault(key, []).append(number)

    def examples(self, keys: frozenset[str]) -> list[Example]:
        shared: dict[int, set[str]] = {}
        for key in keys:
            for number in self._by_key.get(key, ()):
                shared.setdefault(number, set()).add(key)
        return [Example(self._values[number], frozenset(found)) for number, found in shared.items()]

    def recall(self, sample: Sample) -> Recall:
        return recall(sample.found, [sample.page], SCHEMA, self.examples(sample.keys))


def samples(receipts: Sequence[Receipt], level: str, folder: Path) -> list[Sample]:
    """The scans as this level reads them. What was read is kept in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    return [Sample(receipt, _page(receipt.path, level, folder)) for receipt in receipts]


def _page(path: Path, level: str, folder: Path) -> Page:
    kept = folder / f"{path.stem}.{level}.json"
    if not kept.exists():
        read = ocr.read_pages(str(path), "image/jpeg", [1], ["eng"], level, SCHEMA)  # type: ignore[arg-type]
        kept.write_text(json.dumps(read))
    return pages_as_read(json.loads(kept.read_text()))[0]
