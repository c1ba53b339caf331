"""Files: lists and shows them, with the history of their attempts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from functions.api import datasets
from functions.api.changes import VIEWS, first_cursor
from functions.api.problems import not_found
from functions.api.requests import Request, Response
from functions.api.row_views import MOST_ROWS, encode, row_texts, with_texts
from functions.api.similar import similar_view
from functions.api.views import attempt_view, file_views
from layers.ports.rows import FileRow

MOST_FILES = 200
STATES = ("uploading", "upload_missing", "processing", "done", "partial", "failed", "cancelled", "removed")


def show_all(request: Request, dataset_id: str) -> Response:
    datasets.existing(request, dataset_id)
    shows_rows = request.one_of("view", VIEWS) == "row"
    limit = request.whole_number("limit", 50, 1, MOST_ROWS if shows_rows else MOST_FILES)
    state, batch_id, name = request.one_of("state", STATES), request.id("batch"), request.query.get("name")
    filters = {"state": state, "batch_id": batch_id, "name": name}
    listing = " ".join(["files", dataset_id, *(f"{which}={value!r}" for which, value in filters.items())])
    position = request.position(listing)
    # Read before the listing, so that no change between the two is missed.
    changes = {} if position else {"changes_cursor": first_cursor(request, dataset_id)}
    after = position[0] if position else None
    catalog = request.catalog
    chosen: dict[str, Any] = {"state": state, "batch_id": batch_id, "name": name, "after": after, "limit": limit + 1}
    if shows_rows:
        file_ids: Sequence[str | UUID] = catalog.file_ids(dataset_id, **chosen)
        views = row_texts(request.ports, catalog, file_ids[:limit])
    else:
        files = catalog.files(dataset_id, **chosen)
        file_ids = [file.file_id for file in files]
        views = list(map(encode, file_views(request.ports, catalog, files[:limit])))
    following = request.cursor(listing, [str(file_ids[limit - 1])]) if len(file_ids) > limit else None
    return Response(200, text=with_texts("files", views, {"next_cursor": following, **changes}))


def show(request: Request, file_id: str) -> tuple[int, Any]:
    (view,) = file_views(request.ports, request.catalog, [existing(request, file_id)])
    view["artifacts"]["similar"] = similar_view(request, view["id"])
    return 200, view


def history(request: Request, file_id: str) -> tuple[int, Any]:
    existing(request, file_id)
    return 200, {"attempts": [attempt_view(row) for row in request.catalog.history(file_id)]}


def existing(request: Request, file_id: str, *, for_update: bool = False) -> FileRow:
    file = request.catalog.file(file_id, for_update=for_update)
    if file is None:
        raise not_found("file")
    return file
