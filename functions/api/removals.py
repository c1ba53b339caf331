"""Removals: removes files by id, by list or by batch; a removal can be undone while its window is open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from functions.api import datasets, uploads
from functions.api.bodies import NewRemoval
from functions.api.files import existing
from functions.api.problems import Problem, not_found
from functions.api.requests import Request, is_id
from functions.api.views import at
from layers.ports.rows import Removal


def remove_file(request: Request, file_id: str) -> tuple[int, Any]:
    file = existing(request, file_id)
    undo_s = request.whole_number("undo_window_s", request.ports.settings.undo_window_s, 0, 10**9)
    return 202, _remove(request, str(file.dataset_id), [file_id], None, undo_s)


def remove_many(request: Request, dataset_id: str) -> tuple[int, Any]:
    datasets.existing(request, dataset_id)
    body = request.read(NewRemoval)
    if (body.file_ids is None) == (body.batch_id is None):
        raise Problem("invalid_request", "name either `file_ids` or a `batch_id`, not both")
    if any(not is_id(file_id) for file_id in (body.file_ids or [body.batch_id or ""])):
        raise not_found("file" if body.file_ids else "batch")
    if body.batch_id:
        _check_batch(request, dataset_id, body.batch_id)
    undo_s = request.ports.settings.undo_window_s if body.undo_window_s is None else body.undo_window_s
    return 202, _remove(request, dataset_id, body.file_ids or [], body.batch_id, undo_s)


def show(request: Request, removal_id: str) -> tuple[int, Any]:
    removal = _existing(request, removal_id)
    return 200, {
        "id": removal_id,
        "count": removal.file_count,
        "created_at": at(removal.created_at),
        "undo_until": at(removal.erase_after),
        "undone_at": at(removal.undone_at),
        "erased_at": at(removal.erased_at),
        "swept_at": at(removal.swept_at),
        "objects_erased": removal.objects_erased,
        "rows_erased": removal.rows_erased,
    }


def undo(request: Request, removal_id: str) -> tuple[int, Any]:
    removal = _existing(request, removal_id)
    if request.catalog.undo_removal(removal_id) is None and removal.undone_at is None:
        raise Problem("conflict", "the undo window has closed; the files are being erased")
    request.notify(removal.dataset_id)
    request.dispatch()
    return show(request, removal_id)


def _remove(
    request: Request, dataset_id: str, file_ids: Sequence[str], batch_id: str | None, undo_s: int
) -> dict[str, Any]:
    undo_s = min(undo_s, request.ports.settings.undo_window_s)
    removed = request.catalog.remove_files(dataset_id, file_ids, batch_id, undo_s)
    removal_id = str(removed.removal_id)
    missing: list[str] = []
    if file_ids:
        found = request.catalog.removed_by(removed.removal_id)
        missing = [file_id for file_id in dict.fromkeys(file_ids) if file_id not in found]
        if not found:
            raise Problem("not_found", "none of these files is in this dataset, or all were removed before")
    if parts := uploads.abort(request, request.catalog.uploads_of_removal(removal_id, uploads.MOST_ABORTED)):
        request.catalog.count_erased(removal_id, parts)
    request.notify(dataset_id)
    if undo_s == 0:
        request.dispatch()
    return {"id": removal_id, "count": removed.file_count, "not_found": missing, "undo_window_s": undo_s}


def _check_batch(request: Request, dataset_id: str, batch_id: str) -> None:
    batch = request.catalog.batch(batch_id)
    if batch is None or str(batch.dataset_id) != dataset_id:
        raise not_found("batch")


def _existing(request: Request, removal_id: str) -> Removal:
    removal = request.catalog.removal(removal_id)
    if removal is None:
        raise not_found("removal")
    return removal
