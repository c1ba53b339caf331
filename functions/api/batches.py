"""Batches: many files described at once; each gets a URL for its upload."""

from __future__ import annotations

from typing import Any

from functions.api import datasets, quotas, uploads, waits
from functions.api.bodies import LONGEST_LABEL, NewBatch
from functions.api.problems import Problem, not_found
from functions.api.requests import Request, bad_parameter
from functions.api.uploads import AWAITED, upload_view
from functions.api.views import at, batch_view
from layers.ports.rows import Batch, NewFile

Shown = dict[str, Any]


def sign_again(request: Request, body: Shown) -> Shown:
    """A stored response with new URLs for the files that have not arrived."""
    file_ids = [file["id"] for file in body["files"] if file["id"]]
    rows = {str(row.file_id): row for row in request.catalog.files_by_id(file_ids)}
    files = [
        file | {"upload": upload_view(request.ports, rows[file["id"]])}
        if file["id"] in rows and rows[file["id"]].state in AWAITED
        else file
        for file in body["files"]
    ]
    return body | {"files": files}


def create(request: Request, dataset_id: str) -> tuple[int, Any]:
    body = _read(request)
    quotas.check_batches(request)
    batch = request.catalog.create_batch(
        dataset_id,
        allow_duplicates=body.allow_duplicates,
        expand_archives=body.expand_archives,
        separation=body.separation.as_json() if body.separation else None,
        labels=body.labels,
        priority=body.priority,
        name=body.name,
    )
    if batch is None:
        raise not_found("dataset")
    return 201, _with_files(request, batch, body)


def add_files(request: Request, batch_id: str) -> tuple[int, Any]:
    batch = _existing(request, batch_id)
    if batch.cancelled_at:
        raise Problem("conflict", "the batch was cancelled; create a new batch")
    return 201, _with_files(request, batch, _read(request))


def show(request: Request, batch_id: str) -> tuple[int, Any]:
    batch = _existing(request, batch_id)
    by_state = request.catalog.counts([batch.batch_id])[batch.batch_id]
    return 200, batch_view(batch, by_state, waits.batch_eta_s(request.ports, request.catalog, batch.batch_id, by_state))


def show_all(request: Request, dataset_id: str) -> tuple[int, Any]:
    datasets.existing(request, dataset_id)
    label = request.query.get("label")
    if (label is not None and not 0 < len(label) <= LONGEST_LABEL) or "\x00" in (label or ""):
        raise bad_parameter("label", f"must be a text of 1 to {LONGEST_LABEL} characters")
    limit, listing = request.whole_number("limit", 50, 1, 200), f"batches {dataset_id} {label!r}"
    position = request.position(listing)
    rows = request.catalog.batches(dataset_id, position[0] if position else None, limit + 1, label)
    counts = request.catalog.counts([row.batch_id for row in rows[:limit]])
    return 200, {
        "batches": [batch_view(row, counts[row.batch_id], None) for row in rows[:limit]],
        "next_cursor": request.cursor(listing, [str(rows[limit - 1].batch_id)]) if len(rows) > limit else None,
    }


def cancel(request: Request, batch_id: str) -> tuple[int, Any]:
    batch = _existing(request, batch_id)
    request.catalog.cancel_batch(batch_id)
    uploads.abort(request, request.catalog.uploads_of_batch(batch_id, uploads.MOST_ABORTED))
    request.notify(batch.dataset_id)
    return show(request, batch_id)


def _read(request: Request) -> NewBatch:
    body = request.read(NewBatch)
    most = request.ports.settings.max_file_bytes
    errors = [
        {"pointer": f"/files/{index}/size_bytes", "detail": f"a file may have at most {most} bytes"}
        for index, file in enumerate(body.files)
        if file.size_bytes > most
    ]
    if errors:
        raise Problem("too_large", "some files are too large; `errors` names each", errors)
    return body


def _with_files(request: Request, batch: Batch, body: NewBatch) -> Shown:
    duplicates = {} if body.allow_duplicates or batch.allow_duplicates else _duplicates(request, batch, body)
    new = [
        NewFile(file.name, file.size_bytes, file.media_type, file.sha256)
        for file in body.files
        if file.sha256 not in duplicates
    ]
    quotas.check(request, new)
    settings = request.ports.settings
    upload_s = settings.upload_url_s + settings.upload_grace_s
    created = iter(request.catalog.create_files(batch, new, upload_s) if new else ())
    request.notify(batch.dataset_id)
    files = []
    for file in body.files:
        if file.sha256 in duplicates:
            shown: Shown = {"id": None, "name": file.name, "state": "duplicate"}
            files.append(shown | {"duplicate_of": duplicates[file.sha256], "upload": None})
        else:
            row = next(created)
            upload = upload_view(request.ports, row)
            files.append({"id": str(row.file_id), "name": row.name, "state": "uploading", "upload": upload})
    return {
        "id": str(batch.batch_id),
        "dataset_id": str(batch.dataset_id),
        "created_at": at(batch.created_at),
        "files": files,
    }


def _duplicates(request: Request, batch: Batch, body: NewBatch) -> dict[str | None, str]:
    sha256s = [file.sha256 for file in body.files if file.sha256]
    found = request.catalog.duplicates(batch.dataset_id, sha256s) if sha256s else {}
    return {sha256: str(file_id) for sha256, file_id in found.items()}


def _existing(request: Request, batch_id: str) -> Batch:
    batch = request.catalog.batch(batch_id)
    if batch is None:
        raise not_found("batch")
    return batch
