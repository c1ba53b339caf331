"""The shapes of what the API answers, as JSON Schema: what `views` and the handlers make, told to clients."""

from __future__ import annotations

from typing import Any, get_args

from functions.api.files import STATES
from functions.api.problems import TITLES
from functions.api.requests import ROLES
from functions.api.views import FOREMOST
from functions.pipelines import PIPELINES, STEPS
from layers.domain.breaker import Mode
from layers.domain.page import Source

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
ID: Schema = {"type": "string", "description": "opaque"}
URL: Schema = {"type": "string", "format": "uri", "description": "presigned and short-lived"}
TIME: Schema = {"type": "string", "format": "date-time", "description": "RFC 3339, in UTC"}
COUNT: Schema = {"type": "integer", "minimum": 0}
NUMBER: Schema = {"type": "number"}
TRUTH: Schema = {"type": "boolean"}
OBJECT: Schema = {"type": "object"}
CURSOR: Schema = {"type": "string", "description": "where the listing goes on; opaque"}
SHA256: Schema = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
STEP_STATES = [state for state in FOREMOST if state != "ready"]  # shown as queued


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def one_of(*words: str) -> Schema:
    return {"type": "string", "enum": list(words)}


def each(schema: Schema, **limits: int) -> Schema:
    return {"type": "array", "items": schema, **limits}


def or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]} if "$ref" in schema or "enum" in schema else _typed_or_null(schema)


def thing(sometimes: Schema | None = None, /, **always: Schema) -> Schema:
    """An object: `always` names what every one has, `sometimes` what some have besides."""
    return {"type": "object", "properties": {**always, **(sometimes or {})}, "required": list(always)}


def by_name(schema: Schema, names: Schema | None = None) -> Schema:
    return {"type": "object", "additionalProperties": schema, **({"propertyNames": names} if names else {})}


def _typed_or_null(schema: Schema) -> Schema:
    return {**schema, "type": [schema["type"], "null"]}


BY_STATE = by_name(COUNT, one_of(*STATES))
SECONDS = each(NUMBER, minItems=2, maxItems=2) | {"description": "from, to"}
ERROR = thing(code=TEXT, detail=or_null(TEXT))
TENANT = {"id": ID, "name": TEXT, "weight": NUMBER, "quota": OBJECT, "created_at": TIME}
KEY = {"id": ID, "tenant_id": ID, "role": one_of(*ROLES), "created_at": TIME, "revoked_at": or_null(TIME)}
API_KEY = or_null(TEXT) | {"description": "shown once; null when an Idempotency-Key is answered again"}
RECORD = {"id": ID, "fields": OBJECT, "complete": TRUTH, "missing": each(TEXT), "schema_version": COUNT}

SHAPES: dict[str, Schema] = {
    "Problem": thing(
        {"errors": each(thing(pointer=TEXT, detail=TEXT)) | {"description": "the parts of the input at fault"}},
        type={"type": "string", "format": "uri-reference"},
        title=TEXT,
        status={"type": "integer", "minimum": 400, "maximum": 599},
        detail=TEXT,
        code=one_of(*TITLES),
    ),
    "Health": thing(
        status=one_of("ok", "degraded"),
        dependencies=by_name(thing({"detail": TEXT, "breaker": ref("Breaker")}, state=one_of("up", "down", "unknown"))),
    ),
    "Breaker": thing(state=one_of(*Mode), next_probe_at=or_null(TIME), reason=or_null(TEXT)),
    # --- datasets
    "Dataset": thing(
        id=ID,
        name=TEXT,
        schema=OBJECT | {"description": "the JSON Schema of its records"},
        schema_version={"type": "integer", "minimum": 1},
        when_textract_is_down=one_of("best_reading", "wait"),
        languages=each(TEXT, minItems=1),
        counts=thing(files=COUNT, by_state=BY_STATE, as_of=TIME),
        created_at=TIME,
    ),
    "Datasets": thing(datasets=each(ref("Dataset")), next_cursor=or_null(CURSOR)),
    # --- uploads
    "Upload": {
        "oneOf": [
            thing(method=one_of("PUT"), url=URL, headers=by_name(TEXT), expires_at=TIME)
            | {"description": "Send the bytes to `url`, with every one of `headers`."},
            thing(method=one_of("MULTIPART"), part_size_bytes=COUNT, part_count=COUNT)
            | {"description": "Ask for the URLs of parts, send each its bytes, and complete the upload."},
        ]
    },
    "SignedParts": thing(
        parts=each(thing(part_number=COUNT, url=URL, expires_at=TIME))
        | {"description": "PUT its bytes to each `url`: `part_size_bytes`, or what is left for the last"},
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
        detail=TEXT | {"description": "the same in words, for the file's owner"},
        position=or_null(COUNT) | {"description": "files of your own that are ahead"},
        eta_s=or_null(SECONDS),
    ),
    "Evidence": thing(
        {"confidence": NUMBER | {"description": "how surely the words were read, 0 to 100"}},
        page={"type": "integer", "minimum": 1},
        text=TEXT,
        box=or_null(each(NUMBER, minItems=4, maxItems=4)),
    )
    | {"description": "Where a value stands; `box` in fractions of the page, origin top left."},
    "Record": thing(**RECORD, evidence=by_name(ref("Evidence"))),
    "Artifacts": thing(
        record=or_null(ref("Record")),
        text=or_null(ref("TextArtifact")),
        preview=or_null(ref("PreviewArtifact")),
        thumbnail=or_null(ref("ThumbnailArtifact")),
        original=or_null(ref("Original")),
    ),
    "TextArtifact": thing(
        url=URL, source=or_null(one_of(*get_args(Source))), pages=or_null(COUNT), confidence=or_null(NUMBER)
    ),
    "PreviewArtifact": thing(url=URL, media_type=TEXT, pages=or_null(COUNT)),
    "ThumbnailArtifact": thing(url=URL, media_type=TEXT, width=or_null(COUNT), height=or_null(COUNT)),
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
        state=one_of(*STATES) | {"description": "follows the main pipeline alone"},
        stage=or_null(TEXT) | {"description": "the main pipeline's current step; null once it ended"},
        pipelines=thing(**{pipeline.name: ref("Pipeline") for pipeline in PIPELINES}),
        waiting=or_null(ref("Waiting")),
        error=or_null(thing(step=or_null(TEXT), **ERROR["properties"])),
        artifacts=ref("Artifacts"),
    ),
    "Files": thing(
        {"changes_cursor": CURSOR | {"description": "of the first page: where changes begin"}},
        files=each(ref("File")),
        next_cursor=or_null(CURSOR),
    ),
    "Changes": thing(
        files=each(ref("File")), removed=each(ID), cursor=CURSOR, has_more=TRUTH, poll_after_s=NUMBER | {"minimum": 0}
    ),
    "History": thing(attempts=each(ref("Attempt"))),
    "Attempt": thing(
        {"used": by_name(COUNT) | {"description": "of services that are paid by the call: calls, pages, tokens"}},
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
    "RemovalStarted": thing(id=ID, count=COUNT, undo_window_s=COUNT),
    "Removal": thing(
        id=ID,
        count=COUNT,
        created_at=TIME,
        undo_until=TIME,
        undone_at=or_null(TIME),
        erased_at=or_null(TIME),
        swept_at=or_null(TIME) | {"description": "when the last URL and lease had expired, and all was erased again"},
        objects_erased=COUNT,
        rows_erased=COUNT,
    ),
    # --- operations
    "Operations": thing(
        as_of=TIME,
        tenant_id=or_null(ID) | {"description": "whose figures these are; null: everybody's"},
        steps=by_name(ref("StepGoingOn"), one_of(*STEPS)),
        dependencies=by_name(ref("Breaker")),
        budgets=by_name(ref("Budget")),
        lanes=each(ref("Lane")) | {"description": "those with most to do"},
        quota=or_null(thing(allowed=by_name(COUNT), used=by_name(COUNT))),
    ),
    "StepGoingOn": thing(
        ready=COUNT | {"description": "parts that wait for their turn, as last looked at"},
        queued=COUNT,
        running=COUNT,
        retrying=COUNT,
        parked=COUNT,
        oldest_s=or_null(NUMBER) | {"description": "for how long the oldest ready part has waited"},
        done_a_minute=NUMBER,
        failed_a_minute=NUMBER,
        error_rate=or_null(NUMBER) | {"description": "of attempts within five minutes: failed, retried or lost"},
        duration_s=or_null(thing(p50=NUMBER, p95=NUMBER)),
        concurrency=or_null(COUNT),
    ),
    "Budget": thing(full_per_s=NUMBER, per_s=NUMBER, room=COUNT, wait_s=NUMBER)
    | {"description": "what a service outside bears: units a second at most and now, parts that may be dispatched"},
    "Lane": thing(
        step=one_of(*STEPS),
        tenant_id=ID,
        tenant=TEXT,
        weight=NUMBER,
        batches=COUNT,
        files=COUNT,
        parts=COUNT,
        cost_s=NUMBER,
        oldest_s=NUMBER,
    ),
    "Tenant": thing(**TENANT),
    "TenantMade": thing(**TENANT, api_key=API_KEY),
    "Tenants": thing(tenants=each(ref("Tenant")), next_cursor=or_null(CURSOR)),
    "Key": thing(**KEY),
    "KeyMade": thing(**KEY, api_key=API_KEY),
    "Keys": thing(keys=each(ref("Key"))),
    "DeadLetter": thing(
        file_id=ID,
        dataset_id=ID,
        tenant_id=ID,
        step=one_of(*STEPS),
        code=or_null(TEXT),
        detail=or_null(TEXT),
        attempts=COUNT,
        given_up_at=or_null(TIME),
    ),
    "DeadLetters": thing(
        dead_letters=each(ref("DeadLetter")),
        count=COUNT,
        count_is_exact=TRUTH,
        by_code=by_name(COUNT),
        next_cursor=or_null(CURSOR),
    ),
    "DeadRedriven": thing(count=COUNT, has_more=TRUTH),
    "Audit": thing(
        accepted=COUNT,
        terminal=COUNT,
        in_flight=COUNT,
        lost=COUNT,
        doubled=COUNT,
        findings=by_name(COUNT) | {"description": "what does not add up, by name"},
        balanced=TRUTH,
        objects=or_null(thing(as_of=TIME, checked=COUNT, findings=OBJECT))
        | {"description": "the last walk through the bucket; for an admin alone"},
    ),
    "Contract": OBJECT | {"description": "an OpenAPI 3.1 document"},
}
