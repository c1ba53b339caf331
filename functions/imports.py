"""Import: objects that are in a bucket already become files of a batch, at a limited rate.

Each object is downloaded, its checksum is compared with those of the dataset, and it is stored as the original of a new
file, or stays in place: then the file names its bucket, key and version. A slice that is run again finds the files that it
has created by the keys of their objects.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path
from typing import Any

from functions.arrivals import take_arrivals
from layers.attempts.runner import Runner
from layers.checksum import sha256_of
from layers.domain.errors import PermanentError
from layers.domain.imports import is_allowed, key_in_place, name_of
from layers.domain.job import Job, Slice
from layers.domain.message import Arrival
from layers.ports.imports import SourceObject

LISTED_AT_ONCE = 100
COPIED_AT_ONCE = 8
SLICE_S = 5.0
UPLOAD_S = 3600.0
FULL_WAIT_S = 30.0
# What became of an object.
IMPORTED, DUPLICATE, TOO_LARGE, TOO_OLD = "imported", "duplicates", "too_large", "too_old"
GONE, FOLDER, CANCELLED = "gone", "folders", "cancelled"
ABSENT = -1  # as the size of an object that does not exist


def import_objects(runner: Runner, job: Job) -> Slice:
    """Import objects for some seconds. Raises PermanentError if the tenant may not, or no longer, import from there."""
    _check_source(runner, job)
    started, counts, position = time.monotonic(), Counter(job.result.get("objects", {})), dict(job.position)
    handled, has_ended, is_full = 0, False, False
    while not has_ended and not is_full and time.monotonic() - started < SLICE_S:
        found, has_ended = _next_objects(runner, job, position)
        chosen = _fitting(runner, job, found)
        is_full = len(chosen) < len(found)
        if not chosen:
            has_ended = has_ended and not is_full
            continue
        outcomes = _import_all(runner, job, chosen)
        counts.update(outcomes)
        handled += len(chosen)
        position = _after(job, position, chosen)
        has_ended = (has_ended and not is_full) or CANCELLED in outcomes
    result = {"objects": dict(counts), "batch_id": job.parameters["batch_id"]}
    done = job.done + handled
    if has_ended:
        return Slice(result, done=done, total=done, has_ended=True)
    wait_s = FULL_WAIT_S if is_full else handled / job.parameters["objects_per_s"] - (time.monotonic() - started)
    total = len(job.parameters["keys"]) if job.parameters.get("keys") else None
    return Slice(result | {"waits_for_quota": is_full}, position, done, total, wait_s=max(0.0, wait_s))


def _check_source(runner: Runner, job: Job) -> None:
    """The tenant's sources may have changed since the import was requested."""
    assert job.tenant_id is not None
    sources, wanted = runner.ports.imports.import_sources_of(job.tenant_id), job.parameters
    for key in wanted.get("keys") or [wanted["prefix"]]:
        if not is_allowed(sources, wanted["bucket"], key):
            raise PermanentError("no_access", f"your tenant may not import from {wanted['bucket']}/{key}")


def _next_objects(runner: Runner, job: Job, position: dict[str, Any]) -> tuple[list[SourceObject], bool]:
    """The next objects, and whether there are no more after them."""
    bucket, sources = job.parameters["bucket"], runner.ports.sources
    if keys := job.parameters.get("keys"):
        start = position.get("number", 0)
        chosen = keys[start : start + LISTED_AT_ONCE]
        found = [sources.look_up(bucket, key) or SourceObject(key, ABSENT, datetime.now(UTC)) for key in chosen]
        return found, start + LISTED_AT_ONCE >= len(keys)
    found = sources.objects_after(bucket, job.parameters["prefix"], position.get("after", ""), LISTED_AT_ONCE)
    return found, len(found) < LISTED_AT_ONCE


def _after(job: Job, position: dict[str, Any], handled: Sequence[SourceObject]) -> dict[str, Any]:
    if job.parameters.get("keys"):
        return {"number": position.get("number", 0) + len(handled)}
    return {"after": handled[-1].key}


def _fitting(runner: Runner, job: Job, found: Sequence[SourceObject]) -> list[SourceObject]:
    """The first of these objects that the tenant's quota has room for now."""
    assert job.tenant_id is not None
    room = runner.ports.imports.room_of(job.tenant_id)
    most = len(found) if room.files is None else max(0, room.files)
    sizes = accumulate(max(0, each.size_bytes) for each in found[:most])
    if room.bytes is not None:
        return [each for each, size_bytes in zip(found[:most], sizes, strict=True) if size_bytes <= room.bytes]
    return list(found[:most])


def _import_all(runner: Runner, job: Job, objects: Sequence[SourceObject]) -> list[str]:
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(COPIED_AT_ONCE) as pool:
        numbered = enumerate(objects)
        done = list(pool.map(lambda each: _import_one(runner, job, each[1], Path(folder) / str(each[0])), numbered))
    take_arrivals(runner, [arrival for _, arrival in done if arrival])
    return [outcome for outcome, _ in done]


def _import_one(runner: Runner, job: Job, found: SourceObject, path: Path) -> tuple[str, Arrival | None]:
    """What became of an object, and the arrival of its file."""
    since = job.parameters.get("since")
    if found.size_bytes == ABSENT:
        return GONE, None
    if found.key.endswith("/") and found.size_bytes == 0:
        return FOLDER, None
    if since and found.modified_at < datetime.fromisoformat(since):
        return TOO_OLD, None
    if found.size_bytes > runner.ports.max_file_bytes:
        return TOO_LARGE, None
    try:
        version_id = runner.ports.sources.download(job.parameters["bucket"], found.key, path)
    except PermanentError as error:
        if error.code == "object_missing":
            return GONE, None
        raise
    try:
        return _store(runner, job, found, version_id, path)
    finally:
        path.unlink()


def _store(
    runner: Runner, job: Job, found: SourceObject, version_id: str | None, path: Path
) -> tuple[str, Arrival | None]:
    bucket, stays = job.parameters["bucket"], job.parameters.get("in_place")
    if stays and version_id is None:
        detail = (
            f"the bucket {bucket} keeps no versions, so that an object in place could change; import copies instead"
        )
        raise PermanentError("no_versions", detail)
    sha256 = sha256_of(path)
    name = name_of(found.key, job.parameters.get("prefix") or "")
    size_bytes = path.stat().st_size
    verdict, object_key = runner.ports.imports.import_file(
        job.parameters["batch_id"], found.key, name, size_bytes, sha256, UPLOAD_S
    )
    if verdict == "store" and object_key and stays:
        place = key_in_place(object_key, bucket, found.key)
        runner.ports.imports.keep_in_place(job.parameters["batch_id"], found.key, place)
        return IMPORTED, Arrival(place, version_id, size_bytes)
    if verdict == "store" and object_key:
        runner.ports.objects.upload(path, object_key, "application/octet-stream")
        return IMPORTED, Arrival(object_key)
    return {"arrived": IMPORTED, "duplicate": DUPLICATE}.get(verdict, CANCELLED), None
