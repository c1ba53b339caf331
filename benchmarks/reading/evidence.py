"""How often evidence is found for values that a page shows, and for values that are another page's.

A true value without evidence would be dropped from a record; a foreign one with evidence would pass.
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
Read = Sequence[tuple[Sequence[Page], Mapping[str, Any]]]


def evidence(files: Read) -> dict[str, str]:
    """By field: of so many true values so many are shown, and what share of the other files' values."""
    shown = [WindowIndex(whole([page for page in pages if page.source])) for pages, _ in files]
    tally: Counter[tuple[str, bool, bool]] = Counter()
    for one, (_, own) in zip(shown, files, strict=True):
        for _, values in files:
            for field, value in values.items():
                if value is not None and (values is own or value != own.get(field)):
                    tally[field, values is own, bool(one.hits(value, SCHEMAS[field]))] += 1
    return {field: _told(tally, field) for field in dict.fromkeys(field for field, *_ in tally)}


def _told(tally: Counter[tuple[str, bool, bool]], field: str) -> str:
    own = tally[field, True, True], tally[field, True, True] + tally[field, True, False]
    foreign = tally[field, False, True], tally[field, False, True] + tally[field, False, False]
    return f"own {own[0]}/{own[1]}, foreign {100 * foreign[0] / max(1, foreign[1]):.1f} %"
