"""The audit: check that everything accepted is accounted for, in the rows and in the bucket.

Upkeep runs three walks. Each checks some files or objects in a round, and rests for an hour at its end. The first
compares rows with rows, the second looks up the bucket's objects in the rows, and the third looks up the originals and
artifacts of the rows, with their sizes, in the bucket. A contradiction raises an alarm; objects that dead workers left
behind are deleted.
"""

from __future__ import annotations

import time
from collections import Counter

from functions.pipelines import MAIN_STEPS, SIDE_ARTIFACTS
from functions.recorded import contradictions, counted
from layers.attempts.runner import Runner
from layers.ports import OpenUpload
from layers.telemetry.log import log

ROWS_EACH_S = 3600.0
WALK_REST_S = 3600.0
FILES_AT_ONCE = 5000
OBJECTS_AT_ONCE = 500
LOOKED_UP_AT_ONCE = 100  # files
UPLOADS_AT_ONCE = 500
UPLOAD_PAGES_AT_ONCE = 10
# The row that names an upload is committed a moment after the upload has begun.
UPLOAD_IS_NAMED_S = 300.0


def audit_rows(runner: Runner, every_s: float = ROWS_EACH_S) -> int:
    """Compare the rows of the next files, unless all were checked recently. Returns the number of findings."""
    findings = runner.ports.store.audit_rows(every_s, FILES_AT_ONCE, MAIN_STEPS, SIDE_ARTIFACTS)
    if findings:
        log("audit_alarm", of="rows", findings=findings)
    return sum((findings or {}).values())


def walk_objects(runner: Runner, rest_s: float = WALK_REST_S) -> int:
    """Check the next objects of the bucket: delete unreferenced ones, report unknown ones. Returns their number."""
    reached, rested_s = runner.ports.store.walk("objects")
    if not reached and rested_s < rest_s:
        return 0
    keys = runner.ports.objects.keys_after("", reached, OBJECTS_AT_ONCE)
    verdicts = runner.ports.store.object_verdicts(keys)
    for key, verdict in verdicts.items():
        if verdict in ("spare", "removed"):
            runner.ports.objects.delete_prefix(key)
    findings = Counter(
        f"objects_{verdict}" for verdict in verdicts.values() if verdict not in ("referenced", "at_work")
    )
    if findings["objects_unknown"]:
        unknown = [key for key, verdict in verdicts.items() if verdict == "unknown"]
        log("audit_alarm", of="objects", findings={"objects_unknown": len(unknown)}, such_as=unknown[:3])
    ended = len(keys) < OBJECTS_AT_ONCE
    runner.ports.store.note_walk("objects", reached, keys[-1] if keys else reached, len(keys), findings, ended=ended)
    return sum(findings.values())


def walk_uploads(runner: Runner) -> int:
    """Abort multipart uploads that no file waits for. Returns their number.

    Their files have arrived, were cancelled, given up or removed, or have a newer upload. Parts of removed files are
    counted in the receipt of the removal.
    """
    objects, store = runner.ports.objects, runner.ports.store
    reached, _ = store.walk("uploads")
    start, aborted, parts, checked, unknown = reached, 0, 0, 0, []
    for _ in range(UPLOAD_PAGES_AT_ONCE):
        key, _, upload_id = reached.partition(" ")
        page = objects.uploads_after("", (key, upload_id), UPLOADS_AT_ONCE)
        for upload, verdict in zip(page, store.upload_verdicts(page), strict=True):
            if verdict.verdict == "unknown":
                unknown.append(upload.object_key)
            if verdict.verdict == "ended" or (verdict.verdict == "replaced" and _is_old(upload)):
                deleted = objects.abort_upload(upload.object_key, upload.upload_id)
                if verdict.removal_id and deleted:
                    store.count_erased(verdict.removal_id, deleted)
                aborted, parts = aborted + 1, parts + deleted
        checked += len(page)
        reached = f"{page[-1].object_key} {page[-1].upload_id}" if len(page) == UPLOADS_AT_ONCE else ""
        if not reached:
            break
    if aborted:
        log("uploads_aborted", uploads=aborted, parts=parts)
    if unknown:
        log("audit_alarm", of="uploads", findings={"uploads_unknown": len(unknown)}, such_as=unknown[:3])
    if (start, reached) != ("", ""):
        store.note_walk("uploads", start, reached, checked, {}, ended=False)
    return aborted


def _is_old(upload: OpenUpload) -> bool:
    return upload.begun_at < time.time() - UPLOAD_IS_NAMED_S


def walk_recorded(runner: Runner, rest_s: float = WALK_REST_S) -> int:
    """Look up the originals and artifacts of the next files in the bucket. Returns how many are missing or differ."""
    store = runner.ports.store
    reached, rested_s = store.walk("artifacts")
    if not reached and rested_s < rest_s:
        return 0
    after = reached.partition(" ")[0]
    recorded = store.recorded_objects(after, LOOKED_UP_AT_ONCE)
    found = contradictions(runner.ports.objects, recorded, lambda: store.recorded_objects(after, LOOKED_UP_AT_ONCE))
    if found:
        such_as = [contradiction.recorded.object_key for contradiction in found[:3]]
        log("audit_alarm", of="artifacts", findings=counted(found), such_as=such_as)
    ended = len({row.file_id for row in recorded}) < LOOKED_UP_AT_ONCE
    next_reached = recorded[-1].file_id if recorded else reached
    store.note_walk("artifacts", reached, next_reached, len(recorded), counted(found), ended=ended)
    return len(found)
