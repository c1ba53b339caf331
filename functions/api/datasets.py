"""Datasets: a tenant's tables, their schemas, and their records."""

from __future__ import annotations

from typing import Any

from functions.api.problems import Problem, not_found
from functions.api.requests import NewDataset, NewSchema, Request, as_cursor, needs
from functions.api.views import dataset_view
from layers import bootstrap
from layers.domain.extraction.rules import DEFAULT_SCHEMA
from layers.domain.extraction.schema_subset import check


@needs("editor")
def create(request: Request) -> tuple[int, Any]:
    given = request.read(NewDataset)
    schema = _checked(given.schema_) if given.schema_ is not None else DEFAULT_SCHEMA
    row = bootstrap.catalog().create_dataset(request.tenant_id, given.name, schema)
    return 201, dataset_view(row, ())


@needs("viewer")
def show_all(request: Request) -> tuple[int, Any]:
    catalog = bootstrap.catalog()
    rows = catalog.rows("datasets", tenant_id=request.tenant_id)
    return 200, {"datasets": [dataset_view(row, _counts(request, str(row["dataset_id"]))) for row in rows]}


@needs("viewer")
def show(request: Request, dataset_id: str) -> tuple[int, Any]:
    return 200, dataset_view(existing(request, dataset_id), _counts(request, dataset_id))


@needs("editor")
def put_schema(request: Request, dataset_id: str) -> tuple[int, Any]:
    schema = _checked(request.read(NewSchema).schema_)
    if bootstrap.catalog().put_schema(request.tenant_id, dataset_id, schema) is None:
        raise not_found("dataset")
    return show(request, dataset_id)


@needs("viewer")
def records(request: Request, dataset_id: str) -> tuple[int, Any]:
    dataset = existing(request, dataset_id)
    if request.query.get("format", "json") != "json":
        raise Problem("invalid_request", "the format must be json")
    limit = request.whole_number("limit", 1000, 1, 1000)
    rows = bootstrap.catalog().rows(
        "records_page", tenant_id=request.tenant_id, dataset_id=dataset_id, after=request.cursor(), limit=limit + 1
    )
    shown = [
        {
            "id": str(row["record_id"]),
            "file_id": str(row["file_id"]),
            "file_name": row["file_name"],
            **{name: row[name] for name in ("schema_version", "fields", "missing", "complete")},
        }
        for row in rows[:limit]
    ]
    following = as_cursor(rows[limit - 1]["record_id"]) if len(rows) > limit else None
    return 200, {"schema_version": dataset["schema_version"], "records": shown, "next_cursor": following}


def existing(request: Request, dataset_id: str) -> dict[str, Any]:
    row = bootstrap.catalog().row("dataset", tenant_id=request.tenant_id, dataset_id=dataset_id)
    if row is None:
        raise not_found("dataset")
    return row


def _counts(request: Request, dataset_id: str) -> list[dict[str, Any]]:
    return bootstrap.catalog().rows("counts_by_state", tenant_id=request.tenant_id, dataset_id=dataset_id)


def _checked(schema: dict[str, Any]) -> dict[str, Any]:
    problems = check(schema)
    if problems:
        errors = [{"pointer": f"/schema{one.pointer}", "detail": one.detail} for one in problems]
        raise Problem("invalid_request", "the schema has parts that can't be taken; `errors` names each", errors)
    return schema
