"""Rows: finds and sorts a dataset's files by the values of their records, a page at a time, at a bounded cost."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from functions.api import datasets
from functions.api.bodies import Condition
from functions.api.changes import first_cursor
from functions.api.problems import Problem, not_found
from functions.api.requests import Request, Response, bad_parameter, is_id
from functions.api.row_views import MOST_ROWS, row_texts, with_texts
from layers.domain.row_filter import Order, Refused, conditions, order
from layers.ports.people import RowPosition
from layers.ports.rows import Dataset

Conditions = list[dict[str, Any]]
LONGEST_WHERE = 10_000
COUNTED = 10_000  # the total is exact up to this number
MOST_AT_ONCE = 10_000  # files of one request that changes all that match
LONGEST_SEARCH = 20  # parts of a search, each of which reads a bounded number of rows
MORE = "more"


def show(request: Request, dataset_id: str) -> Response:
    dataset = datasets.existing(request, dataset_id)
    limit = request.whole_number("limit", 50, 1, MOST_ROWS)
    where, sort = _where(request, dataset), _sort(request, dataset)
    listing = json.dumps(["rows", dataset_id, request.query.get("where"), request.query.get("sort")])
    cursor = request.position(listing)
    position = RowPosition(*cursor) if cursor else _around(request, dataset_id, sort)
    others: dict[str, Any] = {}
    if cursor is None:
        others = {"total": _total(request, dataset, where), "changes_cursor": first_cursor(request, dataset_id)}
    page = request.catalog.find_rows(dataset_id, where, sort, position, limit)
    following = request.cursor(listing, list(page.following)) if page.following else None
    texts = row_texts(request.ports, request.catalog, page.file_ids)
    return Response(200, text=with_texts("rows", texts, {"next_cursor": following, **others}))


def named_or_chosen(
    request: Request,
    dataset: Dataset,
    file_ids: Sequence[str] | None,
    where: Sequence[Condition] | None,
    most: int,
    *further: Mapping[str, Any],
) -> tuple[list[str], bool]:
    """The ids of the files that a request names, each once, or of those that match `where` and the further
    conditions, and whether there may be more that do. Raises Problem unless the request has one of the two."""
    if (file_ids is None) == (where is None):
        raise Problem("invalid_request", "name either `file_ids` or `where`, not both")
    if any(not is_id(file_id) for file_id in file_ids or ()):
        raise not_found("file")
    if not where:
        return list(dict.fromkeys(file_ids or ())), False
    return chosen(request, dataset, [*(condition.model_dump() for condition in where), *further], most)


def chosen(request: Request, dataset: Dataset, where: Sequence[Mapping[str, Any]], most: int) -> tuple[list[str], bool]:
    """The ids of files that match, the newest first, and whether there may be more."""
    position: RowPosition | None = None
    file_ids: list[str] = []
    checked = checked_where(where, dataset)
    for _ in range(LONGEST_SEARCH):
        page = request.catalog.find_rows(str(dataset.dataset_id), checked, None, position, most - len(file_ids))
        file_ids += [str(file_id) for file_id in page.file_ids]
        position = page.following
        if position is None or len(file_ids) >= most:
            break
    return file_ids, position is not None


def checked_where(where: Sequence[Mapping[str, Any]], dataset: Dataset) -> Conditions:
    """The conditions of a request's body. Raises Problem."""
    try:
        checked = conditions(where, dataset.schema)
    except Refused as refused:
        errors = [{"pointer": f"/where/{refused.index}", "detail": str(refused)}]
        raise Problem("invalid_request", "the filter is not valid; `errors` names the condition", errors) from None
    if any(entry["field"] == "@batch" and not is_id(entry["words"]) for entry in checked):
        raise Problem("invalid_request", "`@batch` must be the id of a batch")
    return checked


def _where(request: Request, dataset: Dataset) -> Conditions:
    text = request.query.get("where")
    if text is None:
        return []
    try:
        where = json.loads(text) if len(text) <= LONGEST_WHERE else None
    except (ValueError, RecursionError):
        where = None
    if not isinstance(where, list) or not all(isinstance(entry, dict) for entry in where):
        raise bad_parameter("where", "must be a JSON list of conditions")
    try:
        checked = conditions(where, dataset.schema)
    except Refused as refused:
        raise bad_parameter("where", f"has an invalid condition {refused.index + 1}: {refused}") from None
    if any(entry["field"] == "@batch" and not is_id(entry["words"]) for entry in checked):
        raise bad_parameter("where", "has no id of a batch in `@batch`")
    return checked


def _sort(request: Request, dataset: Dataset) -> Order | None:
    text = request.query.get("sort")
    try:
        return order(text, dataset.schema) if text else None
    except Refused as refused:
        raise bad_parameter("sort", f"is not possible: {refused}") from None


def _around(request: Request, dataset_id: str, sort: Order | None) -> RowPosition | None:
    """The position just before the row of the file that `around` names, so that the page begins with it."""
    file_id = request.id("around")
    return request.catalog.position_before(dataset_id, file_id, sort) if file_id else None


def _total(request: Request, dataset: Dataset, where: Conditions) -> int | str | None:
    """How many rows match: exact up to 10,000, `more` above; None if counting them would take too long."""
    if not where:
        files = sum(request.catalog.counts([dataset.dataset_id])[dataset.dataset_id].values())
        return files if files <= COUNTED else MORE
    page = request.catalog.find_rows(str(dataset.dataset_id), where, None, None, COUNTED + 1)
    if len(page.file_ids) > COUNTED:
        return MORE
    return None if page.following else len(page.file_ids)
