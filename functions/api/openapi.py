"""The contract as OpenAPI 3.1: made from the handlers' own roles and the models that read their requests.

`python -m functions.api.openapi > schema/openapi.json` writes it down.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from functions.api import (
    batches,
    changes,
    contract,
    datasets,
    dead_letters,
    files,
    metrics,
    operations,
    overview,
    problems,
    records,
    removals,
    requests,
    tenants,
    uploads,
)
from functions.api.answering import LONGEST_KEY, PUBLIC
from functions.api.examples import EXAMPLES
from functions.api.requests import ROLES
from functions.api.shapes import CURSOR, SHAPES, TEXT, TIME, Schema, one_of, ref
from functions.pipelines import STEPS

VERSION = "1.0.0"
ABOUT = """Batches of uploaded files become dataset records, each with a preview and a thumbnail.

Times are RFC 3339 in UTC; sizes are bytes; durations end in `_s`; ids are opaque. What belongs to another tenant
answers 404, as what is unknown does. Answers may grow new members: ignore those you do not know."""
ROLES_SAY = (
    f"A key belongs to one tenant and has a role, {', '.join(ROLES)}; each call names the least that may make it."
)


# --- parameters --------------------------------------------------------------------------------------


def _query(name: str, schema: Schema, what: str, *, required: bool = False) -> Schema:
    return {"name": name, "in": "query", "required": required, "schema": schema, "description": what}


def _whole(name: str, what: str, least: int, most: int, default: int | None = None) -> Schema:
    limits = {"minimum": least, "maximum": most} | ({} if default is None else {"default": default})
    return _query(name, {"type": "integer", **limits}, what)


def _limit(default: int, most: int) -> Schema:
    return _whole("limit", "how many a page has at most", 1, most, default)


PAGE_CURSOR = _query("cursor", CURSOR, "the `next_cursor` of the page before")
FILTERS = (
    _query("state", one_of(*files.STATES), "files in this state alone"),
    _query("batch", TEXT, "files of this batch alone, by its id"),
    _query("name", TEXT, "files with this anywhere in their names, in either case"),
)
DEAD = (
    _query("step", one_of(*sorted(STEPS)), "given up in this step alone"),
    _query("code", TEXT, "given up with this code alone"),
    _query("since", TIME, "given up at or after this time"),
    _query("until", TIME, "given up before this time"),
)
SINCE = _query("after", CURSOR, "the `changes_cursor` of a listing or the `cursor` of earlier changes", required=True)
WAIT = _whole("wait_s", f"how long to hold the call open for news; {changes.LONGEST_WAIT_S} at most count", 0, 3600, 0)
FORMAT = _query("format", {**one_of(*records.FORMATS), "default": "json"}, "how the table is written")
UNDO_WINDOW = _whole("undo_window_s", "how long an undo may come, where shorter than the default; 0: none", 0, 10**9)
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY},
    "description": "Your name for this request: sent again within 24 h, it gives the same answer and makes nothing"
    " new; URLs are signed anew, secrets withheld.",
}

COMES_AGAIN = ("quota_exceeded", "rate_limited", "unavailable")
HEADERS: dict[str, Schema] = {
    "Retry-After": {"required": True, "schema": {"type": "integer", "minimum": 1}, "description": "in seconds"},
    "WWW-Authenticate": {"required": True, "schema": TEXT},
    "Link": {"schema": TEXT, "description": 'the next page, as rel="next", of jsonl and csv'},
    "X-Schema-Version": {"schema": {"type": "integer"}, "description": "of the present schema, with jsonl and csv"},
}
TABLES: dict[str, Schema] = {
    "application/x-ndjson": {"schema": TEXT | {"description": "one RecordRow a line, with every field of the schema"}},
    "text/csv": {"schema": TEXT | {"description": "RFC 4180, with a header on every page; no cell starts a formula"}},
}
METRICS: dict[str, Schema] = {"text/plain": {"schema": TEXT | {"description": "Prometheus's text format"}}}

# --- one row a call ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Call:
    """A method of an address: what it does, reads and answers. Its role and what else it may refuse are derived."""

    call: str
    handler: Callable[..., Any]
    name: str
    summary: str
    answers: Mapping[int, str]
    body: type[BaseModel] | None = None
    query: tuple[Schema, ...] = ()
    conflicts: bool = False
    quotas: bool = False
    also_as: Mapping[str, Schema] = field(default_factory=dict)
    headers: tuple[str, ...] = ()

    @property
    def method(self) -> str:
        return self.call.split()[0]

    @property
    def path(self) -> str:
        return self.call.split()[1]

    @property
    def ids(self) -> list[str]:
        return [part[1:-1] for part in self.path.split("/") if part.startswith("{")]

    @property
    def role(self) -> str:
        return str(getattr(self.handler, "needs", PUBLIC))

    @property
    def tag(self) -> str:
        return "operations" if self.role == PUBLIC else self.handler.__module__.rpartition(".")[2]

    @property
    def creates(self) -> bool:
        return hasattr(self.handler, "again")


# fmt: off
CALLS = (
    Call("GET /health", operations.health, "getHealth",
         "Tells whether all that Fairway depends on answers; 503 only when the API itself can't work.",
         {200: "Health", 503: "Health"}),
    Call("GET /openapi.json", contract.show, "getContract", "This contract.", {200: "Contract"}),

    Call("GET /datasets", datasets.show_all, "listDatasets", "Lists your datasets, newest first.",
         {200: "Datasets"}, query=(_limit(1000, 1000), PAGE_CURSOR)),
    Call("POST /datasets", datasets.create, "createDataset",
         "Makes a dataset; without a schema its records have a title, a date, a total and a currency.",
         {201: "Dataset"}, requests.NewDataset),
    Call("GET /datasets/{dataset_id}", datasets.show, "getDataset", "Shows a dataset and counts its files by state.",
         {200: "Dataset"}),
    Call("PUT /datasets/{dataset_id}", datasets.change, "changeDataset", "Changes how a dataset's files are treated.",
         {200: "Dataset"}, requests.ChangedDataset),
    Call("PUT /datasets/{dataset_id}/schema", datasets.put_schema, "putSchema",
         "Gives a dataset a new version of its schema; existing records keep theirs until they are made again.",
         {200: "Dataset"}, requests.NewSchema),

    Call("POST /datasets/{dataset_id}/batches", batches.create, "createBatch",
         "Announces a batch of files and says where to upload each.", {201: "BatchUploads"}, requests.NewBatch,
         quotas=True),
    Call("GET /batches/{batch_id}", batches.show, "getBatch", "Shows how far a batch has come.", {200: "Batch"}),
    Call("POST /batches/{batch_id}/files", batches.add_files, "addFiles", "Announces more files of a batch.",
         {201: "BatchUploads"}, requests.NewBatch, conflicts=True, quotas=True),
    Call("POST /batches/{batch_id}/cancel", batches.cancel, "cancelBatch", "Stops what has not run of a batch.",
         {200: "Batch"}),

    Call("GET /datasets/{dataset_id}/files", files.show_all, "listFiles", "Lists a dataset's files, newest first.",
         {200: "Files"}, query=(*FILTERS, _limit(50, 200), PAGE_CURSOR)),
    Call("GET /datasets/{dataset_id}/changes", changes.show, "getChanges",
         "Tells what changed since a cursor: each change at least once, none left out.",
         {200: "Changes"}, query=(SINCE, WAIT, _limit(200, 200))),
    Call("GET /files/{file_id}", files.show, "getFile", "Shows a file: its steps, its record, its artifacts.",
         {200: "File"}),
    Call("GET /files/{file_id}/history", files.history, "getHistory",
         "Lists every attempt of every step of a file, oldest first.", {200: "History"}),
    Call("POST /files/{file_id}/upload", uploads.renew, "renewUpload",
         "Signs the upload of a file anew that has not arrived.", {200: "FileUpload"}, conflicts=True),
    Call("POST /files/{file_id}/upload/parts", uploads.sign_parts, "signParts",
         "Signs the upload of some parts of a large file.", {200: "SignedParts"}, requests.PartNumbers,
         conflicts=True),
    Call("GET /files/{file_id}/upload/parts", uploads.show_parts, "listParts",
         "Lists the parts of a large file that arrived.", {200: "ArrivedParts"}),
    Call("POST /files/{file_id}/upload/complete", uploads.complete, "completeUpload",
         "Ends the upload of a large file once all its parts arrived.", {200: "File"}, conflicts=True),
    Call("POST /files/{file_id}/redrive", files.redrive, "redriveFile",
         "Runs the failed or the named step of a file again, with what follows it.",
         {202: "Redriven"}, requests.Redrive, conflicts=True),
    Call("POST /datasets/{dataset_id}/redrive", files.redrive_many, "redriveMany",
         "Runs the failed steps of up to 1,000 files again.", {202: "Count"}, requests.RedriveMany),

    Call("GET /datasets/{dataset_id}/records", records.show, "listRecords",
         "The table itself, a page at a time, as JSON, JSON lines or CSV.",
         {200: "Records"}, query=(FORMAT, _limit(1000, 1000), PAGE_CURSOR),
         also_as=TABLES, headers=("Link", "X-Schema-Version")),
    Call("DELETE /files/{file_id}", removals.remove_file, "removeFile",
         "Removes a file with its record and artifacts.", {202: "RemovalStarted"}, query=(UNDO_WINDOW,)),
    Call("POST /datasets/{dataset_id}/removals", removals.remove_many, "removeFiles",
         "Removes files, by list or by batch.", {202: "RemovalStarted"}, requests.NewRemoval),
    Call("GET /removals/{removal_id}", removals.show, "getRemoval",
         "Shows the receipt of a removal: what was erased, and when.", {200: "Removal"}),
    Call("POST /removals/{removal_id}/undo", removals.undo, "undoRemoval",
         "Brings back all that a removal took, while its window is open.", {200: "Removal"}, conflicts=True),

    Call("GET /operations", overview.show, "getOperations",
         "Shows what is going on, step by step: in the whole system for an admin, else in your tenant.",
         {200: "Operations"}),
    Call("GET /metrics", metrics.show, "getMetrics",
         "The same in figures, as Prometheus reads them.", {200: ""}, also_as=METRICS),
    Call("GET /operations/tenants", tenants.show_all, "listTenants", "Lists all tenants, newest first.",
         {200: "Tenants"}, query=(_limit(200, 1000), PAGE_CURSOR)),
    Call("POST /operations/tenants", tenants.create, "createTenant",
         "Makes a tenant, with an operator's key that is shown once.", {201: "TenantMade"}, requests.NewTenant),
    Call("PUT /operations/tenants/{tenant_id}", tenants.change, "changeTenant",
         "Changes a tenant's weight and quota.", {200: "Tenant"}, requests.ChangedTenant),
    Call("GET /operations/tenants/{tenant_id}/keys", tenants.show_keys, "listKeys",
         "Lists a tenant's keys, newest first, without what opens anything.", {200: "Keys"}),
    Call("POST /operations/tenants/{tenant_id}/keys", tenants.create_key, "createKey",
         "Makes a key, which is shown once.", {201: "KeyMade"}, requests.NewKey),
    Call("DELETE /operations/keys/{key_id}", tenants.revoke_key, "revokeKey", "Ends a key for good.", {200: "Key"}),
    Call("GET /operations/dead-letters", dead_letters.show_all, "listDeadLetters",
         "Lists and counts what was given up, newest first: of all tenants for an admin, else of yours.",
         {200: "DeadLetters"}, query=(*DEAD, _limit(50, 200), PAGE_CURSOR)),
    Call("POST /operations/dead-letters/redrive", dead_letters.redrive, "redriveDeadLetters",
         "Runs up to 1,000 dead letters again, chosen by file, step, code and time.",
         {202: "DeadRedriven"}, requests.RedriveDead),
    Call("GET /operations/audit", operations.audit, "audit",
         "Checks that nothing was lost or done twice: in the whole system for an admin, else in your tenant.",
         {200: "Audit"}),
)
# fmt: on

# --- the document ------------------------------------------------------------------------------------


class _Untitled(GenerateJsonSchema):
    """Leaves out the titles, which only repeat the names."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


@cache
def document() -> Schema:
    """The contract as an OpenAPI 3.1 document; not to be changed by whoever reads it."""
    paths: dict[str, Schema] = {}
    for call in CALLS:
        paths.setdefault(call.path, {})[call.method.lower()] = _operation(call)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Fairway", "version": VERSION, "description": ABOUT},
        "servers": [{"url": "/"}],
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": ROLES_SAY}},
            "schemas": _schemas(),
            "responses": {code: _refusal(code) for code in problems.TITLES if code != "method_not_allowed"},
            "headers": HEADERS,
        },
    }


def _operation(call: Call) -> Schema:
    described: Schema = {
        "operationId": call.name,
        "summary": call.summary,
        "tags": [call.tag],
        "description": f"Needs the role {call.role}." if call.role != PUBLIC else "Needs no key.",
        "security": [{"key": [call.role]}] if call.role != PUBLIC else [],
        "parameters": [*map(_path_parameter, call.ids), *call.query, *([IDEMPOTENCY_KEY] if call.creates else [])],
        "responses": {str(status): _answer(call, shape) for status, shape in call.answers.items()},
    }
    if call.body:
        must = any(one.is_required() for one in call.body.model_fields.values())
        content = {"application/json": {"schema": ref(call.body.__name__)}}
        described["requestBody"] = {"required": must, "content": content}
    for code in _refusals(call):
        status = str(problems.TITLES[code][0])
        described["responses"].setdefault(status, {"$ref": f"#/components/responses/{code}"})
    return described


def _refusals(call: Call) -> list[str]:
    """The codes of what may be answered in place of what was asked for."""
    has_key = call.role != PUBLIC
    may = {
        "invalid_request": call.body or call.query or call.creates,
        "unauthorized": has_key,
        "forbidden": call.role not in (PUBLIC, ROLES[0]),
        "not_found": call.ids,
        "conflict": call.conflicts or call.creates,
        "too_large": call.body,
        "quota_exceeded": call.quotas,
        "rate_limited": has_key,
        "internal_error": True,
        "unavailable": has_key,
    }
    return [code for code, is_so in may.items() if is_so]


def _path_parameter(name: str) -> Schema:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


def _answer(call: Call, shape: str) -> Schema:
    content = {**({"application/json": {"schema": ref(shape)}} if shape else {}), **call.also_as}
    answer = {"description": call.summary, "content": content}
    return answer | ({"headers": _headers(*call.headers)} if call.headers else {})


def _refusal(code: str) -> Schema:
    body = problems.Problem(code, "one sentence about what is wrong, and where").body()
    content = {problems.MEDIA_TYPE: {"schema": ref("Problem"), "example": body}}
    headers = {"unauthorized": ("WWW-Authenticate",)} | dict.fromkeys(COMES_AGAIN, ("Retry-After",))
    answer = {"description": body["title"], "content": content}
    return answer | ({"headers": _headers(*headers[code])} if code in headers else {})


def _headers(*names: str) -> Schema:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _schemas() -> dict[str, Schema]:
    bodies = [(call.body, "validation") for call in CALLS if call.body]
    _, read = models_json_schema(
        bodies,  # type: ignore[arg-type]
        ref_template="#/components/schemas/{model}",
        schema_generator=_Untitled,
    )
    schemas = {**read["$defs"], **SHAPES}
    return {
        name: {**schema, **({"examples": [EXAMPLES[name]]} if name in EXAMPLES else {})}
        for name, schema in schemas.items()
    }


def main() -> None:
    print(json.dumps(document(), indent=2, sort_keys=True, ensure_ascii=False))


if __name__ == "__main__":
    main()
