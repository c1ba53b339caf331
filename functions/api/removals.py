"""Removal: by file, by list or by batch; undone while its window is open; a receipt of what was erased."""

from __future__ import annotations

from typing import Any

from functions.api import datasets
from functions.api.batches import tell
from functions.api.problems import Problem, not_found
from functions.api.requests import NewRemoval, Request, is_id
from functions.api.views import at
from layers import bootstrap

Row = dict[str, Any]


def remove_file(request: Request, file_id: str) -> tuple[int, Any]:
    row = request.catalog.row("file", file_id=file_id)
    if row is None:
        raise not_found("file")
    window_s = request.whole_number("undo_window_s", bootstrap.settings().undo_window_s, 0, 10**9)
    return 202, _removed(request, str(row["dataset_id"]), [file_id], None, window_s)


def remove_many(request: Request, dataset_id: str) -> tuple[int, Any]:
    datasets.existing(request, dataset_id)
    given = request.read(NewRemoval)
    if (given.file_ids is None) == (given.batch_id is None):
        raise Problem("invalid_request", "name either `file_ids` or a `batch_id`")
    if any(not is_id(one) for one in (given.file_ids or [given.batch_id or ""])):
        raise not_found("file" if given.file_ids else "batch")
    window_s = bootstrap.settings().undo_window_s if given.undo_window_s is None else given.undo_window_s
    return 202, _removed(request, dataset_id, given.file_ids or [], given.batch_id, window_s)


def show(request: Request, removal_id: str) -> tuple[int, Any]:
    row = request.catalog.row("removal", removal_id=removal_id)
    if row is None:
        raise not_found("removal")
    return 200, {
        "id": removal_id,
        "count": row["file_count"],
        "created_at": at(row["created_at"]),
        "undo_until": at(row["erase_after"]),
        "undone_at": at(row["undone_at"]),
        "erased_at": at(row["erased_at"]),
        "swept_at": at(row["swept_at"]),
        "objects_erased": row["objects_erased"],
        "rows_erased": row["rows_erased"],
    }


def undo(request: Request, removal_id: str) -> tuple[int, Any]:
    row = request.catalog.row("removal", removal_id=removal_id)
    if row is None:
        raise not_found("removal")
    undone = request.catalog.row("undo_removal", removal_id=removal_id)
    if undone["file_count"] is None and row["undone_at"] is None:
        raise Problem("conflict", "the window for an undo has closed; what was removed is being erased")
    tell(request, row["dataset_id"])
    request.afterwards.append(lambda: bootstrap.topics().dispatch_later(0))
    return show(request, removal_id)


def _removed(request: Request, dataset_id: str, file_ids: list[str], batch_id: str | None, window_s: int) -> Row:
    window_s = min(window_s, bootstrap.settings().undo_window_s)
    row = request.catalog.row(
        "remove_files", dataset_id=dataset_id, file_ids=file_ids, batch_id=batch_id, undo_s=window_s
    )
    tell(request, dataset_id)
    if window_s == 0:
        request.afterwards.append(lambda: bootstrap.topics().dispatch_later(0))
    return {"id": str(row["removal_id"]), "count": row["file_count"], "undo_window_s": window_s}
