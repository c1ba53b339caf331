"""The shapes of the API's responses, as JSON Schema."""

from __future__ import annotations

from typing import Any, get_args

from functions.api.artifacts import KINDS, facts_of
from functions.api.files import STATES
from functions.api.problems import TITLES
from functions.api.requests import ROLES
from functions.api.views import FOREMOST
from functions.pipelines import PIPELINES, STEPS
from layers.domain.breaker import Mode
from layers.domain.page import Source
from layers.domain.step import RECORD as RECORD_KIND
from layers.domain.step import ArtifactKind

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
ID: Schema = {"type": "string", "description": "opaque"}
URL: Schema = {"type": "string", "format": "uri", "description": "presigned and short-lived"}
TIME: Schema = {"type": "string", "format": "date-time", "description": "RFC 3339, in UTC"}
COUNT: Schema = {"type": "integer", "minimum": 0}
NUMBER: Schema = {"type": "number"}
TRUTH: Schema = {"type": "boolean"}
OBJECT: Schema = {"type": "object"}
CURSOR: Schema = {"type": "string", "description": "the position where the listing continues; opaque"}
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
    """An object: `always` has its required properties, `sometimes` the optional ones."""
    return {"type": "object", "properties": {**always, **(sometimes or {})}, "required": list(always)}


def by_name(schema: Schema, names: Schema | None = None) -> Schema:
    return {"type": "object", "additionalProperties": schema, **({"propertyNames": names} if names else {})}


def _typed_or_null(schema: Schema) -> Schema:
    return {**schema, "type": [schema["type"], "null"]}


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


BY_STATE = by_name(COUNT, one_of(*STATES))
SECONDS = each(NUMBER, minItems=2, maxItems=2) | {"description": "from, to"}
ERROR = thing(code=TEXT, detail=or_null(TEXT))
TENANT = {"id": ID, "name": TEXT, "weight": NUMBER, "quota": OBJECT, "created_at": TIME}
KEY = {"id": ID, "tenant_id": ID, "role": one_of(*ROLES), "created_at": TIME, "revoked_at": or_null(TIME)}
API_KEY = or_null(TEXT) | {"description": "shown once; null in the answer to a repeated Idempotency-Key"}
RECORD = {
    "id": ID,
    "fields": OBJECT,
    "complete": TRUTH,
    "missing": each(TEXT) | {"description": "what the record lacks"},
    "doubtful": each(TEXT) | {"description": "the values that may be wrong although the file shows them"},
    "notes": each(TEXT) | {"description": "what the reader of the record should know of the file's reading"},
    "schema_version": COUNT,
}

SHAPES: dict[str, Schema] = {
    "Problem": thing(
        {"errors": each(thing(pointer=TEXT, detail=TEXT)) | {"description": "the invalid parts of the input"}},
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
    # --- operations
    "Operations": thing(
        as_of=TIME,
        tenant_id=or_null(ID) | {"description": "the tenant whose figures these are; null: all tenants"},
        steps=by_name(ref("StepGoingOn"), one_of(*STEPS)),
        dependencies=by_name(ref("Breaker")),
        budgets=by_name(ref("Budget")),
        lanes=each(ref("Lane")) | {"description": "those with the most work"},
        workers=each(ref("Worker")) | {"description": "the registered workers; for admins only"},
        quota=or_null(thing(allowed=by_name(COUNT), used=by_name(COUNT))),
    ),
    "StepGoingOn": thing(
        ready=COUNT | {"description": "parts that wait for their turn, as of the last check"},
        queued=COUNT,
        running=COUNT,
        retrying=COUNT,
        parked=COUNT,
        oldest_s=or_null(NUMBER) | {"description": "how long the oldest ready part has waited"},
        done_a_minute=NUMBER,
        failed_a_minute=NUMBER,
        error_rate=or_null(NUMBER)
        | {"description": "the share of attempts in the last five minutes that failed, were retried or lost"},
        duration_s=or_null(thing(p50=NUMBER, p95=NUMBER)),
        concurrency=or_null(COUNT)
        | {"description": "how many parts run at once: on the live workers, or as reserved where none register"},
    ),
    "Worker": thing(
        worker=TEXT,
        host=TEXT,
        version=TEXT,
        state=one_of("live", "draining", "silent"),
        slots=by_name(COUNT) | {"description": "how many parts of each step it runs at once"},
        started_at=TIME,
        silent_s=NUMBER | {"description": "how long ago it last renewed its registration"},
    ),
    "Budget": thing(full_per_s=NUMBER, per_s=NUMBER, room=COUNT, wait_s=NUMBER)
    | {
        "description": "calls or tokens that an external service allows: the highest and the current rate a second, and the parts that may be dispatched now"
    },
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
        findings=by_name(COUNT) | {"description": "the number of errors by the name of the rule"},
        balanced=or_null(TRUTH) | {"description": "null where the rows agree and the objects were not checked"},
        stored=or_null(thing(as_of=TIME, checked=COUNT, findings=by_name(COUNT)))
        | {
            "description": "whether the object store has the originals and artifacts that the rows name, by size; null where it was not checked"
        },
        objects=or_null(thing(as_of=TIME, checked=COUNT, findings=OBJECT))
        | {"description": "the last check of all objects in the bucket; for admins only"},
    ),
    "Contract": OBJECT | {"description": "an OpenAPI 3.1 document"},
}
