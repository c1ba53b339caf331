"""Files: lists and shows them, with the history of their attempts."""

from __future__ import annotations

from typing import Any

from functions.api import datasets
from functions.api.changes import first_cursor
from functions.api.problems import not_found
from functions.api.requests import Request
from functions.api.views import attempt_view, file_views
from layers.ports.rows import FileRow

STATES = ("uploading", "upload_missing", "processing", "done", "partial", "failed", "cancelled", "removed")


def show_all(request: Request, dataset_id: str) -> tuple[int, Any]:
    datasets.existing(request, dataset_id)
    limit = request.whole_number("limit", 50, 1, 200)
    state, batch_id, name = request.one_of("state", STATES), request.id("batch"), request.query.get("name")
    filters = {"state": state, "batch_id": batch_id, "name": name}
    listing = " ".join(["files", dataset_id, *(f"{which}={value!r}" for which, value in filters.items())])
    position = request.position(listing)
    # Read before the listing, so that no change between the two is missed.
    changes = {} if position else {"changes_cursor": first_cursor(request, dataset_id)}
    after = position[0] if position else None
    rows = request.catalog.files(dataset_id, state=state, batch_id=batch_id, name=name, after=after, limit=limit + 1)
    following = request.cursor(listing, [str(rows[limit - 1].file_id)]) if len(rows) > limit else None
    views = file_views(request.ports, request.catalog, rows[:limit])
    return 200, {"files": views, "next_cursor": following, **changes}


def show(request: Request, file_id: str) -> tuple[int, Any]:
    return 200, file_views(request.ports, request.catalog, [existing(request, file_id)])[0]


def history(request: Request, file_id: str) -> tuple[int, Any]:
    existing(request, file_id)
    return 200, {"attempts": [attempt_view(row) for row in request.catalog.history(file_id)]}


def existing(request: Request, file_id: str, *, for_update: bool = False) -> FileRow:
    file = request.catalog.file(file_id, for_update=for_update)
    if file is None:
        raise not_found("file")
    return file
