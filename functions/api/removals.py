"""Removals: removes files by id, by list or by batch; a removal can be undone while its window is open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from functions.api import datasets, rows, uploads
from functions.api.bodies import NewRemoval
from functions.api.files import existing
from functions.api.problems import Problem, not_found
from functions.api.requests import Request, is_id
from functions.api.views import at
from layers.ports.rows import PurgeRow, Removal

FILES_AT_ONCE = 5_000  # of a removed dataset; upkeep removes the others


def remove_file(request: Request, file_id: str) -> tuple[int, Any]:
    file = existing(request, file_id)
    undo_s = request.whole_number("undo_window_s", request.ports.settings.undo_window_s, 0, 10**9)
    return 202, _remove(request, str(file.dataset_id), [file_id], None, undo_s)


def remove_many(request: Request, dataset_id: str) -> tuple[int, Any]:
    dataset = datasets.existing(request, dataset_id)
    body = request.read(NewRemoval)
    if sum(choice is not None for choice in (body.file_ids, body.batch_id, body.where)) != 1:
        raise Problem("invalid_request", "name one of `file_ids`, `batch_id` and `where`")
    undo_s = request.ports.settings.undo_window_s if body.undo_window_s is None else body.undo_window_s
    if body.batch_id is not None:
        _check_batch(request, dataset_id, body.batch_id)
        return 202, _remove(request, dataset_id, [], body.batch_id, undo_s)
    file_ids, has_more = rows.named_or_chosen(request, dataset, body.file_ids, body.where, rows.MOST_AT_ONCE)
    if not file_ids:
        raise Problem("not_found", "no file fulfils the conditions")
    return 202, _remove(request, dataset_id, file_ids, None, undo_s) | ({"has_more": has_more} if body.where else {})


def show(request: Request, removal_id: str) -> tuple[int, Any]:
    return 200, _view(_existing(request, removal_id))


def show_of_dataset(request: Request, dataset_id: str) -> tuple[int, Any]:
    datasets.existing(request, dataset_id)
    return _list(request, dataset_id)


def show_all(request: Request) -> tuple[int, Any]:
    return _list(request, None)


def _list(request: Request, dataset_id: str | None) -> tuple[int, Any]:
    limit, listing = request.whole_number("limit", 50, 1, 200), f"removals {dataset_id}"
    position = request.position(listing)
    rows = request.catalog.removals(dataset_id, position[0] if position else None, limit + 1)
    return 200, {
        "removals": list(map(_view, rows[:limit])),
        "next_cursor": request.cursor(listing, [str(rows[limit - 1].removal_id)]) if len(rows) > limit else None,
    }


def remove_dataset(request: Request, dataset_id: str) -> tuple[int, Any]:
    """Remove a dataset with all its files. A second request finds no dataset."""
    longest_s = request.ports.settings.undo_window_s
    undo_s = min(request.whole_number("undo_window_s", longest_s, 0, 10**9), longest_s)
    removed = request.catalog.remove_dataset(dataset_id, undo_s, FILES_AT_ONCE)
    if removed is None:
        raise not_found("dataset")
    request.notify(dataset_id)
    request.dispatch()
    return 202, {
        "id": str(removed.removal_id),
        "count": removed.file_count,
        "not_found": [],
        "undo_window_s": undo_s,
    }


def _view(removal: Removal) -> dict[str, Any]:
    return {
        "id": str(removal.removal_id),
        "dataset_id": str(removal.dataset_id),
        "dataset_name": removal.dataset_name,
        "file_names": removal.file_names,
        "whole_dataset": removal.whole_dataset,
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


def show_purges(request: Request, dataset_id: str) -> tuple[int, Any]:
    datasets.existing(request, dataset_id)
    limit = request.whole_number("limit", 50, 1, 200)
    position = request.position(f"purges {dataset_id}")
    rows = request.catalog.purges(dataset_id, position[0] if position else None, limit + 1)
    following = request.cursor(f"purges {dataset_id}", [str(rows[limit - 1].purge_id)]) if len(rows) > limit else None
    return 200, {"purges": [_purge_view(row) for row in rows[:limit]], "next_cursor": following}


def _purge_view(purge: PurgeRow) -> dict[str, Any]:
    return {
        "id": str(purge.purge_id),
        "job_id": str(purge.job_id),
        "kind": purge.kind,
        "files": purge.files,
        "objects": purge.objects,
        "removal_ids": [str(removal_id) for removal_id in purge.removal_ids],
        "created_at": at(purge.created_at),
    }


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
    batch = request.catalog.batch(batch_id) if is_id(batch_id) else None
    if batch is None or str(batch.dataset_id) != dataset_id:
        raise not_found("batch")


def _existing(request: Request, removal_id: str) -> Removal:
    removal = request.catalog.removal(removal_id)
    if removal is None:
        raise not_found("removal")
    return removal
