"""Rows: files as a table shows them, with the values of their records and without URLs but that of the thumbnail.

A row is JSON text: the values of a record come from PostgreSQL as text, what many rows share is encoded once, and the text of
a row that is unchanged is kept for a minute. So a page of 200 rows costs a few milliseconds.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from json.encoder import encode_basestring as encode_text
from typing import Any
from uuid import UUID

from functions.api import waits
from functions.api.artifacts import documents_of, review_of, shared_fields
from functions.api.ports import ApiPorts
from functions.api.views import SETTLED, kind_view, pipeline_state, state_of_parts
from functions.pipelines import INTAKE, PIPELINES, SHOWN_PIPELINES
from layers.domain.corrections import review_shown
from layers.domain.page import property_of
from layers.domain.step import ENDED, Pipeline, Step
from layers.ports.catalog import Catalog
from layers.ports.people import TableRow
from layers.ports.rows import RecordOfFile, StepPart

MOST_ROWS = 1000
MOST_KINDS = 2000  # of different combinations of states, which are encoded once
LONGEST_VALUE = 500  # of characters, as in the query `table_rows`
NULL = "null"
UNSETTLED = ("processing", "uploading")
encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def row_texts(ports: ApiPorts, catalog: Catalog, file_ids: Sequence[UUID | str]) -> list[str]:
    """The rows of the live files among these, in this order, as JSON texts. The number of queries is the same for any number
    of files."""
    ids = list(map(str, file_ids))
    candidates = ports.rows.candidates(ids)
    texts = ports.rows.current(catalog.row_versions(candidates)) if candidates else {}
    if others := [file_id for file_id in ids if file_id not in texts]:
        texts |= _made(ports, catalog, others)
    return [texts[file_id] for file_id in ids if file_id in texts]


def _made(ports: ApiPorts, catalog: Catalog, file_ids: Sequence[str]) -> dict[str, str]:
    """The rows of the live files among these, by the file's id."""
    rows = catalog.table_rows(file_ids)
    special = [UUID(row.file_id) for row in rows if row.record_version is not None and not row.is_plain]
    records = {str(record.file_id): record for record in catalog.records_of(special)} if special else {}
    waiting = _waiting(ports, catalog, [row for row in rows if row.state in UNSETTLED])
    texts = {row.file_id: _row(ports, row, records.get(row.file_id), waiting.get(row.file_id, NULL)) for row in rows}
    # Why a file waits changes while nothing is written.
    ports.rows.keep((row.file_id, row.version, texts[row.file_id]) for row in rows if row.state not in UNSETTLED)
    return texts


def with_texts(name: str, texts: Sequence[str], others: Mapping[str, Any]) -> str:
    """The JSON of an object with a list of JSON texts under this name."""
    return f'{{"{name}":[{",".join(texts)}],{encode(others)[1:]}'


def _row(ports: ApiPorts, row: TableRow, record: RecordOfFile | None, waiting: str) -> str:
    media_type = NULL if row.media_type is None else encode_text(row.media_type)
    error = NULL
    if row.error_code:
        error = encode({"step": row.error_step, "code": row.error_code, "detail": row.error_detail})
    return (
        f'{{"id":"{row.file_id}","name":{encode_text(row.name)},"batch_id":"{row.batch_id}","size_bytes":{row.size_bytes},'
        f'"media_type":{media_type},"created_at":"{row.created_at}","updated_at":"{row.updated_at}",'
        f'"state":"{row.state}",{_progress(row.steps or "", row.state)},"waiting":{waiting},"error":{error},'
        f'"labels":{_labels(tuple(row.labels))},"taken_from":{_origin(row)},'
        f'"thumbnail":{_thumbnail(ports, row)},"kind":{_kind(row)},"moved":{_moved(row)},"record":{_record(row, record)}}}'
    )


@lru_cache(maxsize=MOST_KINDS)
def _labels(labels: tuple[str, ...]) -> str:
    return encode(labels)


def _origin(row: TableRow) -> str:
    if row.archive_id is None:
        return NULL
    return encode({"id": row.archive_id, "first_page": row.first_page, "last_page": row.last_page})


@lru_cache(maxsize=MOST_KINDS)
def _progress(steps: str, state: str) -> str:
    """The stage, the state of each pipeline and the number of steps in each state, from `step:state` of each part."""
    parts: dict[str, list[str]] = defaultdict(list)
    for part in steps.split():
        name, _, part_state = part.rpartition(":")
        parts[name].append(part_state)
    shown = {
        pipeline.name: [_state(parts.get(step.name), state) for step in _steps_of(pipeline, parts)]
        for pipeline in SHOWN_PIPELINES
    }
    progress = {
        "stage": _stage(parts, [step.name for step in _steps_of(PIPELINES[0], parts)], shown[PIPELINES[0].name], state),
        "pipelines": {name: pipeline_state(states) for name, states in shown.items()},
        "steps": Counter(step_state for states in shown.values() for step_state in states),
    }
    return encode(progress)[1:-1]


def _steps_of(pipeline: Pipeline, parts: Mapping[str, Sequence[str]]) -> list[Step]:
    """The steps of a pipeline that apply to a file with these parts."""
    return [step for step in pipeline.steps if step.applies is None or step.name in parts]


def _state(states: Sequence[str] | None, file_state: str) -> str:
    if not states:
        return "cancelled" if file_state in SETTLED else "waiting"
    state = state_of_parts(states)
    return "queued" if state == "ready" else state


def _stage(parts: Mapping[str, Sequence[str]], names: Sequence[str], states: Sequence[str], state: str) -> str | None:
    if state != "processing":
        return None
    if any(part != "done" for part in parts.get(INTAKE.name, ())):
        return INTAKE.name
    return next((name for name, shown in zip(names, states, strict=True) if shown not in ENDED), None)


def _waiting(ports: ApiPorts, catalog: Catalog, rows: Sequence[TableRow]) -> dict[str, str]:
    """Why each of these files waits, as JSON text."""
    processed = [UUID(row.file_id) for row in rows if row.state == "processing"]
    steps: dict[str, dict[str, list[StepPart]]] = defaultdict(lambda: defaultdict(list))
    for part in catalog.steps_of(processed) if processed else ():
        steps[str(part.file_id)][part.step].append(part)
    batch_ids = {UUID(row.batch_id) for row in rows if row.state == "processing"}
    view = waits.view(ports, catalog, batch_ids) if batch_ids else None
    return {row.file_id: encode(waits.waiting(view, row.state, UUID(row.batch_id), steps[row.file_id])) for row in rows}


def _kind(row: TableRow) -> str:
    return NULL if row.kind is None else encode(kind_view(row.kind, row.kind_probability, row.kind_by))


def _moved(row: TableRow) -> str:
    return NULL if row.moved is None else encode(row.moved)


def _thumbnail(ports: ApiPorts, row: TableRow) -> str:
    if row.thumbnail_key is None:
        return NULL
    url = ports.objects.presign_get(row.thumbnail_key, None, media_type=row.thumbnail_type)
    width, height = NULL if row.width is None else row.width, NULL if row.height is None else row.height
    return f'{{"url":{encode_text(url)},"width":{width},"height":{height}}}'


def _record(row: TableRow, record: RecordOfFile | None) -> str:
    if row.record_version is None:
        return NULL
    if record is not None:
        return encode(_special_record(record))
    review = review_shown(row.review or "open", row.doubtful != "[]", row.missing != "[]")
    return (
        f'{{"version":{row.record_version},"fields":{row.fields},"cut":{row.cut},"doubtful":{row.doubtful},'
        f'"missing":{row.missing},"set":[],"documents":1,"review":"{review}"}}'
    )


def _special_record(record: RecordOfFile) -> dict[str, Any]:
    """The record of a file with values that a person set, or with several documents."""
    documents = documents_of(record)
    fields = shared_fields(documents)
    cut = [name for name, value in fields.items() if len(encode(value)) > LONGEST_VALUE]
    doubtful = dict.fromkeys(path for document in documents for path in document.doubtful)
    return {
        "version": record.version,
        "fields": {name: value for name, value in fields.items() if name not in cut},
        "cut": cut,
        "doubtful": [path for path in doubtful if property_of(path) in fields],
        "missing": list(dict.fromkeys(path for document in documents for path in document.missing)),
        "set": sorted({name for entries in record.set_values.values() for name in entries}),
        "documents": len(documents),
        "review": review_of(record),
    }
