"""Every route of the API: its method, path, handler and the lowest role that may call it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from functions.api import (
    audit_log,
    batches,
    changes,
    contract,
    corrections,
    datasets,
    dead_letters,
    exports,
    files,
    imports,
    jobs,
    learning,
    manifests,
    metrics,
    moves,
    operations,
    overview,
    pages,
    plans,
    records,
    redrives,
    removals,
    reports,
    rows,
    sessions,
    tenant_data,
    tenants,
    uploads,
    webhooks,
)
from functions.api.requests import PUBLIC, Request

Repeat = Callable[[Request, Any], Any]


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path. `role` is the lowest role that may call it; a public route needs no key.

    `repeat` marks a route that creates something: its requests may carry an Idempotency-Key, and a repeated request is
    answered with `repeat(request, stored_body)`. The handler of a `waits` route gets no transaction and opens
    short ones itself, because it waits long between them: for changes, for the object store, or for a job.
    `is_for_scheduler`: a key of a scheduler may call it too. `creates`: it creates something although it is a GET.
    """

    method: str
    path: str
    handler: Callable[..., Any]
    role: str
    repeat: Repeat | None = None
    waits: bool = False
    is_for_scheduler: bool = False
    creates: bool = False

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def is_public(self) -> bool:
        return self.role == PUBLIC

    @property
    def changes(self) -> bool:
        """Whether it may change something: then each call is in the audit log."""
        return self.creates or self.method not in audit_log.READS

    @property
    def ids(self) -> list[str]:
        """The names of the parameters in the path."""
        return [part[1:-1] for part in self.path.split("/") if part.startswith("{")]


def as_stored(_request: Request, body: Any) -> Any:
    """The response to a repeated request, as it was stored: without secrets."""
    return body


ROUTES = (
    Route("GET", "/health", operations.health, PUBLIC),
    Route("GET", "/openapi.json", contract.show, PUBLIC),
    Route("GET", "/me", sessions.me, "viewer"),
    Route("POST", "/sessions", sessions.create, "viewer", repeat=as_stored),
    Route("POST", "/sessions/exchange", sessions.exchange, PUBLIC),
    Route("DELETE", "/sessions", sessions.end, "viewer"),
    Route("GET", "/datasets", datasets.show_all, "viewer"),
    Route("POST", "/datasets", datasets.create, "editor", repeat=as_stored),
    Route("GET", "/datasets/{dataset_id}", datasets.show, "viewer"),
    Route("PUT", "/datasets/{dataset_id}", datasets.change, "editor"),
    Route("DELETE", "/datasets/{dataset_id}", removals.remove_dataset, "editor"),
    Route("PUT", "/datasets/{dataset_id}/schema", datasets.put_schema, "editor"),
    Route("POST", "/datasets/{dataset_id}/batches", batches.create, "editor", repeat=batches.sign_again),
    Route("GET", "/datasets/{dataset_id}/batches", batches.show_all, "viewer"),
    Route("POST", "/datasets/{dataset_id}/manifests", manifests.create, "editor", repeat=as_stored, waits=True),
    Route("GET", "/manifests/{manifest_id}", manifests.show, "viewer"),
    Route("GET", "/manifests/{manifest_id}/duplicates", manifests.show_duplicates, "viewer"),
    Route("GET", "/manifests/{manifest_id}/uploads", manifests.sign, "editor", creates=True),
    Route("POST", "/datasets/{dataset_id}/imports", imports.create, "editor", repeat=as_stored, is_for_scheduler=True),
    Route("POST", "/datasets/{dataset_id}/plans", plans.create, "operator", repeat=as_stored, is_for_scheduler=True),
    Route("GET", "/datasets/{dataset_id}/plans", plans.show_all, "viewer", is_for_scheduler=True),
    Route("GET", "/plans/{plan_id}", plans.show, "viewer", is_for_scheduler=True),
    Route("POST", "/plans/{plan_id}/apply", plans.apply, "operator", is_for_scheduler=True),
    Route("POST", "/plans/{plan_id}/rollback", plans.roll_back, "operator", is_for_scheduler=True),
    Route("GET", "/batches/{batch_id}", batches.show, "viewer"),
    Route("POST", "/batches/{batch_id}/files", batches.add_files, "editor", repeat=batches.sign_again),
    Route("POST", "/batches/{batch_id}/cancel", batches.cancel, "editor"),
    Route("GET", "/datasets/{dataset_id}/files", files.show_all, "viewer"),
    Route("GET", "/datasets/{dataset_id}/rows", rows.show, "viewer"),
    Route("GET", "/datasets/{dataset_id}/changes", changes.show, "viewer", waits=True),
    Route("GET", "/files/{file_id}", files.show, "viewer"),
    Route("GET", "/files/{file_id}/history", files.history, "viewer"),
    Route("GET", "/files/{file_id}/pages", pages.show, "viewer"),
    Route("GET", "/files/{file_id}/record", corrections.show, "viewer"),
    Route("PATCH", "/files/{file_id}/record", corrections.change, "editor"),
    Route("GET", "/files/{file_id}/record/history", corrections.history, "viewer"),
    Route("PUT", "/files/{file_id}/review", corrections.review, "editor"),
    Route("POST", "/datasets/{dataset_id}/reviews", corrections.review_many, "editor"),
    Route("POST", "/reviews/{review_id}/undo", corrections.undo_reviews, "editor"),
    Route("POST", "/datasets/{dataset_id}/moves", moves.create, "editor", repeat=as_stored),
    Route("POST", "/moves/{move_id}/undo", moves.undo, "editor"),
    Route("GET", "/datasets/{dataset_id}/routing", moves.show_routing, "viewer"),
    Route("GET", "/datasets/{dataset_id}/senders", learning.show, "viewer"),
    Route("POST", "/files/{file_id}/upload", uploads.renew, "editor"),
    Route("POST", "/files/{file_id}/upload/parts", uploads.sign_parts, "editor"),
    Route("GET", "/files/{file_id}/upload/parts", uploads.show_parts, "viewer"),
    Route("POST", "/files/{file_id}/upload/complete", uploads.complete, "editor"),
    Route("POST", "/files/{file_id}/uploaded", uploads.announce, "editor"),
    Route("POST", "/files/{file_id}/redrive", redrives.redrive, "operator"),
    Route("POST", "/datasets/{dataset_id}/redrive", redrives.redrive_many, "operator"),
    Route("GET", "/datasets/{dataset_id}/records", records.show, "viewer"),
    Route("POST", "/datasets/{dataset_id}/exports", exports.create, "viewer", repeat=exports.show_again),
    Route("GET", "/exports/{export_id}", exports.show, "viewer"),
    Route("DELETE", "/files/{file_id}", removals.remove_file, "editor"),
    Route("POST", "/datasets/{dataset_id}/removals", removals.remove_many, "editor", repeat=as_stored),
    Route("GET", "/datasets/{dataset_id}/removals", removals.show_of_dataset, "viewer"),
    Route("GET", "/removals", removals.show_all, "viewer"),
    Route("GET", "/removals/{removal_id}", removals.show, "viewer"),
    Route("GET", "/datasets/{dataset_id}/purges", removals.show_purges, "viewer"),
    Route("POST", "/removals/{removal_id}/undo", removals.undo, "editor"),
    Route("GET", "/audit-log", audit_log.show, "operator"),
    Route("GET", "/audit-log/check", audit_log.check, "operator"),
    Route("GET", "/webhooks", webhooks.show_all, "operator"),
    Route("POST", "/webhooks", webhooks.create, "operator", repeat=as_stored),
    Route("GET", "/webhooks/{webhook_id}", webhooks.show, "operator"),
    Route("PUT", "/webhooks/{webhook_id}", webhooks.change, "operator"),
    Route("DELETE", "/webhooks/{webhook_id}", webhooks.delete, "operator"),
    Route("POST", "/webhooks/{webhook_id}/secret", webhooks.replace_secret, "operator"),
    Route("POST", "/webhooks/{webhook_id}/test", webhooks.send_test, "operator"),
    Route("GET", "/webhooks/{webhook_id}/deliveries", webhooks.show_deliveries, "operator"),
    Route("GET", "/webhooks/{webhook_id}/deliveries/{event_id}", webhooks.show_delivery, "operator"),
    Route("POST", "/webhooks/{webhook_id}/deliveries/{event_id}/redeliver", webhooks.redeliver, "operator"),
    Route("POST", "/webhooks/{webhook_id}/redeliveries", webhooks.redeliver_failed, "operator"),
    Route("GET", "/operations", overview.show, "operator"),
    Route("GET", "/metrics", metrics.show, "operator"),
    Route("GET", "/operations/tenants", tenants.show_all, "admin"),
    Route("POST", "/operations/tenants", tenants.create, "admin", repeat=as_stored),
    Route("PUT", "/operations/tenants/{tenant_id}", tenants.change, "admin"),
    Route("POST", "/operations/tenants/{tenant_id}/export", tenant_data.export, "admin", repeat=tenant_data.show_again),
    Route("POST", "/operations/tenants/{tenant_id}/erasure", tenant_data.erase, "admin", repeat=tenant_data.show_again),
    Route("GET", "/operations/tenant-receipts/{receipt_id}", tenant_data.show, "admin"),
    Route("GET", "/operations/tenants/{tenant_id}/keys", tenants.show_keys, "admin"),
    Route("POST", "/operations/tenants/{tenant_id}/keys", tenants.create_key, "admin", repeat=as_stored),
    Route("DELETE", "/operations/keys/{key_id}", tenants.revoke_key, "admin"),
    Route("GET", "/operations/dead-letters", dead_letters.show_all, "operator"),
    Route("POST", "/operations/dead-letters/redrive", dead_letters.redrive, "operator"),
    Route("GET", "/operations/audit", operations.audit, "operator", waits=True, is_for_scheduler=True),
    Route("POST", "/operations/upkeep", jobs.upkeep, "admin", waits=True, is_for_scheduler=True),
    Route("POST", "/operations/pulse", jobs.pulse, "admin", waits=True, is_for_scheduler=True),
    Route("POST", "/operations/purge", jobs.purge, "admin", waits=True, is_for_scheduler=True),
    Route("GET", "/operations/report", reports.show, "operator", waits=True, is_for_scheduler=True),
    Route("GET", "/operations/jobs", jobs.show_all, "operator", is_for_scheduler=True),
    Route("GET", "/operations/jobs/{job_id}", jobs.show, "operator", is_for_scheduler=True),
    Route("POST", "/operations/jobs/{job_id}/cancel", jobs.cancel, "operator", is_for_scheduler=True),
)
