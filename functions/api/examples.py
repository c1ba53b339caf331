"""Examples of requests and responses, by the names of their schemas in the contract."""

from __future__ import annotations

from typing import Any

from functions.api.artifacts import KINDS, facts_of
from functions.pipelines import PIPELINES, SHOWN_PIPELINES
from layers.domain.step import RECORD as RECORD_KIND
from layers.domain.step import ArtifactKind, Step

DATASET = "0199d0a4-6c1e-7a52-9d0b-3f6f4a0c2b11"
BATCH = "0199d0a5-01b7-7c3e-8a44-d1f2c6b7e920"
FILE = "0199d0a5-01b8-71aa-b3c5-5e0d9a7f4c36"
MOMENT, LATER = "2026-01-15T09:30:00.000Z", "2026-01-15T09:30:04.250Z"
URL = "https://objects.example/fairway/"
SCHEMA = {
    "type": "object",
    "properties": {
        "merchant": {"type": "string", "x-labels": ["Merchant", "Sold by"]},
        "date": {"type": "string", "format": "date"},
        "total": {"type": "number", "x-labels": ["Total", "Amount due"]},
    },
    "required": ["total"],
}
UPLOAD = {
    "method": "PUT",
    "url": f"{URL}originals/{FILE}?X-Amz-Signature=0",
    "headers": {"Content-Length": "48213", "If-None-Match": "*"},
    "expires_at": "2026-01-15T10:30:00.000Z",
}
MANIFEST = "0199d0a5-01b0-7d11-9c2f-6a1b0e4d8f35"
LINES = [
    {
        "name": "2026/receipt.pdf",
        "size_bytes": 48213,
        "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "modified_at": "2026-01-14T18:02:11Z",
    },
    {"name": "2026/again.pdf", "size_bytes": 48213},
]
DONE = {"state": "done", "attempts": 1, "started_at": MOMENT, "ended_at": LATER}
RECORD = {
    "id": "0199d0a5-2f10-7bd1-a6e8-0c4b7d21e5f3",
    "fields": {"merchant": "Corner Shop", "date": "2026-01-12", "total": 9.0},
    "complete": True,
    "missing": [],
    "doubtful": [],
    "notes": [],
    "schema_version": 1,
    "by": {"merchant": "rules", "date": "rules", "total": "person"},
}
WEBHOOK = {
    "id": "0199d0a7-30aa-7d11-8c02-5f6e7a8b9c01",
    "url": "https://hooks.example/fairway",
    "description": None,
    "event_types": ["file.done", "file.failed", "batch.settled"],
    "enabled": True,
    "disabled_because": None,
    "failures": 0,
    "failing_since": None,
    "next_probe_at": None,
    "former_secret_until": None,
    "created_at": MOMENT,
}
DELIVERY = {
    "event_id": "0199d0a7-41bb-7a22-9d13-6a7b8c9d0e12",
    "type": "file.done",
    "subject": FILE,
    "occurred_at": LATER,
    "state": "delivered",
    "attempts": 1,
    "last_attempt": {"at": LATER, "status": 204, "error": None},
    "due_at": None,
    "ended_at": LATER,
}
EVIDENCE = {"total": {"page": 1, "text": "9.00", "box": [0.7, 0.8, 0.78, 0.82]}}
WHOLE_RECORD = RECORD | {"version": 2, "evidence": EVIDENCE}

FIRST_STEP, LAST_STEP = PIPELINES[0].steps[0].name, PIPELINES[0].steps[-1].name
FACTS = {"source": "native", "page_count": 1, "confidence": 100.0, "width": 226, "height": 320, "size_bytes": 4096}


def _step(step: Step) -> dict[str, Any]:
    if step.page_source in (None, "native"):
        return {"step": step.name, **DONE}
    return {"step": step.name, "state": "skipped", "attempts": 0, "reason": "every page has text"}


def _artifact(kind: ArtifactKind) -> dict[str, Any]:
    media_type = "image/webp" if "width" in kind.shows else "text/html"
    facts = {name: FACTS.get(field, media_type) for name, field in facts_of(kind).items()}
    return {"url": f"{URL}{kind.name}", **facts}


KIND = {"name": "receipt", "probability": 97.4, "doubtful": False, "by": "rules"}
INBOX = "0199d0a4-5a0d-7c41-8e1f-2b7d9c3a6e01"
MOVE = "6c1f0c8e-3d52-4a7b-9e0d-8f4b2a1c7d35"
LAST_MOVE = {"from": INBOX, "by": "rule", "at": LATER}

ROW = {
    "id": FILE,
    "name": "receipt.pdf",
    "batch_id": BATCH,
    "size_bytes": 48213,
    "media_type": "application/pdf",
    "created_at": MOMENT,
    "updated_at": LATER,
    "state": "done",
    "stage": None,
    "pipelines": {pipeline.name: "done" for pipeline in SHOWN_PIPELINES},
    "steps": {"done": 4, "skipped": 2},
    "waiting": None,
    "error": None,
    "labels": ["Munich office"],
    "taken_from": None,
    "thumbnail": {"url": f"{URL}thumbnail", "width": 226, "height": 320},
    "kind": KIND,
    "moved": LAST_MOVE,
    "record": {
        "version": 2,
        "fields": {"merchant": "Corner Shop", "date": "2026-01-12", "total": 9.0},
        "cut": [],
        "doubtful": [],
        "missing": [],
        "set": ["total"],
        "documents": 1,
        "review": "approved",
    },
}

EXAMPLES: dict[str, Any] = {
    "NewDataset": {"name": "receipts", "schema": SCHEMA},
    "ChangedDataset": {
        "when_textract_is_down": "wait",
        "languages": ["eng", "deu"],
        "date_order": "day_first",
        "several": "records",
        "sure_from": 80.0,
        "reading": "balanced",
        "retention": {"originals_days": 90, "records_days": 3650},
        "routing": {"receipt": "Receipts", "invoice": "Invoices"},
    },
    "Moves": {"to": DATASET, "file_ids": [FILE]},
    "Moved": {"id": MOVE, "count": 1, "not_moved": [], "has_more": False},
    "MovedBack": {"id": MOVE, "count": 1, "not_moved": []},
    "Routing": {
        "rules": {"receipt": {"dataset_id": DATASET, "name": "receipts"}},
        "taught": {"receipt": 9},
        "model": {
            "is_used": True,
            "rules": {"right": 31, "wrong": 6, "undecided": 4},
            "learnt": {"right": 40, "wrong": 0, "undecided": 1},
        },
    },
    "NewSchema": {"schema": SCHEMA},
    "NewBatch": {"files": [{"name": "receipt.pdf", "size_bytes": 48213, "media_type": "application/pdf"}]},
    "ManifestLine": LINES[0],
    "ManifestLines": LINES,
    "Manifest": {
        "id": MANIFEST,
        "dataset_id": DATASET,
        "batch_id": BATCH,
        "created_at": MOMENT,
        "deadline_at": "2026-01-16T09:30:00.000Z",
        "lines": 2,
        "taken": 2,
        "files": 1,
        "duplicate_lines": 1,
        "duplicates": [{"line": 1, "duplicate_of": FILE}],
        "next_cursor": None,
    },
    "DuplicateLines": {"duplicates": [{"line": 1, "duplicate_of": FILE}], "next_cursor": None},
    "ManifestUploads": {
        "uploads": [{"line": 0, "id": FILE, "name": "2026/receipt.pdf", "upload": UPLOAD}],
        "next_cursor": None,
    },
    "NewImport": {"bucket": "inbox", "prefix": "scans/2026-01-15/"},
    "NewPlan": {"schema": SCHEMA, "from": "extraction", "sample": 100},
    "PartNumbers": {"part_numbers": [1, 2]},
    "NewRemoval": {"file_ids": [FILE]},
    "NewTenant": {"name": "Example Ltd", "weight": 2.0, "quota": {}},
    "ChangedTenant": {"weight": 4.0},
    "NewKey": {"role": "viewer"},
    "NewSession": {"role": "editor", "name": "Ada"},
    "CodeToExchange": {"code": "fwc_..."},
    "SessionCode": {"code": "fwc_...", "role": "editor", "expires_at": "2026-01-15T09:35:00.000Z"},
    "Session": {"api_key": "fw_...", "role": "editor", "expires_at": "2026-01-15T21:30:00.000Z"},
    "Corrections": {"fields": {"total": 9.0, "merchant": None}, "evidence": {"total": {"page": 1, "text": "9.00"}}},
    "Review": {"state": "approved"},
    "Reviews": {"state": "approved", "where": [{"field": "total", "op": "lt", "value": 100}]},
    "Rows": {"rows": [ROW], "next_cursor": None, "total": 1, "changes_cursor": "cFJx0tW1Zl2sWyJdXQ"},
    "Row": ROW,
    "Redrive": {"step": LAST_STEP},
    "RedriveMany": {"state": "failed", "code": "timeout"},
    "Health": {"status": "ok", "dependencies": {"postgres": {"state": "up"}, "redis": {"state": "up"}}},
    "Dataset": {
        "id": DATASET,
        "name": "receipts",
        "schema": SCHEMA,
        "schema_version": 1,
        "when_textract_is_down": "best_reading",
        "languages": ["eng"],
        "date_order": "auto",
        "several": "records",
        "sure_from": 80.0,
        "reading": "balanced",
        "retention": {"originals_days": 90, "records_days": 3650},
        "routing": {},
        "counts": {"files": 12, "by_state": {"done": 9, "processing": 3}, "as_of": LATER},
        "created_at": MOMENT,
    },
    "BatchUploads": {
        "id": BATCH,
        "dataset_id": DATASET,
        "created_at": MOMENT,
        "files": [
            {"id": FILE, "name": "receipt.pdf", "state": "uploading", "upload": UPLOAD},
            {"id": None, "name": "again.pdf", "state": "duplicate", "duplicate_of": FILE, "upload": None},
        ],
    },
    "Batch": {
        "id": BATCH,
        "dataset_id": DATASET,
        "name": "January",
        "created_at": MOMENT,
        "cancelled_at": None,
        "priority": "normal",
        "separation": None,
        "labels": ["Munich office"],
        "counts": {"files": 12, "by_state": {"done": 9, "processing": 3}},
        "progress": {"done": 9, "total": 12, "unit": "file"},
        "eta_s": None,
    },
    "File": {
        "id": FILE,
        "name": "receipt.pdf",
        "batch_id": BATCH,
        "dataset_id": DATASET,
        "size_bytes": 48213,
        "media_type": "application/pdf",
        "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "created_at": MOMENT,
        "uploaded_at": MOMENT,
        "updated_at": LATER,
        "modified_at": None,
        "state": "done",
        "stage": None,
        "pipelines": {
            pipeline.name: {"state": "done", "steps": [_step(step) for step in pipeline.steps]}
            for pipeline in SHOWN_PIPELINES
        },
        "waiting": None,
        "error": None,
        "artifacts": {
            RECORD_KIND.name: WHOLE_RECORD,
            **{name: _artifact(kind) for name, kind in KINDS.items()},
            "original": {"url": f"{URL}original"},
        },
        "review": "approved",
        "taken_from": None,
        "separated": None,
        "kind": KIND,
        "moved": LAST_MOVE,
        "records": [WHOLE_RECORD],
    },
    "RecordOfFile": WHOLE_RECORD | {"review": "approved", "records": [WHOLE_RECORD]},
    "RecordHistory": {
        "changes": [
            {
                "at": LATER,
                "action": "set",
                "document": 1,
                "field": "total",
                "from": 90.0,
                "to": 9.0,
                "by": "person",
                "key_id": "0199d0a6-1c55-7f0e-9b21-8d3e5a6c7f42",
                "person": "Ada",
            }
        ]
    },
    "RecordRow": RECORD | {"file_id": FILE, "file_name": "receipt.pdf", "review": "approved"},
    "NewExport": {"format": "xlsx", "where": [{"field": "total", "op": "ge", "value": 100}], "sort": "-total"},
    "Export": {
        "id": "0199d0a6-1c55-7f0e-9b21-8d3e5a6c7f43",
        "dataset_id": DATASET,
        "format": "xlsx",
        "names": None,
        "state": "done",
        "rows": 12,
        "size_bytes": 9216,
        "url": f"{URL}export.xlsx",
        "archives": [],
        "manifest_url": None,
        "error": None,
        "created_at": MOMENT,
        "ended_at": LATER,
    },
    "RemovalStarted": {
        "id": "0199d0a6-1c55-7f0e-9b21-8d3e5a6c7f40",
        "count": 1,
        "not_found": [],
        "undo_window_s": 604800,
    },
    "AuditLogEntry": {
        "number": 17,
        "at": MOMENT,
        "entry": {
            "action": "DELETE /files/{file_id}",
            "ids": {"file_id": FILE},
            "created": "0199d0a6-1c55-7f0e-9b21-8d3e5a6c7f40",
            "query": {},
            "members": [],
            "status": 202,
            "key_id": "0199d0a6-1c55-7f0e-9b21-8d3e5a6c7f44",
            "role": "editor",
            "person": "Ada",
            "address": "192.0.2.7",
            "agent": "curl/8.5.0",
        },
        "previous_hash": "0" * 64,
        "hash": "a" * 64,
    },
    "NewWebhook": {
        "url": "https://hooks.example/fairway",
        "event_types": ["file.done", "file.failed", "batch.settled"],
    },
    "ChangedWebhook": {"enabled": True},
    "Redelivery": {"since": MOMENT},
    "Webhook": WEBHOOK,
    "WebhookWithSecret": WEBHOOK | {"secret": "whsec_..."},
    "Delivery": DELIVERY,
    "DeliveryHistory": DELIVERY
    | {"history": [{"attempt": 1, "at": LATER, "took_s": 0.12, "status": 204, "error": None}]},
    "RedriveDead": {"code": "timeout", "since": MOMENT},
    "DeadRedriven": {"count": 3, "has_more": False},
    "DeadLetters": {
        "dead_letters": [
            {
                "file_id": FILE,
                "dataset_id": DATASET,
                "tenant_id": "0199d0a6-1c55-7f0e-9b21-8d3e5a6c7f41",
                "step": FIRST_STEP,
                "code": "password_protected",
                "detail": "the PDF needs a password",
                "attempts": 1,
                "given_up_at": LATER,
            }
        ],
        "count": 1,
        "count_is_exact": True,
        "by_code": {"password_protected": 1},
        "next_cursor": None,
    },
    "FieldChanges": {
        "same": 90,
        "changed": 8,
        "appeared": 2,
        "vanished": 0,
        "doubtful_before": 4,
        "doubtful_after": 1,
        "examples": [{"file_id": FILE, "kind": "changed", "before": 9.0, "after": 10.0}],
    },
    "Job": {
        "id": "0199d0a6-1c55-7f0e-9b21-8d3e5a6c7f42",
        "kind": "upkeep",
        "state": "done",
        "tenant_id": None,
        "dataset_id": None,
        "parameters": {},
        "progress": {"done": 1, "total": 1},
        "result": {"ran": True, "done": {"counts_folded": 12}, "failed": []},
        "error": None,
        "created_at": MOMENT,
        "started_at": MOMENT,
        "ended_at": LATER,
    },
    "Audit": {
        "accepted": 12,
        "terminal": 9,
        "in_flight": 3,
        "lost": 0,
        "doubled": 0,
        "findings": {},
        "balanced": True,
        "stored": {"as_of": "2026-01-15T09:30:04.250Z", "checked": 48, "findings": {}},
        "objects": None,
    },
}
