"""The shapes of operations: steps, tenants, keys, dead letters and the audit."""

from __future__ import annotations

from functions.api.json_schema import (
    COUNT,
    CURSOR,
    ID,
    NUMBER,
    OBJECT,
    TEXT,
    TIME,
    TRUTH,
    Schema,
    by_name,
    each,
    one_of,
    or_null,
    ref,
    thing,
)
from functions.api.requests import ROLES
from functions.pipelines import STEPS

TENANT = {"id": ID, "name": TEXT, "weight": NUMBER, "quota": OBJECT, "created_at": TIME}
KEY = {"id": ID, "tenant_id": ID, "role": one_of(*ROLES), "created_at": TIME, "revoked_at": or_null(TIME)}
API_KEY = or_null(TEXT) | {"description": "shown once; null in the answer to a repeated Idempotency-Key"}

OPERATION_SHAPES: dict[str, Schema] = {
    "Operations": thing(
        as_of=TIME,
        tenant_id=or_null(ID) | {"description": "the tenant whose figures these are; null: all tenants"},
        steps=by_name(ref("StepActivity"), one_of(*STEPS)),
        dependencies=by_name(ref("Breaker")),
        budgets=by_name(ref("Budget")),
        lanes=each(ref("Lane")) | {"description": "those with the most work"},
        workers=each(ref("Worker")) | {"description": "the registered workers; for admins only"},
        quota=or_null(thing(allowed=by_name(COUNT), used=by_name(COUNT))),
    ),
    "StepActivity": thing(
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
    "CreatedTenant": thing(**TENANT, api_key=API_KEY),
    "Tenants": thing(tenants=each(ref("Tenant")), next_cursor=or_null(CURSOR)),
    "Key": thing(**KEY),
    "CreatedKey": thing(**KEY, api_key=API_KEY),
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
}
