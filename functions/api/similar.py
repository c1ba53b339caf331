"""Near-duplicates: the files that are likely the same document as a file."""

from __future__ import annotations

from typing import Any

from functions.api.requests import Request
from layers.domain.similar import MOST_SHOWN, Seen, likeness
from layers.ports.people import SimilarFile


def similar_view(request: Request, file_id: str) -> list[dict[str, Any]]:
    """The most similar files first; empty if no other file of the dataset is likely the same document."""
    rows = {str(row.file_id): row for row in request.catalog.similar_files(file_id)}
    own = rows.pop(file_id, None)
    if own is None:
        return []
    seen = _seen(own)
    found = [(row, alike) for row in rows.values() if (alike := likeness(seen, _seen(row)))]
    found.sort(key=lambda pair: pair[1].rank, reverse=True)
    return [
        {"file_id": str(row.file_id), "name": row.name, "picture": alike.picture, "fields": list(alike.fields)}
        for row, alike in found[:MOST_SHOWN]
    ]


def _seen(row: SimilarFile) -> Seen:
    return Seen(row.page_hash, row.values, row.page_count, row.has_text)
