"""The shapes of datasets, uploads, files, records and removals."""

from __future__ import annotations

from typing import get_args

from functions.api.artifacts import KINDS, facts_of
from functions.api.files import STATES
from functions.api.json_schema import (
    COUNT,
    CURSOR,
    ID,
    NUMBER,
    OBJECT,
    SHA256,
    TEXT,
    TIME,
    TRUTH,
    URL,
    Schema,
    by_name,
    each,
    one_of,
    or_null,
    ref,
    thing,
)
from functions.api.views import FOREMOST
from functions.pipelines import PIPELINES
from layers.domain.extraction.values import DateOrder
from layers.domain.file import Several
from layers.domain.page import Source
from layers.domain.step import RECORD as RECORD_KIND
from layers.domain.step import ArtifactKind

STEP_STATES = [state for state in FOREMOST if state != "ready"]  # shown as queued
BY_STATE = by_name(COUNT, one_of(*STATES))
SECONDS = each(NUMBER, minItems=2, maxItems=2) | {"description": "from, to"}
ERROR = thing(code=TEXT, detail=or_null(TEXT))
RECORD = {
    "id": ID,
    "fields": OBJECT,
    "complete": TRUTH,
    "missing": each(TEXT) | {"description": "what the record lacks"},
    "doubtful": each(TEXT) | {"description": "the values that may be wrong although the file shows them"},
    "notes": each(TEXT) | {"description": "what the reader of the record should know of the file's reading"},
    "schema_version": COUNT,
}


def artifact_shape(kind: str) -> str:
    """The name of the shape of a kind of artifact."""
    return f"{kind.title().replace('_', '')}Artifact"


# The shape of each field of an artifact that a kind may show.
FACTS: dict[str, Schema] = {
    "media_type": TEXT,
    "size_bytes": COUNT,
    "width": or_null(COUNT),
    "height": or_null(COUNT),
    "page_count": or_null(COUNT),
    "source": or_null(one_of(*get_args(Source))),
    "confidence": or_null(NUMBER),
}


def _artifact(kind: ArtifactKind) -> Schema:
    return thing(url=URL, **{name: FACTS[field] for name, field in facts_of(kind).items()})


FILE_SHAPES: dict[str, Schema] = {
    # --- datasets
    "Dataset": thing(
        id=ID,
        name=TEXT,
        schema=OBJECT | {"description": "the JSON Schema of its records"},
        schema_version={"type": "integer", "minimum": 1},
        when_textract_is_down=one_of("best_reading", "wait"),
        languages=each(TEXT, minItems=1),
        date_order=one_of(*get_args(DateOrder)),
        several=one_of(*get_args(Several)),
        counts=thing(files=COUNT, by_state=BY_STATE, as_of=TIME),
        created_at=TIME,
    ),
    "Datasets": thing(datasets=each(ref("Dataset")), next_cursor=or_null(CURSOR)),
    # --- uploads
    "Upload": {
        "oneOf": [
            thing(method=one_of("PUT"), url=URL, headers=by_name(TEXT), expires_at=TIME)
            | {"description": "PUT the bytes to `url`, with all of `headers`."},
            thing(method=one_of("MULTIPART"), part_size_bytes=COUNT, part_count=COUNT)
            | {"description": "Request the URLs of the parts, PUT the bytes of each, then complete the upload."},
        ]
    },
    "SignedParts": thing(
        parts=each(thing(part_number=COUNT, url=URL, expires_at=TIME))
        | {"description": "PUT `part_size_bytes` bytes to each `url`; the last part has the rest"},
    ),
    "ArrivedParts": thing(parts=each(thing(part_number=COUNT, size_bytes=COUNT))),
    "FileUpload": thing(
        {"duplicate_of": ID},
        id=or_null(ID),
        name=TEXT,
        state=one_of("uploading", "duplicate"),
        upload=or_null(ref("Upload")),
    ),
    "BatchUploads": thing(id=ID, dataset_id=ID, created_at=TIME, files=each(ref("FileUpload"))),
    "Progress": thing(done=COUNT, total=COUNT, unit=one_of("file", "page", "window")),
    "Batch": thing(
        id=ID,
        dataset_id=ID,
        created_at=TIME,
        cancelled_at=or_null(TIME),
        priority=one_of("normal", "low"),
        counts=thing(files=COUNT, by_state=BY_STATE),
        progress=ref("Progress"),
        eta_s=or_null(SECONDS),
    ),
    # --- files
    "Step": thing(
        {
            "started_at": or_null(TIME),
            "ended_at": or_null(TIME),
            "reason": TEXT,
            "error": ERROR,
            "progress": ref("Progress"),
        },
        step=one_of(*(step.name for pipeline in PIPELINES for step in pipeline.steps)),
        state=one_of(*STEP_STATES),
        attempts=COUNT,
    ),
    "Pipeline": thing(state=one_of(*STEP_STATES), steps=each(ref("Step"))),
    "Waiting": thing(
        reason=one_of("fair_share", "dependency_down", "rate_limited", "retry_backoff", "quota", "at_work", "upload"),
        detail=TEXT | {"description": "the same as a sentence, for the file's owner"},
        position=or_null(COUNT) | {"description": "how many of your own files are ahead"},
        eta_s=or_null(SECONDS),
    ),
    "Evidence": thing(
        {"confidence": NUMBER | {"description": "confidence of the reading, 0 to 100"}},
        page={"type": "integer", "minimum": 1},
        text=TEXT,
        box=or_null(each(NUMBER, minItems=4, maxItems=4)),
    )
    | {"description": "Where a value is on the page; `box` in fractions of the page, origin at the top left."},
    "Record": thing(**RECORD, evidence=by_name(ref("Evidence"))),
    "Artifacts": thing(
        **{RECORD_KIND.name: or_null(ref("Record"))},
        **{name: or_null(ref(artifact_shape(name))) for name in KINDS},
        original=or_null(ref("Original")),
    ),
    **{artifact_shape(name): _artifact(kind) for name, kind in KINDS.items()},
    "Original": thing(url=URL),
    "File": thing(
        id=ID,
        name=TEXT,
        batch_id=ID,
        dataset_id=ID,
        size_bytes=COUNT,
        media_type=or_null(TEXT),
        sha256=or_null(SHA256),
        created_at=TIME,
        uploaded_at=or_null(TIME),
        updated_at=TIME,
        state=one_of(*STATES) | {"description": "depends on the main pipeline only"},
        stage=or_null(TEXT) | {"description": "the main pipeline's current step; null after its end"},
        pipelines=thing(**{pipeline.name: ref("Pipeline") for pipeline in PIPELINES}),
        waiting=or_null(ref("Waiting")),
        error=or_null(thing(step=or_null(TEXT), **ERROR["properties"])),
        artifacts=ref("Artifacts"),
        records=each(ref("Record"))
        | {
            "description": "one for each document in the file; `artifacts.record` has only the values that are the same in all of them"
        },
    ),
    "Files": thing(
        {"changes_cursor": CURSOR | {"description": "on the first page: the cursor for later changes"}},
        files=each(ref("File")),
        next_cursor=or_null(CURSOR),
    ),
    "Changes": thing(
        files=each(ref("File")), removed=each(ID), cursor=CURSOR, has_more=TRUTH, poll_after_s=NUMBER | {"minimum": 0}
    ),
    "History": thing(attempts=each(ref("Attempt"))),
    "Attempt": thing(
        {"used": by_name(COUNT) | {"description": "use of services that are paid by the call: calls, pages, tokens"}},
        step=TEXT,
        part=COUNT,
        attempt=COUNT,
        started_at=TIME,
        ended_at=TIME,
        outcome=one_of("done", "skipped", "retried", "snoozed", "parked", "failed", "lost", "cancelled"),
        error=or_null(ERROR),
        cost_s=NUMBER,
        host=or_null(TEXT),
    ),
    "Redriven": thing(id=ID, step=TEXT),
    "Count": thing(count=COUNT),
    # --- records and removals
    "RecordRow": thing(file_id=ID, file_name=TEXT, **RECORD),
    "Records": thing(schema_version=COUNT, records=each(ref("RecordRow")), next_cursor=or_null(CURSOR)),
    "RemovalStarted": thing(
        id=ID,
        count=COUNT,
        not_found=each(ID) | {"description": "listed files that are not in the dataset, or were removed before"},
        undo_window_s=COUNT,
    ),
    "Removal": thing(
        id=ID,
        count=COUNT,
        created_at=TIME,
        undo_until=TIME,
        undone_at=or_null(TIME),
        erased_at=or_null(TIME),
        swept_at=or_null(TIME)
        | {"description": "when everything was erased a second time, after the last URL and lease had expired"},
        objects_erased=COUNT,
        rows_erased=COUNT,
    ),
}
