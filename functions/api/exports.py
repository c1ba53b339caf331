"""Exports: starts the export of a dataset's table, which a worker writes, and shows how far it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.api import datasets, rows
from functions.api.bodies import NewExport
from functions.api.problems import Problem, not_found
from functions.api.requests import Request
from functions.api.views import at
from layers.domain.row_filter import Refused, order
from layers.domain.zip_paths import BadTemplate, checked
from layers.ports.people import Export

Shown = dict[str, Any]
MOST_WAITING = 20  # of a tenant; further ones get 429
RETRY_S = 30
MOST_ZIPS = 10  # of a tenant: each may be as large as all its originals
DELETED_S = 3600
ON_LAMBDA = ("csv", "jsonl", "zip")  # the libraries of the others do not fit into a function


def create(request: Request, dataset_id: str) -> tuple[int, Any]:
    dataset = datasets.existing(request, dataset_id)
    body = request.read(NewExport)
    if request.ports.settings.on_lambda and body.format not in ON_LAMBDA:
        detail = f"must be one of {', '.join(ON_LAMBDA)} here"
        raise Problem("invalid_request", "this format is not available", [{"pointer": "/format", "detail": detail}])
    where = rows.checked_where([condition.model_dump() for condition in body.where or ()], dataset)
    try:
        sort = order(body.sort, dataset.schema) if body.sort else None
    except Refused as refused:
        raise Problem("invalid_request", str(refused), [{"pointer": "/sort", "detail": str(refused)}]) from None
    names = _checked_names(body, dataset.schema)
    request.catalog.lock_quota()
    if request.catalog.open_export_count() >= MOST_WAITING:
        detail = f"{MOST_WAITING} exports are waiting or running; try again when one has ended"
        raise Problem("quota_exceeded", detail, Retry_After=str(RETRY_S))
    if body.format == "zip" and request.catalog.zip_export_count() >= MOST_ZIPS:
        detail = f"{MOST_ZIPS} exports as zip are kept or being written; each is deleted a day after it has ended"
        raise Problem("quota_exceeded", detail, Retry_After=str(DELETED_S))
    return 202, _view(request, request.catalog.create_export(dataset_id, body.format, where, sort, names))


def show(request: Request, export_id: str) -> tuple[int, Any]:
    export = request.catalog.export(export_id)
    if export is None:
        raise not_found("export")
    return 200, _view(request, export)


def show_again(request: Request, body: Shown) -> Shown:
    """The response to a repeated request: the export as it is now."""
    export = request.catalog.export(body["id"])
    return _view(request, export) if export else body


def _checked_names(body: NewExport, schema: Mapping[str, Any]) -> str | None:
    if body.names is None:
        return None
    try:
        if body.format != "zip":
            raise BadTemplate("is only for the format zip")
        return checked(body.names, schema)
    except BadTemplate as wrong:
        raise Problem("invalid_request", str(wrong), [{"pointer": "/names", "detail": str(wrong)}]) from None


def _view(request: Request, export: Export) -> Shown:
    def url_of(object_key: str, name: str) -> str:
        return request.ports.objects.presign_get(object_key, None, download_name=name)

    url = manifest_url = None
    archives: list[Shown] = []
    if export.state == "done" and export.object_key and export.format == "zip":
        stored = export.progress["archives"]
        archives = [{**each, "url": url_of(each["key"], each["name"])} for each in stored]
        url = archives[0]["url"] if len(archives) == 1 else None
        manifest_url = url_of(export.object_key, "manifest.csv")
    elif export.state == "done" and export.object_key:
        url = url_of(export.object_key, f"records.{export.format}")
    return {
        "id": str(export.export_id),
        "dataset_id": str(export.dataset_id),
        "format": export.format,
        "names": export.names,
        "state": export.state,
        "rows": export.rows_written,
        "size_bytes": export.size_bytes,
        "url": url,
        "archives": [{name: value for name, value in each.items() if name != "key"} for each in archives],
        "manifest_url": manifest_url,
        "error": {"code": export.error_code, "detail": export.error_detail} if export.error_code else None,
        "created_at": at(export.created_at),
        "ended_at": at(export.ended_at),
    }
