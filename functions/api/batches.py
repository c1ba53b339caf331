"""Batches: many files described at once, each with a URL to upload it to."""

from __future__ import annotations

from typing import Any

from functions.api import quotas, waits
from functions.api.problems import Problem, not_found
from functions.api.requests import NewBatch, Request
from functions.api.uploads import AWAITED, upload_view
from functions.api.views import at, batch_view
from layers import bootstrap

Row = dict[str, Any]


def sign_again(request: Request, body: Row) -> Row:
    """A kept answer with URLs signed anew, for the files that are still awaited."""
    file_ids = [file["id"] for file in body["files"] if file["id"]]
    rows = {str(row["file_id"]): row for row in request.catalog.rows("files_by_id", file_ids=file_ids)}
    files = [
        file | {"upload": upload_view(rows[file["id"]])}
        if file["id"] in rows and rows[file["id"]]["state"] in AWAITED
        else file
        for file in body["files"]
    ]
    return body | {"files": files}


def create(request: Request, dataset_id: str) -> tuple[int, Any]:
    given = _described(request)
    row = request.catalog.row(
        "create_batch",
        dataset_id=dataset_id,
        allow_duplicates=given.allow_duplicates,
        expand_archives=given.expand_archives,
        priority=given.priority,
    )
    if row is None:
        raise not_found("dataset")
    return 201, _with_files(request, row, given)


def add_files(request: Request, batch_id: str) -> tuple[int, Any]:
    row = _existing(request, batch_id)
    if row["cancelled_at"]:
        raise Problem("conflict", "the batch was cancelled")
    return 201, _with_files(request, row, _described(request))


def show(request: Request, batch_id: str) -> tuple[int, Any]:
    row = _existing(request, batch_id)
    by_state = request.catalog.counts([row["batch_id"]])[row["batch_id"]]
    return 200, batch_view(row, by_state, waits.batch_eta_s(request.catalog, row["batch_id"], by_state))


def cancel(request: Request, batch_id: str) -> tuple[int, Any]:
    row = _existing(request, batch_id)
    request.catalog.row("cancel_batch", batch_id=batch_id)
    tell(request, row["dataset_id"])
    return show(request, batch_id)


def tell(request: Request, dataset_id: Any) -> None:
    """Wake those who watch a dataset, once this request is committed."""
    request.afterwards.append(lambda: bootstrap.change_notifications().publish([str(dataset_id)]))


def _described(request: Request) -> NewBatch:
    given = request.read(NewBatch)
    most = bootstrap.settings().max_file_bytes
    errors = [
        {"pointer": f"/files/{place}/size_bytes", "detail": f"at most {most} bytes are taken"}
        for place, file in enumerate(given.files)
        if file.size_bytes > most
    ]
    if errors:
        raise Problem("too_large", "some files are too large; `errors` names each", errors)
    return given


def _with_files(request: Request, batch: Row, given: NewBatch) -> Row:
    same = {} if given.allow_duplicates or batch["allow_duplicates"] else _duplicates(request, batch, given)
    new = [file for file in given.files if file.sha256 not in same]
    quotas.check(request, new)
    settings = bootstrap.settings()
    upload_s = settings.upload_url_s + settings.upload_grace_s
    made = request.catalog.create_files(batch, [file.model_dump() for file in new], upload_s) if new else []
    rows = iter(made)
    tell(request, batch["dataset_id"])
    files = [
        {"id": None, "name": file.name, "state": "duplicate", "duplicate_of": same[file.sha256], "upload": None}
        if file.sha256 in same
        else _new_file(next(rows))
        for file in given.files
    ]
    return {
        "id": str(batch["batch_id"]),
        "dataset_id": str(batch["dataset_id"]),
        "created_at": at(batch["created_at"]),
        "files": files,
    }


def _new_file(row: Row) -> Row:
    return {"id": str(row["file_id"]), "name": row["name"], "state": "uploading", "upload": upload_view(row)}


def _duplicates(request: Request, batch: Row, given: NewBatch) -> dict[str | None, str]:
    wanted = [file.sha256 for file in given.files if file.sha256]
    if not wanted:
        return {}
    found = request.catalog.rows("duplicates", dataset_id=batch["dataset_id"], sha256s=wanted)
    return {row["sha256"]: str(row["file_id"]) for row in found}


def _existing(request: Request, batch_id: str) -> Row:
    row: Row | None = request.catalog.row("batch", batch_id=batch_id)
    if row is None:
        raise not_found("batch")
    return row
