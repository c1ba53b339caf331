"""Describes each route for the OpenAPI document: its name, parameters, bodies and responses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel

from functions.api import (
    audit_log,
    bodies,
    changes,
    files,
    jobs,
    learning,
    manifests,
    pages,
    records,
    reports,
    webhook_bodies,
    webhooks,
)
from functions.api.json_schema import CURSOR, TEXT, TIME, Schema, one_of
from functions.job_kinds import KINDS
from functions.pipelines import STEPS
from layers.domain import row_filter

# --- parameters --------------------------------------------------------------------------------------


def _query(name: str, schema: Schema, what: str, *, required: bool = False) -> Schema:
    return {"name": name, "in": "query", "required": required, "schema": schema, "description": what}


def _whole(name: str, what: str, least: int, most: int, default: int | None = None) -> Schema:
    limits = {"minimum": least, "maximum": most} | ({} if default is None else {"default": default})
    return _query(name, {"type": "integer", **limits}, what)


def _limit(default: int, most: int, what: str = "the largest number of items on a page") -> Schema:
    return _whole("limit", what, 1, most, default)


OF_FILES = f"the largest number of files on a page; at most {files.MOST_FILES} without `view=row`"


PAGE_CURSOR = _query("cursor", CURSOR, "the `next_cursor` of the previous page")
FILTERS = (
    _query("state", one_of(*files.STATES), "only files in this state"),
    _query("batch", TEXT, "only files of the batch with this id"),
    _query(
        "name",
        TEXT,
        "only files whose name contains this text, in upper or lower case, however its letters are composed in Unicode",
    ),
)
DEAD_LETTERS = (
    _query("step", one_of(*sorted(STEPS)), "only dead letters of this step"),
    _query("code", TEXT, "only dead letters with this error code"),
    _query("since", TIME, "only steps given up at this time or later"),
    _query("until", TIME, "only steps given up before this time"),
)
VIEW = _query(
    "view",
    {**one_of(*changes.VIEWS), "default": "file"},
    "`row`: each file as a row of a table, with the values of its record; then `limit` may be up to 1,000",
)
WHERE = _query(
    "where",
    TEXT,
    'a JSON list of up to 8 conditions, joined by "and": `{"field": "total", "op": "ge", "value": 100}`; `op` is one of '
    + ", ".join(row_filter.OPERATORS)
    + "; `field` is a property of the schema or one of "
    + ", ".join(row_filter.OF_FILES),
)
SORT = _query(
    "sort",
    TEXT,
    "a property of the schema, or `@probability`, the probability that a record is right; or `-` and one of them; default: "
    "newest first",
)
AROUND = _query("around", TEXT, "the id of a file: the first page begins with its row")
JOB_FILTERS = (
    _query("kind", one_of(*KINDS), "only jobs of this kind"),
    _query("state", one_of(*jobs.STATES), "only jobs that have not ended, or that have"),
)
SINCE = _query("after", CURSOR, "the `changes_cursor` of a listing or the `cursor` of earlier changes", required=True)
WAIT = _whole(
    "wait_s", f"how long to wait for a change, in seconds; more than {changes.LONGEST_WAIT_S} has no effect", 0, 3600, 0
)
MANIFEST = (
    _query("name", TEXT | {"minLength": 1, "maxLength": 200}, "the name of the batch"),
    _query("allow_duplicates", {"type": "boolean", "default": False}, "upload also what the dataset has"),
    _query("expand_archives", {"type": "boolean", "default": False}, "as for a batch"),
    _query("separate", {"type": "boolean", "default": False}, "separate scans into files of their own"),
    _query(
        "separators",
        {"type": "string", "minLength": 1, "maxLength": 1000, "default": "PATCHT"},
        "texts of barcodes on separator sheets, with commas between them",
    ),
    _query("blank_pages", {"enum": ["keep", "drop", "separate"], "default": "keep"}, "as for a batch"),
    _query("labels", TEXT, "labels of the batch, with commas between them"),
    _query("priority", {**one_of("normal", "low"), "default": "normal"}, "as for a batch"),
    _whole("deadline_s", "seconds until files that have not arrived are missing", 60, bodies.LONGEST_UPLOAD_S, 86_400),
)
FORMAT = _query(
    "format",
    one_of(*records.FORMATS),
    "the format of the table; without it, the header Accept decides. Arrow is not available on Lambda",
)
EXCEL = _query(
    "excel",
    {**one_of(*records.EXCEL), "default": "0"},
    "1: with `format=csv`, begin with a byte order mark, by which Excel recognises UTF-8",
)
PAGE_NUMBER = _whole("number", "the first page", 1, 1_000_000, 1)
DELIVERY_STATE = _query("state", one_of(*webhooks.STATES), "only deliveries in this state")
UNDO_WINDOW = _whole(
    "undo_window_s", "seconds in which the removal can be undone, at most the default; 0: it can't be undone", 0, 10**9
)
TABLES: dict[str, Schema] = {
    "application/x-ndjson": {
        "schema": TEXT | {"description": "one RecordRow on each line, with every field of the schema"}
    },
    "text/csv": {
        "schema": TEXT
        | {
            "description": "RFC 4180, with a header on every page and every cell quoted; an apostrophe precedes text that a spreadsheet could take for a formula"
        }
    },
    "application/vnd.apache.arrow.stream": {
        "schema": {
            "description": "an Arrow IPC stream with the columns of an export as Parquet: typed by the current schema; lists and objects are JSON text, and `other_values` has what fits into no column"
        }
    },
}
REPORTS: dict[str, Schema] = {
    "text/csv": {"schema": TEXT | {"description": "RFC 4180: a row for each dataset, and one for each of its steps"}},
    "text/html": {"schema": TEXT | {"description": "a table for people"}},
}
REPORT = (
    _query("day", {"type": "string", "format": "date"}, "a day in UTC; without it, yesterday"),
    _query("format", {**one_of(*reports.FORMATS), "default": "json"}, "the format of the report"),
    _limit(1000, 1000),
    PAGE_CURSOR,
)
AUDIT_LOG = (
    _query("format", {**one_of(*audit_log.FORMATS), "default": "json"}, "the format of the log"),
    _query("action", TEXT, "only this method and path, such as `DELETE /files/{file_id}`"),
    _query("key", TEXT, "only what the key with this id did"),
    _query("since", TIME, "only entries of this time or later"),
    _query("until", TIME, "only entries before this time"),
    _limit(100, 1000),
    PAGE_CURSOR,
)
LOG_LINES: dict[str, Schema] = {
    "application/x-ndjson": {"schema": TEXT | {"description": "one AuditLogEntry on each line"}}
}
METRICS: dict[str, Schema] = {"text/plain": {"schema": TEXT | {"description": "Prometheus's text format"}}}

# --- one row for each route --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Description:
    """A route's entry in the OpenAPI document.

    `answers` maps each successful status to the name of its response shape; `also_as` has further media types of the
    response. An empty `tag` means the name of the handler's module.

    `lines`: the body has one of these on each line.

    `conflicts` and `quotas`: the route may answer with the problem `conflict` or `quota_exceeded`; `forbids`: some
    callers with the role get `forbidden`. `if_match`: it takes the
    version of the record. `takes_secret`: it is
    public and refuses an unknown secret in the body as `unauthorized`. `negotiates`: the header Accept chooses the media type.
    """

    name: str
    summary: str
    answers: Mapping[int, str]
    body: type[BaseModel] | None = None
    lines: type | None = None
    query: tuple[Schema, ...] = ()
    conflicts: bool = False
    quotas: bool = False
    forbids: bool = False
    if_match: bool = False
    takes_secret: bool = False
    negotiates: bool = False
    also_as: Mapping[str, Schema] = field(default_factory=dict)
    headers: tuple[str, ...] = ()
    tag: str = ""


# fmt: off
DESCRIPTIONS = {
    "GET /health": Description("getHealth",
         "Shows whether each dependency works; 503 only when the API itself can't work.",
         {200: "Health", 503: "Health"}),
    "GET /openapi.json": Description("getContract", "Shows this document.", {200: "Contract"}),

    "GET /me": Description("getMe", "Shows who you are, your limits, and what this Fairway can read.", {200: "Me"}),
    "POST /sessions": Description("createSession",
         "Creates a one-time code for a session of a person. It can be exchanged for five minutes. Put it into the fragment "
         "of a link, which browsers do not send to servers. Revoking your key ends its sessions.",
         {201: "SessionCode"}, bodies.NewSession, quotas=True, forbids=True),
    "POST /sessions/exchange": Description("exchangeCode",
         "Exchanges a code for a key, which expires after 12 hours. A code works once.",
         {201: "Session"}, bodies.CodeToExchange, takes_secret=True, tag="sessions"),
    "DELETE /sessions": Description("endSession", "Ends the session of your key.", {200: "EndedSession"}, conflicts=True),

    "GET /datasets": Description("listDatasets", "Lists your datasets, newest first.",
         {200: "Datasets"}, query=(_limit(1000, 1000), PAGE_CURSOR)),
    "POST /datasets": Description("createDataset",
         "Creates a dataset; without a schema its records have a title, a date, a total and a currency.",
         {201: "Dataset"}, bodies.NewDataset, quotas=True),
    "GET /datasets/{dataset_id}": Description("getDataset", "Shows a dataset and counts its files by state.",
         {200: "Dataset"}),
    "PUT /datasets/{dataset_id}": Description("changeDataset", "Changes a dataset's name, or how its files are processed.",
         {200: "Dataset"}, bodies.ChangedDataset),
    "DELETE /datasets/{dataset_id}": Description("removeDataset",
         "Removes a dataset with all its files. It is hidden at once, and a large one is removed in steps; `count` grows. "
         "Undoing the removal restores all of it.", {202: "RemovalStarted"}, query=(UNDO_WINDOW,)),
    "PUT /datasets/{dataset_id}/schema": Description("putSchema",
         "Adds a new version of a dataset's schema; existing records keep theirs until extraction runs again.",
         {200: "Dataset"}, bodies.NewSchema, quotas=True),

    "POST /datasets/{dataset_id}/batches": Description("createBatch",
         "Creates a batch of files; each file gets a URL for its upload.", {201: "BatchUploads"}, bodies.NewBatch,
         quotas=True),
    "GET /datasets/{dataset_id}/batches": Description("listBatches",
         "Lists a dataset's batches, newest first, without forecasts.", {200: "Batches"},
         query=(_query("label", TEXT | {"minLength": 1, "maxLength": 100}, "only batches with this label"), _limit(50, 200), PAGE_CURSOR)),
    "POST /datasets/{dataset_id}/manifests": Description("createManifest",
         "Creates a batch of up to 100,000 files, described as JSON lines, packed with gzip or not. Invalid lines refuse all of"
         " it. Lines whose content the dataset has need no upload. The same request with the same Idempotency-Key continues"
         " one that was interrupted.",
         {201: "Manifest"}, lines=bodies.ManifestLine, query=MANIFEST, conflicts=True, quotas=True),
    "GET /manifests/{manifest_id}": Description("getManifest",
         "Shows a manifest: how many lines were taken, and its files by state.", {200: "Manifest"}),
    "GET /manifests/{manifest_id}/duplicates": Description("listDuplicateLines",
         "Lists the lines of a manifest whose content the dataset had already.", {200: "DuplicateLines"},
         query=(_limit(1000, manifests.MOST_SHOWN), PAGE_CURSOR)),
    "GET /manifests/{manifest_id}/uploads": Description("listUploads",
         "Signs the next uploads of files that have not arrived, in the order of the lines. Without a cursor it begins again:"
         " an interrupted client gets what is left. A file whose deadline has passed may be uploaded again.",
         {200: "ManifestUploads"}, query=(_limit(100, manifests.MOST_SIGNED), PAGE_CURSOR), quotas=True),
    "POST /datasets/{dataset_id}/imports": Description("createImport",
         "Starts to import objects that are in a bucket already, as files of a new batch; those whose content the dataset has"
         " are left out. An admin sets from where a tenant may import.",
         {202: "Job"}, bodies.NewImport, quotas=True, tag="batches"),
    "POST /datasets/{dataset_id}/plans": Description("createPlan",
         "Plans to process files again, with another schema or from an earlier step: a dry run compares records and estimates"
         " the time. It stores nothing.",
         {202: "Plan"}, bodies.NewPlan, quotas=True),
    "GET /datasets/{dataset_id}/plans": Description("listPlans", "Lists a dataset's plans, newest first.",
         {200: "Plans"}, query=(_limit(50, 200), PAGE_CURSOR)),
    "GET /plans/{plan_id}": Description("getPlan",
         "Shows a plan: what would change by field, and what has changed.", {200: "Plan"}),
    "POST /plans/{plan_id}/apply": Description("applyPlan",
         "Starts to process the plan's files again, few at a time; values that a person has set stay. Another call shows the"
         " same job.",
         {202: "Job"}, bodies.ApplyPlan, conflicts=True, quotas=True),
    "POST /plans/{plan_id}/rollback": Description("rollBackPlan",
         "Starts to restore the records that files had before the plan was applied.",
         {202: "Job"}, conflicts=True, quotas=True),
    "GET /batches/{batch_id}": Description("getBatch", "Shows the progress of a batch.", {200: "Batch"}),
    "POST /batches/{batch_id}/files": Description("addFiles", "Adds more files to a batch.",
         {201: "BatchUploads"}, bodies.NewBatch, conflicts=True, quotas=True),
    "POST /batches/{batch_id}/cancel": Description("cancelBatch", "Cancels the steps of a batch that have not run.",
         {200: "Batch"}),

    "GET /datasets/{dataset_id}/files": Description("listFiles", "Lists a dataset's files, newest first.",
         {200: "Files"}, query=(*FILTERS, VIEW, _limit(50, 1000, OF_FILES), PAGE_CURSOR)),
    "GET /datasets/{dataset_id}/rows": Description("listRows",
         "Finds and sorts a dataset's files by the values of their records. Texts are compared in lower case, by their first "
         "200 characters. Rows without the value by which they are sorted come last. Each call reads a bounded number of "
         "rows, so a page may have fewer than `limit`: continue until `next_cursor` is null.",
         {200: "Rows"}, query=(WHERE, SORT, AROUND, _limit(50, 1000), PAGE_CURSOR), tag="files"),
    "GET /datasets/{dataset_id}/changes": Description("getChanges",
         "Lists what changed after a cursor: each change at least once.",
         {200: "Changes"}, query=(SINCE, WAIT, VIEW, _limit(200, 1000, OF_FILES))),
    "GET /files/{file_id}": Description("getFile", "Shows a file with its steps, its record and its artifacts.",
         {200: "File"}),
    "GET /files/{file_id}/history": Description("getHistory",
         "Lists every attempt of every step of a file, oldest first.", {200: "History"}),
    "GET /files/{file_id}/pages": Description("listPages",
         "Shows pages of a file as they were read: the words with their boxes and confidences, and a picture. The first request "
         "for a page has its picture drawn, with those of the pages after it.",
         {200: "Pages"}, query=(PAGE_NUMBER, _limit(1, pages.MOST_PAGES)), tag="files"),
    "GET /files/{file_id}/record": Description("getRecord",
         "Shows the record of a file, with the values that people set. `ETag` is its version.",
         {200: "RecordOfFile"}, conflicts=True, headers=("ETag",)),
    "PATCH /files/{file_id}/record": Description("correctRecord",
         "Sets values of a record. They stand apart from those that extraction found, so that no redrive overwrites them. "
         "`If-Match` names the version that the person saw. A review of other values is open again. The next files of the same "
         "sender have these values.",
         {200: "RecordOfFile"}, bodies.Corrections, conflicts=True, if_match=True, headers=("ETag",)),
    "GET /files/{file_id}/record/history": Description("getRecordHistory",
         "Lists what people changed in a record, oldest first: who set which value, when, and from which value.",
         {200: "RecordHistory"}),
    "PUT /files/{file_id}/review": Description("reviewRecord",
         "Approves or rejects a record, or opens its review again. With `If-Match`, only in the version that the person saw.",
         {200: "RecordOfFile"}, bodies.Review, conflicts=True, if_match=True, headers=("ETag",)),
    "POST /datasets/{dataset_id}/reviews": Description("reviewRecords",
         "Sets the review of up to 10,000 records, listed or selected by values. Files without a record are left out.", {200: "Reviewed"}, bodies.Reviews),
    "POST /reviews/{review_id}/undo": Description("undoReviews",
         "Gives records the review that they had before one request for many. Those whose review was changed since then keep it. "
         "The history of each record keeps both changes.", {200: "UndoneReviews"}),
    "POST /datasets/{dataset_id}/moves": Description("moveFiles",
         "Moves up to 1,000 settled files to another dataset, listed or selected by values. Their values are extracted again with "
         "its schema; those that a person set stay if it has a property of the same name and type. The rules of the dataset learn "
         "from each move.", {202: "Moved"}, bodies.Moves, tag="files"),
    "POST /moves/{move_id}/undo": Description("undoMoves",
         "Moves the files of one request back, with the values that people had set, and forgets what the request taught. Those "
         "that were moved again or removed since stay where they are.", {202: "MovedBack"}, conflicts=True, tag="files"),
    "GET /datasets/{dataset_id}/routing": Description("getRouting",
         "Shows to which datasets a dataset sends files, by kind, and what moves have taught it.", {200: "Routing"}),
    "GET /datasets/{dataset_id}/senders": Description("listSenders",
         f"Lists the senders that corrected and approved records have taught, from the newest {learning.MOST_SHOWN} of these records, "
         "and pairs that may be the same sender: correct the records of one of them.",
         {200: "Senders"}, tag="files"),
    "POST /files/{file_id}/upload": Description("renewUpload",
         "Creates a new upload URL for a file that has not arrived and was not cancelled.", {200: "FileUpload"}, conflicts=True),
    "POST /files/{file_id}/upload/parts": Description("signParts",
         "Creates upload URLs for parts of a large file.", {200: "SignedParts"}, bodies.PartNumbers,
         conflicts=True),
    "GET /files/{file_id}/upload/parts": Description("listParts",
         "Lists the parts of a large file that have arrived.", {200: "ArrivedParts"}),
    "POST /files/{file_id}/upload/complete": Description("completeUpload",
         "Completes the upload of a large file after all its parts have arrived.", {200: "File"}, conflicts=True),
    "POST /files/{file_id}/uploaded": Description("announceUpload",
         "Announces that a file was uploaded. Needed only where the object store sends no events: the file is then found "
         "at once instead of within two minutes. Has no effect if the object is not there.", {202: "File"}),
    "POST /files/{file_id}/redrive": Description("redriveFile",
         "Runs the failed or the named step of a file again, and the steps after it.",
         {202: "Redriven"}, bodies.Redrive, conflicts=True, tag="files"),
    "POST /datasets/{dataset_id}/redrive": Description("redriveMany",
         "Runs the failed steps of up to 1,000 files again, selected by state, code and values.", {202: "RedrivenMany"}, bodies.RedriveMany, tag="files"),

    "GET /datasets/{dataset_id}/records": Description("listRecords",
         "Lists a dataset's records in pages, as JSON, JSON lines, CSV or an Arrow stream.",
         {200: "Records"}, query=(FORMAT, EXCEL, _limit(1000, 1000), PAGE_CURSOR),
         also_as=TABLES, headers=("Link", "X-Schema-Version"), negotiates=True),
    "POST /datasets/{dataset_id}/exports": Description("createExport",
         "Starts an export of a dataset's records to a file: CSV for Excel, a workbook, JSON lines or Parquet; or of the "
         "originals as zip files, with paths of their records' values and a manifest. A row that "
         "changes meanwhile is in the export as it was or as it is. The file is kept for a day.",
         {202: "Export"}, bodies.NewExport, quotas=True),
    "GET /exports/{export_id}": Description("getExport",
         "Shows an export: how many rows are written, and the URLs of its files once it is done.", {200: "Export"}),
    "DELETE /files/{file_id}": Description("removeFile",
         "Removes a file with its record and artifacts.", {202: "RemovalStarted"}, query=(UNDO_WINDOW,)),
    "POST /datasets/{dataset_id}/removals": Description("removeFiles",
         "Removes the listed files, all files of a batch, or up to 10,000 files selected by values; 404 where none of the listed files can be removed.", {202: "RemovalStarted"}, bodies.NewRemoval),
    "GET /datasets/{dataset_id}/removals": Description("listRemovals",
         "Lists the removals in a dataset, newest first.", {200: "Removals"}, query=(_limit(50, 200), PAGE_CURSOR)),
    "GET /removals": Description("listAllRemovals",
         "Lists all your removals, newest first, also those of whole datasets.", {200: "Removals"},
         query=(_limit(50, 200), PAGE_CURSOR)),
    "GET /removals/{removal_id}": Description("getRemoval",
         "Shows a removal: what was erased, and when.", {200: "Removal"}),
    "GET /datasets/{dataset_id}/purges": Description("listPurges",
         "Lists what was erased because the dataset's retention no longer keeps it, newest first.",
         {200: "Purges"}, query=(_limit(50, 200), PAGE_CURSOR)),
    "POST /removals/{removal_id}/undo": Description("undoRemoval",
         "Restores all files of a removal, while its undo window is open.", {200: "Removal"}, conflicts=True),

    "GET /audit-log": Description("listAuditLog",
         "Lists who changed what in your tenant, newest first; as JSON lines oldest first, for an export.",
         {200: "AuditLog"}, query=AUDIT_LOG, also_as=LOG_LINES, headers=("Link",)),
    "GET /audit-log/check": Description("checkAuditLog",
         "Checks the chain of hashes of your audit log, 10,000 entries at a time.", {200: "AuditLogCheck"},
         query=(PAGE_CURSOR,)),
    "GET /webhooks": Description("listWebhooks", "Lists your webhooks, oldest first, without their secrets.",
         {200: "Webhooks"}),
    "POST /webhooks": Description("createWebhook",
         "Creates a webhook: from now on events of these types are delivered to the URL. The secret is shown once.",
         {201: "WebhookWithSecret"}, webhook_bodies.NewWebhook, quotas=True),
    "GET /webhooks/{webhook_id}": Description("getWebhook", "Shows a webhook, and whether it works.", {200: "Webhook"}),
    "PUT /webhooks/{webhook_id}": Description("changeWebhook",
         "Changes a webhook. A new URL, or switching it on, makes it due at once after failures.",
         {200: "Webhook"}, webhook_bodies.ChangedWebhook),
    "DELETE /webhooks/{webhook_id}": Description("deleteWebhook",
         "Deletes a webhook with its log. What was not delivered yet never is.", {200: "DeletedWebhook"}),
    "POST /webhooks/{webhook_id}/secret": Description("replaceWebhookSecret",
         "Replaces the secret. For a day the former one signs as well. The new one is shown once.",
         {200: "WebhookWithSecret"}),
    "POST /webhooks/{webhook_id}/test": Description("testWebhook",
         "Sends an event of the type `endpoint.test` to this webhook, and shows its delivery.", {202: "Delivery"},
         conflicts=True),
    "GET /webhooks/{webhook_id}/deliveries": Description("listDeliveries",
         "Lists the deliveries of a webhook, newest event first, with the latest attempt of each.",
         {200: "Deliveries"}, query=(DELIVERY_STATE, _limit(50, 200), PAGE_CURSOR)),
    "GET /webhooks/{webhook_id}/deliveries/{event_id}": Description("getDelivery",
         "Shows a delivery with every attempt.", {200: "DeliveryHistory"}),
    "POST /webhooks/{webhook_id}/deliveries/{event_id}/redeliver": Description("redeliver",
         "Delivers an event again, with the same id, whatever came of its delivery.", {202: "Delivery"}, conflicts=True),
    "POST /webhooks/{webhook_id}/redeliveries": Description("redeliverFailed",
         "Delivers again up to 10,000 events of a time that were given up, the oldest first.",
         {202: "Redelivered"}, webhook_bodies.Redelivery),

    "GET /operations": Description("getOperations",
         "Shows the state of each step, lane and service: of the whole system for an admin, otherwise of your tenant.",
         {200: "Operations"}),
    "GET /metrics": Description("getMetrics",
         "Shows the same figures in Prometheus's text format.", {200: ""}, also_as=METRICS),
    "GET /operations/tenants": Description("listTenants", "Lists all tenants, newest first.",
         {200: "Tenants"}, query=(_limit(200, 1000), PAGE_CURSOR)),
    "POST /operations/tenants": Description("createTenant",
         "Creates a tenant and an operator's key for it, which is shown once.", {201: "CreatedTenant"}, bodies.NewTenant),
    "PUT /operations/tenants/{tenant_id}": Description("changeTenant",
         "Changes a tenant's weight and quota.", {200: "Tenant"}, bodies.ChangedTenant),
    "POST /operations/tenants/{tenant_id}/export": Description("exportTenant",
         "Exports everything of a tenant as zip files with a manifest: originals, texts, records, history and audit log.",
         {202: "TenantReceipt"}, conflicts=True),
    "POST /operations/tenants/{tenant_id}/erasure": Description("eraseTenant",
         "Erases a tenant and everything of it for good, on request after an export. Its keys end at once.",
         {202: "TenantReceipt"}, bodies.EraseTenant, conflicts=True),
    "GET /operations/tenant-receipts/{receipt_id}": Description("getTenantReceipt",
         "Shows what an export or an erasure of a tenant has done and verified, with URLs of the archives for 7 days.",
         {200: "TenantReceipt"}),
    "GET /operations/tenants/{tenant_id}/keys": Description("listKeys",
         "Lists a tenant's keys, newest first, without their secrets.", {200: "Keys"}),
    "POST /operations/tenants/{tenant_id}/keys": Description("createKey",
         "Creates a key, which is shown once.", {201: "CreatedKey"}, bodies.NewKey, quotas=True),
    "DELETE /operations/keys/{key_id}": Description("revokeKey", "Revokes a key for good.", {200: "Key"}),
    "GET /operations/dead-letters": Description("listDeadLetters",
         "Lists and counts steps that were given up, newest first: of all tenants for an admin, otherwise of yours.",
         {200: "DeadLetters"}, query=(*DEAD_LETTERS, _limit(50, 200), PAGE_CURSOR)),
    "POST /operations/dead-letters/redrive": Description("redriveDeadLetters",
         "Runs up to 1,000 dead letters again, selected by file, step, code and time.",
         {202: "DeadRedriven"}, bodies.RedriveDead),
    "GET /operations/audit": Description("audit",
         "Checks that nothing was lost or done twice: in the whole system for an admin, otherwise in your tenant.",
         {200: "Audit"}),
    "POST /operations/upkeep": Description("runUpkeep",
         "Runs a round of upkeep, unless one began within the last minute, and waits for its end; 202 if it goes on.",
         {200: "Job", 202: "Job"}),
    "POST /operations/pulse": Description("runPulse",
         "Rescues expired leases, publishes lost wake-ups again and dispatches, unless that was done within ten seconds.",
         {200: "Job", 202: "Job"}),
    "POST /operations/purge": Description("runPurge",
         "Erases what datasets no longer keep, with receipts, and waits for the end; 202 if it goes on.",
         {200: "Job", 202: "Job"}),
    "GET /operations/report": Description("getReport",
         "Shows figures of the files that were created on a day, by dataset: of all tenants for an admin and a scheduler,"
         " otherwise of yours. A worker makes it when it is first requested after the day; 202 if that goes on.",
         {200: "Report", 202: "Job"}, query=REPORT, also_as=REPORTS, headers=("Link",), tag="operations"),
    "GET /operations/jobs": Description("listJobs",
         "Lists jobs, newest first: of your tenant, for a scheduler also those of the whole system, for an admin all.",
         {200: "Jobs"}, query=(*JOB_FILTERS, _limit(50, 200), PAGE_CURSOR)),
    "GET /operations/jobs/{job_id}": Description("getJob", "Shows a job, its progress and what it has done.",
         {200: "Job"}),
    "POST /operations/jobs/{job_id}/cancel": Description("cancelJob",
         "Cancels a job: at once if it waits, otherwise after its current slice. What it has done stays.",
         {200: "Job"}, conflicts=True),
}
# fmt: on
