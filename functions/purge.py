"""Purge: erase what datasets no longer keep, a limited number of files at a time.

Rows are erased first, each batch of files in one transaction with the receipt, and their objects after that. If a worker
dies in between, the audit's walk through the bucket finds the objects that no row refers to, and deletes them.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from layers.attempts.runner import Runner
from layers.domain.file import original_key
from layers.domain.ids import FIRST_ID
from layers.domain.job import Job, Slice
from layers.domain.retention import KINDS, first_kept, following
from layers.ports.retention import Purged

FILES_AT_ONCE = 200
DELETED_AT_ONCE = 8
SLICE_S = 5.0


def now_utc() -> datetime:
    return datetime.now(UTC)


def purge(runner: Runner, job: Job) -> Slice:
    """Purge for some seconds, dataset after dataset."""
    deadline = time.monotonic() + SLICE_S
    position, unsettled, datasets = dict(job.position), int(job.result.get("unsettled", 0)), job.done
    now = datetime.fromisoformat(position.setdefault("now", now_utc().isoformat()))
    while True:
        if "dataset" not in position:
            found = runner.ports.retention.next_retention(position.get("after_dataset"))
            if found is None:
                return Slice(_result(runner, job, unsettled), done=datasets, total=datasets, has_ended=True)
            position |= {"dataset": found[0], "kind": KINDS[0]}
        unsettled += _purge_files(runner, job, position, now)
        if "dataset" not in position:
            datasets += 1
        if time.monotonic() >= deadline:
            return Slice(_result(runner, job, unsettled), position, datasets)


def _purge_files(runner: Runner, job: Job, position: dict[str, Any], now: datetime) -> int:
    """Purge the next files and move the position forward. Returns how many of them still have work to do."""
    dataset_id, kind, port = position["dataset"], position["kind"], runner.ports.retention
    # Read each time: it may have been changed, so that more is kept.
    before = first_kept(port.retention_of(dataset_id), kind, now)
    if before is None:
        _next_kind(position)
        return 0
    after = position.get("after") or (FIRST_ID if kind == "records" else port.purge_mark(dataset_id, kind))
    purged = port.purge_files(job.job_id, dataset_id, kind, after, before, FILES_AT_ONCE)
    if kind != "records" and purged.file_ids:
        port.count_purged(job.job_id, dataset_id, kind, _delete_objects(runner, kind, purged))
    elif purged.file_ids:
        runner.ports.topics.dispatch_later(0)  # upkeep erases removed files
    position["after"] = purged.reached
    if purged.seen < FILES_AT_ONCE:
        _next_kind(position)
    return purged.unsettled


def _next_kind(position: dict[str, Any]) -> None:
    """Go on with the next kind of content or, after the last, with the next dataset."""
    position.pop("after", None)
    kind = following(position["kind"])
    if kind:
        position["kind"] = kind
    else:
        position["after_dataset"] = position.pop("dataset")
        del position["kind"]


def _delete_objects(runner: Runner, kind: str, purged: Purged) -> int:
    """Delete the originals, or none, and the artifacts of purged files. Returns the number of deleted objects."""
    objects = runner.ports.objects
    originals = objects.delete_under(original_key(purged.tenant_id, ""), purged.file_ids) if kind == "originals" else 0
    return originals + _delete_all(runner, purged.object_keys)


def _delete_all(runner: Runner, object_keys: Sequence[str]) -> int:
    if not object_keys:
        return 0
    with ThreadPoolExecutor(min(DELETED_AT_ONCE, len(object_keys))) as pool:
        return sum(pool.map(runner.ports.objects.delete_prefix, object_keys))


def _result(runner: Runner, job: Job, unsettled: int) -> dict[str, Any]:
    """What was erased, from the receipts: a slice whose worker died has left its receipts, but not its result."""
    return {"erased": runner.ports.retention.purged(job.job_id), "unsettled": unsettled}
