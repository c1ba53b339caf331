"""The response shapes for people at a page: sessions, corrections, rows, pages and exports."""

from __future__ import annotations

from typing import get_args

from functions.api.file_shapes import ERROR, HAS_MORE, RECORD, REVIEW_SHOWN, STEP_STATES, VERSION
from functions.api.files import STATES
from functions.api.json_schema import (
    ANYTHING,
    BOOLEAN,
    COUNT,
    CURSOR,
    ID,
    NUMBER,
    OBJECT,
    TEXT,
    TIME,
    URL,
    Schema,
    by_name,
    each,
    object_of,
    one_of,
    or_null,
    ref,
)
from functions.api.requests import ROLES
from functions.pipelines import SHOWN_PIPELINES
from layers.domain.page import Source

ONE_TIME_CODE = or_null(TEXT) | {"description": "null in the response to a repeated Idempotency-Key"}

PEOPLE_SHAPES: dict[str, Schema] = {
    "Me": object_of(
        tenant=object_of(id=ID, name=TEXT),
        role=one_of(*ROLES),
        name=or_null(TEXT) | {"description": "of the session's person"},
        expires_at=or_null(TIME) | {"description": "when the session ends; null for other keys"},
        limits=object_of(
            max_file_bytes=COUNT,
            multipart_from_bytes=COUNT | {"description": "files of at least this size are uploaded in parts"},
            files_a_call=COUNT,
            lines_a_manifest=COUNT,
            takes_gzip=BOOLEAN | {"description": "whether a manifest may have the Content-Encoding gzip"},
            undo_window_s=COUNT,
        ),
        reads=object_of(
            ocr=BOOLEAN,
            languages=each(TEXT),
            textract=BOOLEAN,
            extraction=TEXT | {"description": "`rules`, or the kind of language model"},
        ),
    ),
    "SessionCode": object_of(code=ONE_TIME_CODE, role=one_of(*ROLES), expires_at=TIME),
    "Session": object_of(api_key=TEXT, role=one_of(*ROLES), expires_at=TIME),
    "EndedSession": object_of(ended_at=TIME),
    # --- records, rows, pages and exports
    "RecordOfFile": object_of(
        **RECORD, **VERSION, evidence=by_name(ref("Evidence")), review=REVIEW_SHOWN, records=each(ref("Record"))
    ),
    "Senders": object_of(
        senders=each(
            object_of(
                name=TEXT,
                examples=COUNT | {"description": "documents with this name that people have corrected or approved"},
                values=by_name(each(object_of(value=TEXT, examples=COUNT))),
            )
        ),
        alike=each(each(TEXT, minItems=2, maxItems=2)) | {"description": "names that may be the same sender"},
    ),
    "RecordHistory": object_of(changes=each(ref("RecordChange"))),
    "RecordChange": object_of(
        at=TIME,
        action=one_of("set", "reset", "review"),
        document=COUNT,
        field=or_null(TEXT) | {"description": "null for a review"},
        **{"from": ANYTHING, "to": ANYTHING},
        by=one_of("person", "extraction")
        | {"description": "`extraction`: a new extraction changed reviewed values, so that the review is open again"},
        key_id=or_null(ID),
        person=or_null(TEXT) | {"description": "the name in the person's session"},
    ),
    "Reviewed": object_of(
        id=or_null(ID) | {"description": "by which these reviews can be undone; null where none was changed"},
        count=COUNT | {"description": "how many of the files have a record"},
        changed=COUNT | {"description": "how many of them had another review"},
        has_more=HAS_MORE,
    ),
    "UndoneReviews": object_of(
        id=ID,
        count=COUNT | {"description": "how many reviews the request had changed"},
        changed=COUNT | {"description": "how many of them are now as before; the others were changed since then"},
    ),
    "Pages": object_of(
        page_count=COUNT,
        pages=each(ref("Page")),
        next_number=or_null(COUNT) | {"description": "the next page that was read; null after the last one"},
    ),
    "Page": object_of(
        number={"type": "integer", "minimum": 1},
        width=NUMBER | {"description": "in units of the reader; only the ratio matters"},
        height=NUMBER,
        turned=COUNT | {"description": "the degrees clockwise by which the page has to be turned to be upright"},
        source=or_null(one_of(*get_args(Source))),
        confidence=NUMBER,
        image=or_null(object_of(url=URL)),
        image_state=one_of("ready", "drawing", "none", "failed")
        | {"description": "`drawing`: request the page again in a moment; `none`: the page shows no picture"},
        words=each(object_of(text=TEXT, box=each(NUMBER, minItems=4, maxItems=4), confidence=NUMBER))
        | {"description": "in reading order; boxes in fractions of the page as it is shown, origin at the top left"},
        word_count=COUNT | {"description": "larger than the number of `words` if they are too many for a response"},
    ),
    "Row": object_of(
        id=ID,
        name=TEXT,
        batch_id=ID,
        size_bytes=COUNT,
        media_type=or_null(TEXT),
        created_at=TIME,
        updated_at=TIME,
        state=one_of(*STATES),
        stage=or_null(TEXT),
        pipelines=object_of(**{pipeline.name: one_of(*STEP_STATES) for pipeline in SHOWN_PIPELINES}),
        steps=by_name(COUNT, one_of(*STEP_STATES)) | {"description": "the number of steps in each state"},
        waiting=or_null(ref("Waiting")),
        error=or_null(object_of(step=or_null(TEXT), **ERROR["properties"])),
        labels=each(TEXT) | {"description": "those of its batch"},
        taken_from=or_null(ref("TakenFrom")),
        thumbnail=or_null(object_of(url=URL, width=or_null(COUNT), height=or_null(COUNT))),
        kind=or_null(ref("Kind")),
        moved=or_null(ref("LastMove")),
        record=or_null(ref("RowRecord")),
    )
    | {"description": "A file with `view=row`."},
    "RowRecord": object_of(
        version=VERSION["version"],
        fields=OBJECT | {"description": "of several documents, the values that are the same in all"},
        cut=each(TEXT) | {"description": "the values that are too long for a row"},
        doubtful=RECORD["doubtful"],
        missing=RECORD["missing"],
        set=each(TEXT) | {"description": "the values that a person set"},
        documents=COUNT,
        review=one_of("open", "needed", "approved", "rejected"),
    ),
    "Rows": object_of(
        {
            "total": {"anyOf": [COUNT, one_of("more"), {"type": "null"}]}
            | {"description": "on the first page: how many rows match, exact up to 10,000; null: too many to search"},
            "changes_cursor": CURSOR,
        },
        rows=each(ref("Row")),
        next_cursor=or_null(CURSOR)
        | {"description": "a page may have fewer rows than `limit` and still not be the last one"},
    ),
    "Export": object_of(
        id=ID,
        dataset_id=ID,
        format=one_of("csv", "xlsx", "jsonl", "parquet", "zip"),
        names=or_null(TEXT) | {"description": "the template of the paths in a zip file"},
        state=one_of("waiting", "running", "done", "failed"),
        rows=COUNT | {"description": "the rows that are written so far"},
        size_bytes=or_null(COUNT),
        url=or_null(URL) | {"description": "the file, once it is done; null where there are several zip files"},
        archives=each(object_of(name=TEXT, files=COUNT, size_bytes=COUNT, sha256=TEXT, url=URL))
        | {"description": "the zip files of originals, once all are done"},
        manifest_url=or_null(URL) | {"description": "CSV: the path of each original in the zip files, and its record"},
        error=or_null(object_of(code=TEXT, detail=TEXT)),
        created_at=TIME,
        ended_at=or_null(TIME),
    ),
}
