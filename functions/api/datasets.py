"""Datasets: a tenant's tables and their schemas."""

from __future__ import annotations

from typing import Any

from functions.api.problems import Problem, not_found
from functions.api.requests import ChangedDataset, NewDataset, NewSchema, Request
from functions.api.views import dataset_view
from layers import bootstrap
from layers.domain.extraction.rules import DEFAULT_SCHEMA
from layers.domain.extraction.schema_subset import check

Row = dict[str, Any]


def create(request: Request) -> tuple[int, Any]:
    given = request.read(NewDataset)
    schema = _checked(given.schema_) if given.schema_ is not None else DEFAULT_SCHEMA
    languages = _known(given.languages) if given.languages else bootstrap.settings().languages
    row = request.catalog.create_dataset(given.name, schema, given.when_textract_is_down, languages)
    return 201, dataset_view(row, {})


def show_all(request: Request) -> tuple[int, Any]:
    limit = request.whole_number("limit", 1000, 1, 1000)
    place = request.place("datasets")
    rows = request.catalog.rows("datasets", after=place[0] if place else None, limit=limit + 1)
    shown = rows[:limit]
    counts = request.catalog.counts([row["dataset_id"] for row in shown])
    following = request.cursor("datasets", [str(shown[-1]["dataset_id"])]) if len(rows) > limit else None
    return 200, {
        "datasets": [dataset_view(row, counts[row["dataset_id"]]) for row in shown],
        "next_cursor": following,
    }


def show(request: Request, dataset_id: str) -> tuple[int, Any]:
    row = existing(request, dataset_id)
    return 200, dataset_view(row, request.catalog.counts([row["dataset_id"]])[row["dataset_id"]])


def put_schema(request: Request, dataset_id: str) -> tuple[int, Any]:
    schema = _checked(request.read(NewSchema).schema_)
    if request.catalog.put_schema(dataset_id, schema) is None:
        raise not_found("dataset")
    return show(request, dataset_id)


def change(request: Request, dataset_id: str) -> tuple[int, Any]:
    given = request.read(ChangedDataset)
    row = request.catalog.row(
        "change_dataset",
        dataset_id=dataset_id,
        when_textract_is_down=given.when_textract_is_down,
        languages=_known(given.languages) if given.languages else None,
    )
    if row is None:
        raise not_found("dataset")
    return show(request, dataset_id)


def existing(request: Request, dataset_id: str) -> Row:
    row: Row | None = request.catalog.row("dataset", dataset_id=dataset_id)
    if row is None:
        raise not_found("dataset")
    return row


def _known(languages: list[str]) -> list[str]:
    """The languages, each once. Refuses by name what OCR can't read here."""
    known = bootstrap.known_languages()
    unknown = [place for place, language in enumerate(languages) if language not in known]
    if unknown:
        detail = f"is not read here; known are {', '.join(known)}"
        errors = [{"pointer": f"/languages/{place}", "detail": f"`{languages[place]}` {detail}"} for place in unknown]
        raise Problem("invalid_request", "a language is not known; `errors` names each", errors)
    return list(dict.fromkeys(languages))


def _checked(schema: Row) -> Row:
    problems = check(schema)
    if problems:
        errors = [{"pointer": f"/schema{one.pointer}", "detail": one.detail} for one in problems]
        raise Problem("invalid_request", "the schema has parts that can't be taken; `errors` names each", errors)
    return schema
