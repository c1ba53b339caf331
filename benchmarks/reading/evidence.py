"""How often evidence is found for a document's own values, and for values of other documents.

A true value without evidence would be dropped from a record; a foreign value with evidence would be kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from layers.domain.extraction.evidence import WindowIndex
from layers.domain.extraction.windows import whole
from layers.domain.page import Page

TEXT, NUMBER, DAY = {"type": "string"}, {"type": "number"}, {"type": "string", "format": "date"}
SCHEMAS = {"date": DAY, "total": NUMBER, "company": TEXT, "address": TEXT, "invoice_number": TEXT}
LabelledDocuments = Sequence[tuple[Sequence[Page], Mapping[str, Any]]]


def evidence(documents: LabelledDocuments) -> dict[str, str]:
    """By field: how many of the documents' own values have evidence, and what share of the other documents' values."""
    indexes = [WindowIndex(whole([page for page in pages if page.source])) for pages, _ in documents]
    tally: Counter[tuple[str, bool, bool]] = Counter()
    for index, (_, own) in zip(indexes, documents, strict=True):
        for _, values in documents:
            for field, value in values.items():
                if value is not None and (values is own or value != own.get(field)):
                    tally[field, values is own, bool(index.hits(value, SCHEMAS[field]))] += 1
    return {field: _summary(tally, field) for field in dict.fromkeys(field for field, *_ in tally)}


def _summary(tally: Counter[tuple[str, bool, bool]], field: str) -> str:
    own = tally[field, True, True], tally[field, True, True] + tally[field, True, False]
    foreign = tally[field, False, True], tally[field, False, True] + tally[field, False, False]
    return f"own {own[0]}/{own[1]}, foreign {100 * foreign[0] / max(1, foreign[1]):.1f} %"
