"""Imports: starts a job that makes files of objects that are in a bucket already."""

from __future__ import annotations

from typing import Any

from functions.api import datasets, quotas
from functions.api.bodies import NewImport
from functions.api.jobs import job_view
from functions.api.problems import Problem, not_found
from functions.api.requests import Request
from functions.job_kinds import IMPORT
from layers.domain.imports import is_allowed


def create(request: Request, dataset_id: str) -> tuple[int, Any]:
    body = request.read(NewImport)
    datasets.existing(request, dataset_id)
    _check(request, body)
    quotas.check_jobs(request)
    quotas.check_batches(request)
    batch = request.catalog.create_batch(
        dataset_id,
        allow_duplicates=body.allow_duplicates,
        expand_archives=body.expand_archives,
        separation=body.separation.as_json() if body.separation else None,
        labels=body.labels,
        priority=body.priority,
    )
    if batch is None:
        raise not_found("dataset")
    parameters = {
        "batch_id": str(batch.batch_id),
        "bucket": body.bucket,
        "prefix": body.prefix,
        "keys": body.keys,
        "since": body.since and body.since.isoformat(),
        "objects_per_s": body.objects_per_s,
        "in_place": body.in_place,
    }
    job = request.catalog.request_job(IMPORT, dataset_id, parameters)
    if job is None:
        raise not_found("dataset")
    request.dispatch()
    return 202, job_view(job)


def _check(request: Request, body: NewImport) -> None:
    if (body.prefix is None) == (body.keys is None):
        raise Problem("invalid_request", "name either a `prefix` or `keys`, not both")
    settings = request.ports.settings
    sources = request.catalog.import_sources()
    is_own = body.bucket in (settings.bucket, settings.artifact_bucket)
    for key in body.keys or [body.prefix or ""]:
        if is_own or not is_allowed(sources, body.bucket, key):
            detail = "an admin has to add the bucket and prefix to the tenant's `import_sources`"
            raise Problem("forbidden", f"your tenant may not import from {body.bucket}/{key}: {detail}")
