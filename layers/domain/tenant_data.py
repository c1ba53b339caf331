"""What an export of a whole tenant has, and what it leaves out."""

from __future__ import annotations

# Tables with rows of the tenant, and those with rows of its files. Every table with a tenant is in one of the three.
OF_TENANT = (
    "tenants",
    "datasets",
    "schema_versions",
    "batches",
    "manifests",
    "manifest_duplicates",
    "removals",
    "purges",
    "plans",
    "reports",
    "webhook_endpoints",
    "jobs",
    "audit_log",
)
OF_FILES = ("files", "records", "record_changes", "attempts", "pages", "artifacts", "file_moves", "kind_lessons")
LEFT_OUT = {
    "api_keys": "secrets",
    "session_codes": "secrets",
    "idempotency_keys": "requests of the last day",
    "steps": "work; what became of it is in `attempts`",
    "windows": "unfinished extractions",
    "lanes": "scheduling",
    "batch_lanes": "scheduling",
    "lane_backlogs": "scheduling",
    "file_counts": "derived",
    "count_deltas": "derived",
    "attempt_totals": "derived",
    "file_changes": "derived",
    "row_values": "derived from `records`",
    "sender_keys": "derived from `records`",
    "similar_keys": "derived from `records` and pictures",
    "exports": "copies of records, kept for a day",
    "tombstones": "ids of erased files",
    "plan_files": "former records of files that were processed again",
    "webhook_events": "messages of the last week",
    "webhook_deliveries": "messages of the last week",
    "webhook_attempts": "messages of the last week",
    "settled_batch_checks": "scheduling",
    "readers": "logins",
    "dataset_views": "derived",
    "tenant_receipts": "of the operator",
}
# Secrets, and the words of pages with their places, which take more than all else; `text` has the words.
HIDDEN_COLUMNS = {"webhook_endpoints": ("secret", "former_secret"), "pages": ("words",)}
