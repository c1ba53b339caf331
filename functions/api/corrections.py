"""Corrections: a person changes the values of a record, reviews it, and sees who changed what."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any

from functions.api import datasets, learning, rows
from functions.api.artifacts import record_of_file_view
from functions.api.bodies import Corrections, Review, Reviews
from functions.api.files import existing
from functions.api.problems import Problem, not_found
from functions.api.requests import Request, Response
from functions.api.views import at
from layers.domain.extraction.conformity import faults
from layers.domain.extraction.schemas import resolve_references
from layers.ports.people import RecordChange
from layers.ports.rows import FileRow, RecordOfFile

Shown = dict[str, Any]
MOST_SET_BYTES = 512 * 1024
MOST_CHANGES = 10_000  # of one record, so that its history stays bounded
ACTIONS = ("set", "reset", "review")


def show(request: Request, file_id: str) -> Response:
    existing(request, file_id)
    return _response(_record(request, file_id))


def change(request: Request, file_id: str) -> Response:
    body = request.read(Corrections)
    file, record = _locked(request, file_id)
    document = _document(body, record)
    before = record.set_values.get(str(document), {})
    after = _applied(request, file, body, before)
    if after == before:
        return _response(record)  # also for a repeated request, whose version has passed
    _check_version(request, record, is_required=True)
    found = record.fields if document == 1 else record.further[document - 2]["fields"]
    changes = list(_changes(found, before, after))
    _check_history(request, file_id, len(changes))
    set_values = {**record.set_values, str(document): after}
    if len(json.dumps(set_values)) > MOST_SET_BYTES:
        raise Problem("too_large", f"the values that people set in one record may have {MOST_SET_BYTES} bytes")
    request.catalog.correct_record(file_id, document, set_values, changes, request.caller.key_id, request.caller.name)
    learning.learn(request, str(file.dataset_id), [file_id])
    request.notify(file.dataset_id)
    return _response(_record(request, file_id))


def review(request: Request, file_id: str) -> Response:
    wanted = request.read(Review).state
    file, record = _locked(request, file_id)
    if record.review != wanted:
        _check_version(request, record, is_required=False)
        _check_history(request, file_id, 1)
        _review(request, str(file.dataset_id), [file_id], wanted, None)
    return _response(_record(request, file_id))


def review_many(request: Request, dataset_id: str) -> tuple[int, Any]:
    dataset = datasets.existing(request, dataset_id)
    body = request.read(Reviews)
    file_ids, has_more = rows.named_or_chosen(
        request, dataset, body.file_ids, body.where, rows.MOST_AT_ONCE, _other_review(body.state)
    )
    review_id = str(uuid.uuid4())
    changed, found = _review(request, dataset_id, file_ids, body.state, review_id)
    return 200, {"id": review_id if changed else None, "count": found, "changed": changed, "has_more": has_more}


def undo_reviews(request: Request, review_id: str) -> tuple[int, Any]:
    undone = request.catalog.undo_reviews(review_id, request.caller.key_id, request.caller.name)
    if undone is None:
        raise not_found("review")
    if undone.file_ids:
        learning.learn(request, str(undone.dataset_id), list(map(str, undone.file_ids)))
        request.notify(undone.dataset_id)
    return 200, {"id": review_id, "count": undone.found, "changed": len(undone.file_ids)}


def _other_review(state: str) -> Shown:
    """The condition that a record's review would change, so that each request goes on with the rest."""
    if state == "open":
        return {"field": "@review", "op": "ne", "value": "open"}
    return {"field": "@review", "op": "ne", "value": state}


def history(request: Request, file_id: str) -> tuple[int, Any]:
    existing(request, file_id)
    return 200, {"changes": [_change_view(row) for row in request.catalog.record_changes(file_id, MOST_CHANGES)]}


def _locked(request: Request, file_id: str) -> tuple[FileRow, RecordOfFile]:
    file = existing(request, file_id, for_update=True)
    return file, _record(request, file_id)


def _record(request: Request, file_id: str) -> RecordOfFile:
    record = request.catalog.record_of(file_id)
    if record is None:
        raise Problem("conflict", "the file has no record; it appears when extraction has ended")
    return record


def _response(record: RecordOfFile) -> Response:
    return Response(200, record_of_file_view(record), headers={"ETag": f'"{record.version}"'})


def _document(body: Corrections, record: RecordOfFile) -> int:
    count = 1 + len(record.further)
    if body.document is None and count > 1:
        detail = f"the file contains {count} documents; name one by its number"
    elif (body.document or 1) > count:
        detail = f"must be from 1 to {count}"
    else:
        return body.document or 1
    raise Problem("invalid_request", "`document` is not valid", [{"pointer": "/document", "detail": detail}])


def _applied(request: Request, file: FileRow, body: Corrections, before: Mapping[str, Any]) -> Shown:
    """The values of a document that people set, after this request. Raises Problem for values that do not conform."""
    schema = resolve_references(datasets.existing(request, str(file.dataset_id)).schema)
    properties, required = schema.get("properties") or {}, schema.get("required") or ()
    errors = []
    for name, value in body.fields.items():
        pointer = f"/fields/{name.replace('~', '~0').replace('/', '~1')}"
        if name not in properties:
            errors.append((pointer, "is not a property of the dataset's schema"))
        elif value is None and name in required:
            errors.append((pointer, "is required; it can be replaced or reset, not removed"))
        elif value is not None:
            errors += faults(value, properties[name], pointer)
    errors += [(f"/evidence/{name}", "has no value in `fields`") for name in body.evidence if name not in body.fields]
    errors += [(f"/reset/{name}", "is in `fields` too") for name in body.reset if name in body.fields]
    if errors:
        listed = [{"pointer": pointer, "detail": detail} for pointer, detail in errors[:100]]
        raise Problem("invalid_request", "some values do not conform to the schema; `errors` names each", listed)
    kept = {name: entry for name, entry in before.items() if name not in body.reset}
    return kept | {name: _entry(name, value, body) for name, value in body.fields.items()}


def _entry(name: str, value: Any, body: Corrections) -> Shown:
    proof = body.evidence.get(name)
    return {"value": value} | ({"evidence": proof.model_dump(exclude_none=True)} if proof else {})


def _changes(found: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Shown]:
    """The history of a change: the value that was shown before, and the value that is shown now."""
    changes = []
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            shown = [entries[name]["value"] if name in entries else found.get(name) for entries in (before, after)]
            action = "set" if name in after else "reset"
            changes.append({"action": action, "field": name, "before": shown[0], "after": shown[1]})
    return changes


def _check_version(request: Request, record: RecordOfFile, *, is_required: bool) -> None:
    """Raise Problem unless the request names the record's current version: another change would be lost otherwise."""
    wanted = request.headers.get("if-match", "").strip()
    if not wanted and is_required:
        raise Problem("precondition_required", "send the record's version as `If-Match`, as its `ETag` shows it")
    tags = [tag.strip().removeprefix("W/").strip('"') for tag in wanted.split(",")]
    if wanted and "*" not in tags and str(record.version) not in tags:
        detail = f"the record has changed in the meantime: its version is {record.version}; read it again"
        raise Problem("precondition_failed", detail)


def _check_history(request: Request, file_id: str, new: int) -> None:
    if request.catalog.record_change_count(file_id) + new > MOST_CHANGES:
        raise Problem("conflict", f"the record was changed {MOST_CHANGES} times; it can't be changed again")


def _review(
    request: Request, dataset_id: str, file_ids: list[str], state: str, review_id: str | None
) -> tuple[int, int]:
    caller = request.caller
    counts = request.catalog.review_records(dataset_id, file_ids, state, review_id, caller.key_id, caller.name)
    learning.learn(request, dataset_id, file_ids)
    request.notify(dataset_id)
    return counts


def _change_view(row: RecordChange) -> Shown:
    return {
        "at": at(row.changed_at),
        "action": row.action,
        "document": row.document,
        "field": row.field,
        "from": row.before,
        "to": row.after,
        "by": "person" if row.key_id else "extraction",
        "key_id": str(row.key_id) if row.key_id else None,
        "person": row.person,
    }
