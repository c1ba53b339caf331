"""The response shapes of operations: steps, tenants, keys, dead letters and the audit."""

from __future__ import annotations

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
from functions.api.requests import KEY_ROLES
from functions.job_kinds import KINDS
from functions.pipelines import STEPS
from layers.domain.job import JobState

TENANT = {
    "id": ID,
    "name": TEXT,
    "weight": NUMBER,
    "quota": OBJECT,
    "import_sources": each(TEXT) | {"description": "from where it may import, as `bucket/prefix`"},
    "created_at": TIME,
}
KEY = {
    "id": ID,
    "tenant_id": ID,
    "role": one_of(*KEY_ROLES),
    "name": or_null(TEXT) | {"description": "of the person, if it is the key of a session"},
    "created_at": TIME,
    "expires_at": or_null(TIME) | {"description": "null: never; others are keys of sessions"},
    "revoked_at": or_null(TIME),
}
API_KEY = or_null(TEXT) | {"description": "shown once; null in the response to a repeated Idempotency-Key"}

OPERATION_SHAPES: dict[str, Schema] = {
    "AuditLog": object_of(entries=each(ref("AuditLogEntry")), next_cursor=or_null(CURSOR)),
    "AuditLogEntry": object_of(
        number={"type": "integer", "minimum": 1},
        at=TIME,
        entry=OBJECT
        | {
            "description": "action, ids, what was created, key, role, person, address, and names in the body; hashed as JSON"
        },
        previous_hash=SHA256,
        hash=SHA256,
    ),
    "AuditLogCheck": object_of(
        checked=COUNT,
        last_number=or_null(COUNT),
        intact=BOOLEAN,
        broken_at=or_null(COUNT)
        | {"description": "the first entry that was changed, or that follows one that is missing"},
        next_cursor=or_null(CURSOR),
    ),
    "Operations": object_of(
        as_of=TIME,
        tenant_id=or_null(ID) | {"description": "the tenant of these figures; null: all tenants"},
        steps=by_name(ref("StepActivity"), one_of(*STEPS)),
        dependencies=by_name(ref("Breaker")),
        budgets=by_name(ref("Budget")),
        lanes=each(ref("Lane")) | {"description": "those with the most work"},
        workers=each(ref("Worker")) | {"description": "the registered workers; for admins only"},
        quota=or_null(object_of(allowed=by_name(COUNT), used=by_name(COUNT))),
    ),
    "StepActivity": object_of(
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
        duration_s=or_null(object_of(p50=NUMBER, p95=NUMBER)),
        concurrency=or_null(COUNT)
        | {"description": "how many parts run at once: on the live workers, or as reserved if no workers register"},
    ),
    "Worker": object_of(
        worker=TEXT,
        host=TEXT,
        version=TEXT,
        state=one_of("live", "draining", "silent"),
        slots=by_name(COUNT) | {"description": "how many parts of each step it runs at once"},
        started_at=TIME,
        silent_s=NUMBER | {"description": "how long ago it last renewed its registration"},
    ),
    "Budget": object_of(full_per_s=NUMBER, per_s=NUMBER, room=COUNT, wait_s=NUMBER)
    | {
        "description": "calls or tokens that an external service allows: the highest and the current rate a second, and the parts that may be dispatched now"
    },
    "Lane": object_of(
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
    "Tenant": object_of(**TENANT),
    "CreatedTenant": object_of(**TENANT, api_key=API_KEY),
    "Tenants": object_of(tenants=each(ref("Tenant")), next_cursor=or_null(CURSOR)),
    "TenantReceipt": object_of(
        id=ID,
        tenant_id=ID,
        state=one_of(*JobState),
        error=or_null(TEXT),
        exported=or_null(
            object_of(
                manifest_url=or_null(URL),
                archives=each(
                    object_of(name=TEXT, size_bytes=COUNT, sha256=SHA256, files=COUNT, url=or_null(URL))
                    | {"description": "`url`: once all archives are written"}
                ),
                files=COUNT,
                rows=by_name(COUNT),
                missing=each(ID) | {"description": "files whose original is not in the store, or is damaged"},
                deleted_at=or_null(TIME),
            )
        )
        | {"description": "null: no export was requested"},
        erased=or_null(object_of(files=COUNT, objects=COUNT, rows_of_files=COUNT, rows=by_name(COUNT)))
        | {"description": "`rows`: by table, without those of files; null: no erasure was requested"},
        verified=or_null(object_of(tables=COUNT, rows_left=COUNT, objects_left=COUNT))
        | {"description": "what was looked for after the erasure; null until then"},
        created_at=TIME,
        ended_at=or_null(TIME),
    ),
    "Key": object_of(**KEY),
    "CreatedKey": object_of(**KEY, api_key=API_KEY),
    "Keys": object_of(keys=each(ref("Key"))),
    "DeadLetter": object_of(
        file_id=ID,
        dataset_id=ID,
        tenant_id=ID,
        step=one_of(*STEPS),
        code=or_null(TEXT),
        detail=or_null(TEXT),
        attempts=COUNT,
        given_up_at=or_null(TIME),
    ),
    "DeadLetters": object_of(
        dead_letters=each(ref("DeadLetter")),
        count=COUNT,
        count_is_exact=BOOLEAN,
        by_code=by_name(COUNT),
        next_cursor=or_null(CURSOR),
    ),
    "Job": object_of(
        id=ID,
        kind=one_of(*KINDS),
        state=one_of(*JobState, "cancelling"),
        tenant_id=or_null(ID) | {"description": "null: it concerns the whole system"},
        dataset_id=or_null(ID),
        parameters=OBJECT,
        progress=object_of(done=COUNT, total=or_null(COUNT)),
        result=OBJECT | {"description": "what it has done so far"},
        error=or_null(TEXT) | {"description": "why it has failed, or why its current slice is tried again"},
        created_at=TIME,
        started_at=or_null(TIME),
        ended_at=or_null(TIME),
    ),
    "Jobs": object_of(jobs=each(ref("Job")), next_cursor=or_null(CURSOR)),
    "Report": object_of(
        day={"type": "string", "format": "date"},
        as_of=TIME,
        datasets=each(ref("DatasetReport")),
        next_cursor=or_null(CURSOR),
    ),
    "DatasetReport": object_of(
        tenant_id=ID,
        tenant=TEXT,
        dataset_id=ID,
        dataset=TEXT,
        files=COUNT,
        by_state=by_name(COUNT),
        size_bytes=COUNT,
        pages=COUNT,
        records=COUNT,
        complete_records=COUNT,
        failed_files=by_name(COUNT) | {"description": "failed files by error code"},
        attempts=COUNT,
        failed_attempts=COUNT | {"description": "attempts that failed, were retried or lost"},
        error_rate=NUMBER,
        errors=by_name(COUNT) | {"description": "attempts with an error by its code"},
        steps=by_name(
            object_of(attempts=COUNT, failed=COUNT, cost_s=NUMBER, p50_s=NUMBER, p95_s=NUMBER), one_of(*STEPS)
        ),
        cost_s=NUMBER | {"description": "the time of all attempts"},
        used=by_name(NUMBER) | {"description": "the use of services that charge for each call"},
    ),
    "DeadRedriven": object_of(count=COUNT, has_more=BOOLEAN),
    "Audit": object_of(
        accepted=COUNT,
        terminal=COUNT,
        in_flight=COUNT,
        lost=COUNT,
        doubled=COUNT,
        findings=by_name(COUNT) | {"description": "the number of errors by the name of the rule"},
        balanced=or_null(BOOLEAN) | {"description": "null if the rows agree and the objects were not checked"},
        stored=or_null(object_of(as_of=TIME, checked=or_null(COUNT), findings=by_name(COUNT)))
        | {
            "description": "whether the object store has the originals and artifacts that the rows name, by size; null where"
            " it was not checked. `checked` is null where a tenant has too many files for one request and the last check"
            " of all tenants found nothing"
        },
        objects=or_null(object_of(as_of=TIME, checked=COUNT, findings=OBJECT))
        | {"description": "the last check of all objects in the bucket; for admins only"},
    ),
}
