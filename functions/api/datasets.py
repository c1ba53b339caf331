"""Datasets: a tenant's tables and their schemas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.api import quotas
from functions.api.bodies import ChangedDataset, NewDataset, NewSchema
from functions.api.problems import Problem, not_found
from functions.api.requests import Request, is_id
from functions.api.views import dataset_view
from layers.domain.extraction.rules import DEFAULT_SCHEMA
from layers.domain.extraction.schema_subset import check
from layers.domain.kinds.rules import Kind
from layers.ports.rows import Dataset


def create(request: Request) -> tuple[int, Any]:
    body = request.read(NewDataset)
    schema = checked(body.schema_) if body.schema_ is not None else DEFAULT_SCHEMA
    languages = _known(request, body.languages) if body.languages else request.ports.settings.languages
    quotas.check_datasets(request)
    routing = _routing(request, body.routing, None)
    dataset = request.catalog.create_dataset(
        body.name,
        schema,
        body.when_textract_is_down,
        languages,
        body.date_order,
        body.several,
        body.sure_from,
        body.reading,
        body.retention.as_json() if body.retention else None,
        routing,
    )
    return 201, dataset_view(dataset, {})


def show_all(request: Request) -> tuple[int, Any]:
    limit = request.whole_number("limit", 1000, 1, 1000)
    position = request.position("datasets")
    rows = request.catalog.datasets(position[0] if position else None, limit + 1)
    shown = rows[:limit]
    counts = request.catalog.counts([row.dataset_id for row in shown])
    return 200, {
        "datasets": [dataset_view(row, counts[row.dataset_id]) for row in shown],
        "next_cursor": request.cursor("datasets", [str(shown[-1].dataset_id)]) if len(rows) > limit else None,
    }


def show(request: Request, dataset_id: str) -> tuple[int, Any]:
    dataset = existing(request, dataset_id)
    return 200, dataset_view(dataset, request.catalog.counts([dataset.dataset_id])[dataset.dataset_id])


def put_schema(request: Request, dataset_id: str) -> tuple[int, Any]:
    schema = checked(request.read(NewSchema).schema_)
    quotas.check_schemas(request, existing(request, dataset_id).schema_version)
    if request.catalog.put_schema(dataset_id, schema) is None:
        raise not_found("dataset")
    return show(request, dataset_id)


def change(request: Request, dataset_id: str) -> tuple[int, Any]:
    body = request.read(ChangedDataset)
    languages = _known(request, body.languages) if body.languages else None
    changes = body.model_dump(exclude={"languages", "retention", "routing"}, exclude_none=True) | {
        "languages": languages
    }
    if body.retention is not None:
        changes["retention"] = body.retention.as_json()
    if body.routing is not None:
        changes["routing"] = _routing(request, body.routing, dataset_id)
    if not request.catalog.change_dataset(dataset_id, **changes):
        raise not_found("dataset")
    return show(request, dataset_id)


def existing(request: Request, dataset_id: str) -> Dataset:
    dataset = request.catalog.dataset(dataset_id)
    if dataset is None:
        raise not_found("dataset")
    return dataset


def _known(request: Request, languages: list[str]) -> list[str]:
    """The languages without duplicates. Raises Problem for those that OCR can't read here."""
    known = request.ports.languages()
    errors = [
        {"pointer": f"/languages/{index}", "detail": f"`{language}` is not available; choose from {', '.join(known)}"}
        for index, language in enumerate(languages)
        if language not in known
    ]
    if errors:
        raise Problem("invalid_request", "some languages are not available for OCR; `errors` names each", errors)
    return list(dict.fromkeys(languages))


def _routing(request: Request, routing: Mapping[Kind, str] | None, own_id: str | None) -> dict[str, str]:
    """The id of the dataset for each kind. Raises Problem for one that does not exist, or is the dataset itself."""
    found: dict[str, str] = {}
    errors = []
    for kind, named in (routing or {}).items():
        is_by_id = is_id(named) and request.catalog.dataset(named) is not None
        ids = [named] if is_by_id else [str(each) for each in request.catalog.datasets_named(named)]
        detail = "there is no such dataset" if not ids else "several datasets have this name; give the id"
        if len(ids) == 1:
            found[kind], detail = ids[0], "files of the dataset stay in it; leave out their kind"
        if len(ids) != 1 or ids[0] == own_id:
            errors.append({"pointer": f"/routing/{kind}", "detail": detail})
    if errors:
        raise Problem("invalid_request", "some kinds can't be sent where `routing` says; `errors` names each", errors)
    return found


def checked(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema of the supported subset. Raises Problem for any other."""
    problems = check(schema)
    if problems:
        errors = [{"pointer": f"/schema{problem.pointer}", "detail": problem.detail} for problem in problems]
        raise Problem("invalid_request", "some parts of the schema are not supported; `errors` names each", errors)
    return schema
