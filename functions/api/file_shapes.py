"""The response shapes of datasets, uploads, files, records and removals."""

from __future__ import annotations

from typing import get_args

from functions.api.artifacts import KINDS, facts_of
from functions.api.files import STATES
from functions.api.json_schema import (
    BOOLEAN,
    COUNT,
    CURSOR,
    ID,
    NUMBER,
    OBJECT,
    SHA256,
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
from functions.api.views import FOREMOST
from functions.pipelines import SHOWN_PIPELINES
from layers.domain.extraction.values import DateOrder
from layers.domain.file import ReadingLevel, Several
from layers.domain.kinds.decision import KindBy
from layers.domain.kinds.rules import Kind as KindName
from layers.domain.page import Source
from layers.domain.retention import OPTIONS
from layers.domain.step import RECORD as RECORD_KIND
from layers.domain.step import ArtifactKind

STEP_STATES = [state for state in FOREMOST if state != "ready"]  # shown as queued
BY_STATE = by_name(COUNT, one_of(*STATES))
SECONDS = each(NUMBER, minItems=2, maxItems=2) | {"description": "from, to"}
ERROR = object_of(code=TEXT, detail=or_null(TEXT))
RECORD = {
    "id": ID,
    "fields": OBJECT,
    "complete": BOOLEAN,
    "missing": each(TEXT) | {"description": "what the record lacks: required values, unread pages, lost content"},
    "doubtful": each(TEXT) | {"description": "the values that may be wrong although the file shows them"},
    "notes": each(TEXT) | {"description": "sentences about how the file was read"},
    "schema_version": COUNT,
    "by": by_name(one_of("person", "memory", "rules", "model"))
    | {"description": "who each value is from; `memory`: from corrected or approved records of the same sender"},
}
REVIEW_SHOWN = or_null(one_of("open", "needed", "approved", "rejected")) | {
    "description": "`needed`: open, and the record has doubtful or missing values; null without a record"
}
REVIEW = one_of("open", "approved", "rejected")
FILE_OR_ROW: Schema = {"anyOf": [ref("File"), ref("Row")]}
HAS_MORE = BOOLEAN | {"description": "more files may fulfil the conditions; repeat the request for them"}
VERSION = {"version": {"type": "integer", "minimum": 1}}


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
    return object_of(url=URL, **{name: FACTS[field] for name, field in facts_of(kind).items()})


LINE = COUNT | {"description": "the number of the line in the manifest, from 0"}
DUPLICATES = each(object_of(line=LINE, duplicate_of=ID))

FILE_SHAPES: dict[str, Schema] = {
    # --- datasets
    "Dataset": object_of(
        id=ID,
        name=TEXT,
        schema=OBJECT | {"description": "the JSON Schema of its records"},
        schema_version={"type": "integer", "minimum": 1},
        when_textract_is_down=one_of("best_reading", "wait"),
        languages=each(TEXT, minItems=1),
        date_order=one_of(*get_args(DateOrder)),
        several=one_of(*get_args(Several)),
        sure_from=NUMBER,
        reading=one_of(*get_args(ReadingLevel)),
        retention=by_name({"type": "integer", "minimum": 1}, one_of(*OPTIONS.values()))
        | {"description": "for how many days a file's parts are kept; without a number for good"},
        routing=by_name(ID, one_of(*get_args(KindName)))
        | {"description": "the dataset to which files of each kind are sent; the others stay"},
        counts=object_of(files=COUNT, by_state=BY_STATE, as_of=TIME),
        created_at=TIME,
    ),
    "Datasets": object_of(datasets=each(ref("Dataset")), next_cursor=or_null(CURSOR)),
    # --- uploads
    "Upload": {
        "oneOf": [
            object_of(method=one_of("PUT"), url=URL, headers=by_name(TEXT), expires_at=TIME)
            | {"description": "PUT the bytes to `url`, with all of `headers`."},
            object_of(method=one_of("MULTIPART"), part_size_bytes=COUNT, part_count=COUNT)
            | {"description": "Request the URLs of the parts, PUT the bytes of each, then complete the upload."},
        ]
    },
    "SignedParts": object_of(
        parts=each(object_of(part_number=COUNT, url=URL, expires_at=TIME))
        | {"description": "PUT `part_size_bytes` bytes to each `url`; the last part has the rest"},
    ),
    "ArrivedParts": object_of(parts=each(object_of(part_number=COUNT, size_bytes=COUNT))),
    "FileUpload": object_of(
        {"duplicate_of": ID},
        id=or_null(ID),
        name=TEXT,
        state=one_of("uploading", "duplicate"),
        upload=or_null(ref("Upload")),
    ),
    "BatchUploads": object_of(id=ID, dataset_id=ID, created_at=TIME, files=each(ref("FileUpload"))),
    "Manifest": object_of(
        {
            "duplicates": DUPLICATES | {"description": "the first duplicate lines, of a new manifest"},
            "next_cursor": or_null(CURSOR) | {"description": "for more duplicate lines, of a new manifest"},
            "counts": object_of(files=COUNT, by_state=BY_STATE),
        },
        id=ID,
        dataset_id=ID,
        batch_id=ID,
        created_at=TIME,
        deadline_at=TIME | {"description": "files that have not arrived by then become `upload_missing`"},
        lines=COUNT,
        taken=COUNT
        | {"description": "the first lines, which have files or are duplicates; `lines` once all are taken"},
        files=COUNT,
        duplicate_lines=COUNT,
    ),
    "DuplicateLines": object_of(duplicates=DUPLICATES, next_cursor=or_null(CURSOR)),
    "ManifestUploads": object_of(
        uploads=each(object_of(line=LINE, id=ID, name=TEXT, upload=ref("Upload"))),
        next_cursor=or_null(CURSOR),
    ),
    "Progress": object_of(done=COUNT, total=COUNT, unit=one_of("file", "page", "window")),
    "Batch": object_of(
        id=ID,
        dataset_id=ID,
        name=or_null(TEXT),
        created_at=TIME,
        cancelled_at=or_null(TIME),
        priority=one_of("normal", "low"),
        separation=or_null(ref("Separation")),
        labels=each(TEXT),
        counts=object_of(files=COUNT, by_state=BY_STATE),
        progress=ref("Progress"),
        eta_s=or_null(SECONDS),
    ),
    "Batches": object_of(batches=each(ref("Batch")), next_cursor=or_null(CURSOR)),
    "Separation": object_of(
        separators=each(TEXT), first_pages=each(TEXT), blank_pages=one_of("keep", "drop", "separate")
    )
    | {"description": "how scans are separated into files of their own"},
    # --- files
    "Step": object_of(
        {
            "started_at": or_null(TIME),
            "ended_at": or_null(TIME),
            "reason": TEXT,
            "error": ERROR,
            "progress": ref("Progress"),
        },
        step=one_of(*(step.name for pipeline in SHOWN_PIPELINES for step in pipeline.steps)),
        state=one_of(*STEP_STATES),
        attempts=COUNT,
    ),
    "Pipeline": object_of(state=one_of(*STEP_STATES), steps=each(ref("Step"))),
    "Waiting": object_of(
        reason=one_of("fair_share", "dependency_down", "rate_limited", "retry_backoff", "quota", "at_work", "upload"),
        detail=TEXT | {"description": "the same as a sentence, for the file's owner"},
        position=or_null(COUNT) | {"description": "how many of your own files are ahead"},
        eta_s=or_null(SECONDS),
    ),
    "Evidence": object_of(
        {
            "confidence": NUMBER | {"description": "confidence of the reading, 0 to 100"},
            "probability": NUMBER | {"description": "of the values with 90, about 90 of 100 are right"},
        },
        page={"type": "integer", "minimum": 1},
        text=or_null(TEXT),
        box=or_null(each(NUMBER, minItems=4, maxItems=4)),
    )
    | {"description": "Where a value is on the page; `box` in fractions of the page, origin at the top left."},
    "Record": object_of(**RECORD, **VERSION, evidence=by_name(ref("Evidence"))),
    "Artifacts": object_of(
        {"similar": each(ref("Similar")) | {"description": "of a single file: the most similar first, at most 10"}},
        **{RECORD_KIND.name: or_null(ref("Record"))},
        **{name: or_null(ref(artifact_shape(name))) for name in KINDS},
        original=or_null(ref("Original")),
    ),
    **{artifact_shape(name): _artifact(kind) for name, kind in KINDS.items()},
    "Original": object_of(url=URL),
    "Similar": object_of(
        file_id=ID,
        name=TEXT,
        picture=or_null(NUMBER)
        | {"description": "how much of the first pages' pictures is the same, 0 to 1; null where one has none"},
        fields=each(TEXT) | {"description": "the values that are the same in both records"},
    )
    | {"description": "A file of the dataset that is likely the same document. Nothing is done about it."},
    "File": object_of(
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
        modified_at=or_null(TIME) | {"description": "when it was last changed where it came from, by its manifest"},
        state=one_of(*STATES) | {"description": "depends on the main pipeline only"},
        stage=or_null(TEXT) | {"description": "the main pipeline's current step; null after its end"},
        pipelines=object_of(**{pipeline.name: ref("Pipeline") for pipeline in SHOWN_PIPELINES}),
        waiting=or_null(ref("Waiting")),
        error=or_null(object_of(step=or_null(TEXT), **ERROR["properties"])),
        artifacts=ref("Artifacts"),
        review=REVIEW_SHOWN,
        taken_from=or_null(ref("TakenFrom")),
        separated=or_null(ref("Separated")),
        kind=or_null(ref("Kind")),
        moved=or_null(ref("LastMove")),
        records=each(ref("Record"))
        | {
            "description": "one for each document in the file; `artifacts.record` has only the values that are the same in all of them"
        },
    ),
    "TakenFrom": object_of(id=ID, first_page=or_null(COUNT), last_page=or_null(COUNT))
    | {"description": "the archive, the mail or the scan that a file comes from; of a scan, its pages there"},
    "LastMove": object_of(**{"from": ID, "by": one_of("rule", "person"), "at": TIME})
    | {"description": "the last move of a file from another dataset"},
    "Kind": object_of(
        name=one_of(*get_args(KindName)),
        probability=NUMBER | {"description": "of the files with 90, about 90 of 100 are of this kind"},
        doubtful=BOOLEAN | {"description": "it is not sure enough for a rule"},
        by=one_of(*get_args(KindBy)) | {"description": "`learnt`: by the rules and by what moves have taught"},
    )
    | {"description": "what a file was recognised as; null in a dataset without `routing`"},
    "Moved": object_of(
        id=or_null(ID) | {"description": "by which these moves can be undone; null where none was made"},
        count=COUNT,
        not_moved=each(object_of(id=ID, reason=TEXT)),
        has_more=HAS_MORE,
    ),
    "MovedBack": object_of(id=ID, count=COUNT, not_moved=each(object_of(id=ID, reason=TEXT))),
    "Routing": object_of(
        rules=by_name(object_of(dataset_id=ID, name=or_null(TEXT) | {"description": "null if it was removed"})),
        taught=by_name(COUNT) | {"description": "how many files people have moved or approved, by kind"},
        model=object_of(is_used=BOOLEAN, rules=ref("KindTally"), learnt=ref("KindTally"))
        | {"description": "the built-in rules and the learnt model, each document decided as if it had not taught"},
    ),
    "KindTally": object_of(right=COUNT, wrong=COUNT, undecided=COUNT),
    "Separated": object_of(
        files=each(object_of(id=or_null(ID), pages=each(COUNT)))
        | {"description": "`id` is null if the file was removed, or if the dataset had its content already"},
        left_out=each(object_of(page=COUNT, why=one_of("separator", "blank"), ink=NUMBER, text=or_null(TEXT))),
        reason=TEXT,
    )
    | {"description": "what a scan was separated into; no `files` if it stays one file"},
    "Files": object_of(
        {"changes_cursor": CURSOR | {"description": "on the first page: the cursor for later changes"}},
        files=each(FILE_OR_ROW),
        next_cursor=or_null(CURSOR),
    ),
    "Changes": object_of(
        files=each(FILE_OR_ROW), removed=each(ID), cursor=CURSOR, has_more=BOOLEAN, poll_after_s=NUMBER | {"minimum": 0}
    ),
    "History": object_of(attempts=each(ref("Attempt"))),
    "Attempt": object_of(
        {"used": by_name(COUNT) | {"description": "use of services that charge for each call: calls, pages, tokens"}},
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
    "Redriven": object_of(id=ID, step=TEXT),
    "RedrivenMany": object_of(count=COUNT, has_more=HAS_MORE),
    # --- records and removals
    "RecordRow": object_of(file_id=ID, file_name=TEXT, **RECORD, review=REVIEW),
    "Records": object_of(schema_version=COUNT, records=each(ref("RecordRow")), next_cursor=or_null(CURSOR)),
    "RemovalStarted": object_of(
        {"has_more": HAS_MORE},
        id=ID,
        count=COUNT,
        not_found=each(ID) | {"description": "listed files that are not in the dataset, or were removed before"},
        undo_window_s=COUNT,
    ),
    "Removals": object_of(removals=each(ref("Removal")), next_cursor=or_null(CURSOR)),
    "Removal": object_of(
        id=ID,
        dataset_id=ID,
        dataset_name=or_null(TEXT) | {"description": "null once the dataset is erased"},
        file_names=each(TEXT) | {"description": "up to three of its files, while they can be brought back"},
        whole_dataset=BOOLEAN,
        count=COUNT,
        created_at=TIME,
        undo_until=TIME,
        undone_at=or_null(TIME),
        erased_at=or_null(TIME),
        swept_at=or_null(TIME)
        | {"description": "when the objects were erased a second time, after the last URL and lease had expired"},
        objects_erased=COUNT,
        rows_erased=COUNT,
    ),
    "Plans": object_of(plans=each(ref("Plan")), next_cursor=or_null(CURSOR)),
    "Plan": object_of(
        id=ID,
        dataset_id=ID,
        state=one_of("planning", "planned", "applying", "applied", "rolling_back", "rolled_back"),
        schema=or_null(OBJECT),
        reading=or_null(one_of(*get_args(ReadingLevel))),
        extraction=OBJECT | {"description": "the settings of extraction that the plan changes"},
        where=OBJECT,
        sample=or_null(COUNT),
        schema_version=or_null(COUNT) | {"description": "of the applied schema, if the plan has one"},
        estimate=or_null(
            object_of(
                files=COUNT, cost_s=NUMBER | {"description": "the time of all steps on one slot"}, paid_steps=each(TEXT)
            )
        ),
        dry_run=ref("Comparison"),
        applied=ref("Comparison"),
        shards=object_of(done=COUNT, total=COUNT),
        created_at=TIME,
        **{"from": one_of("extraction", "ocr", "text")},
    ),
    "Comparison": object_of(
        files=COUNT | {"description": "files that were compared"},
        failed=COUNT,
        skipped=COUNT | {"description": "files that can't be compared before, or that could not run again"},
        records=object_of(before=COUNT, after=COUNT),
        fields=by_name(ref("FieldChanges")),
    ),
    "FieldChanges": object_of(
        same=COUNT,
        changed=COUNT,
        appeared=COUNT,
        vanished=COUNT,
        doubtful_before=COUNT,
        doubtful_after=COUNT,
        examples=each(object_of(file_id=ID, kind=one_of("changed", "appeared", "vanished"), before={}, after={})),
    ),
    "Purges": object_of(purges=each(ref("Purge")), next_cursor=or_null(CURSOR)),
    "Purge": object_of(
        id=ID,
        job_id=ID,
        kind=one_of(*OPTIONS),
        files=COUNT,
        objects=COUNT | {"description": "deleted objects; of `records` the removals count them"},
        removal_ids=each(ID) | {"description": "of `records`: the removals that erase the files"},
        created_at=TIME,
    ),
}
