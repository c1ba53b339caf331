"""Quotas: the limits of a tenant. They apply to new files, datasets and keys; accepted files are not affected."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from functions.api.problems import Problem
from functions.api.requests import Request
from layers.ports.rows import NewFile

PROCESSING_RETRY_S = 30
BYTES_RETRY_S = 600
# Limits where the tenant's quota has none: generous, but low enough to protect the system from one tenant.
DEFAULTS = {
    "datasets": 1_000,
    "keys": 200,
    "sessions": 1_000,
    "schema_versions": 1_000,
    "open_batches": 10_000,
    "requests_per_s": 50,
}
MOST_OPEN_JOBS, MOST_JOBS_A_DAY = 10, 1_000
LABELS = {
    "datasets": "datasets",
    "keys": "keys",
    "sessions": "sessions",
    "schema_versions": "schema versions of the dataset",
    "open_batches": "open batches",
}
ITEMS_RETRY_S = 60
# For each quota: what counts against it (`schema/functions/note_files.sql`), and its name in a sentence.
COUNTED = {
    "files_in_processing": ("unsettled", "files in processing"),
    "bytes_stored": ("bytes", "bytes stored"),
    "files_a_day": ("day", "files a day"),
}


def check(request: Request, new: Sequence[NewFile]) -> None:
    """Raise Problem `quota_exceeded` where these files would exceed a quota of the tenant.

    A lock is held until the request is committed, so that two requests can't both take the rest of a quota.
    """
    check_sums(request, len(new), sum(file.size_bytes for file in new))


def check_sums(request: Request, files: int, size_bytes: int) -> None:
    """The same for a number of files and the sum of their bytes."""
    if files:
        _check(request, {"files_in_processing": files, "files_a_day": files, "bytes_stored": size_bytes})


def check_renewals(request: Request, sizes: Sequence[int]) -> None:
    """The same for files whose uploads were given up as missing: they count again, except for `files_a_day`."""
    if sizes:
        _check(request, {"files_in_processing": len(sizes), "files_a_day": 0, "bytes_stored": sum(sizes)})


def _check(request: Request, wanted: Mapping[str, int]) -> None:
    quota = allowed(request)
    if not quota:
        return
    request.catalog.lock_quota()
    current = used(request)
    over = [name for name, most in quota.items() if wanted[name] and current[name] + wanted[name] > most]
    if over:
        raise Problem(
            "quota_exceeded",
            "; ".join(_sentence(name, quota[name], current[name], wanted[name]) for name in over),
            [{"pointer": f"/quota/{name}", "detail": f"at most {quota[name]}"} for name in over],
            Retry_After=str(max(_retry_s(name) for name in over)),
        )


def used(request: Request) -> dict[str, int]:
    """What counts against each quota, by the quota's name."""
    counts = request.catalog.tenant_use()
    return {name: counts.get(counted, 0) for name, (counted, _) in COUNTED.items()}


def allowed(request: Request) -> dict[str, int]:
    """The tenant's quotas by name, without those that have no limit."""
    known = request.catalog.quota()
    return {name: known[name] for name in COUNTED if known.get(name) is not None}


def check_datasets(request: Request) -> None:
    """Raise Problem `quota_exceeded` if the tenant may not have another dataset."""
    request.catalog.lock_quota()
    _check_one("datasets", request.catalog.quota(), request.catalog.dataset_count)


def check_schemas(request: Request, versions: int) -> None:
    """The same for another schema version of a dataset that has `versions` of them."""
    _check_one("schema_versions", request.catalog.quota(), lambda: versions)


def check_keys(request: Request, tenant_id: str) -> None:
    """The same for another key of a tenant."""
    request.catalog.lock_quota(tenant_id)
    _check_one("keys", request.catalog.quota_of(tenant_id), lambda: request.catalog.key_count(tenant_id))


def check_sessions(request: Request) -> None:
    """The same for another session of the caller's tenant."""
    request.catalog.lock_quota()
    _check_one("sessions", request.catalog.quota(), request.catalog.session_count)


def check_batches(request: Request) -> None:
    """The same for another batch.

    The default limit takes no lock: it only protects the system, and simultaneous requests may exceed it by a few.
    """
    quota = request.catalog.quota()
    if quota.get("open_batches") is not None:
        request.catalog.lock_quota()
    _check_one("open_batches", quota, request.catalog.open_batch_count)


def check_jobs(request: Request) -> None:
    """Raise Problem `quota_exceeded` if the tenant may not request another job now."""
    request.catalog.lock_quota()
    open_jobs, within_a_day = request.catalog.recent_jobs(MOST_JOBS_A_DAY)
    if open_jobs >= MOST_OPEN_JOBS or within_a_day >= MOST_JOBS_A_DAY:
        detail = f"at most {MOST_OPEN_JOBS} jobs may be open and {MOST_JOBS_A_DAY} requested in a day"
        retry_s = ITEMS_RETRY_S if open_jobs >= MOST_OPEN_JOBS else 3600
        raise Problem("quota_exceeded", detail, Retry_After=str(retry_s))


def limit_of(name: str, quota: Mapping[str, int]) -> int:
    """A tenant's limit; the default if its quota has none."""
    most = quota.get(name)
    return DEFAULTS[name] if most is None else most


def _check_one(name: str, quota: Mapping[str, int], count: Callable[[], int]) -> None:
    most = limit_of(name, quota)
    current = count()
    if current >= most:
        raise Problem(
            "quota_exceeded",
            f"{LABELS[name]}: {current} of {most} are in use",
            [{"pointer": f"/quota/{name}", "detail": f"at most {most}"}],
            Retry_After=str(ITEMS_RETRY_S),
        )


def _sentence(name: str, most: int, current: int, wanted: int) -> str:
    label = COUNTED[name][1]
    if wanted > most:
        return f"{label}: at most {most} are allowed and this request has {wanted}; send fewer at once"
    return f"{label}: {current} of {most} are in use, and this request would add {wanted}"


def _retry_s(name: str) -> int:
    if name == "files_a_day":
        now = datetime.now(UTC)
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        return max(1, round((midnight - now).total_seconds()))
    return BYTES_RETRY_S if name == "bytes_stored" else PROCESSING_RETRY_S
