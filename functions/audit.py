"""The audit: checks that everything accepted is accounted for, in the rows and in the bucket.

Upkeep runs three walks, each by some files or objects a round, with an hour's rest at the end. One compares rows with
rows, one looks up the bucket's objects in the rows, one looks up artifacts in the bucket. A contradiction raises an
alarm; objects that dead workers left behind are deleted.
"""

from __future__ import annotations

from collections import Counter

from functions.pipelines import MAIN_STEPS, SIDE_ARTIFACTS
from layers.attempts.runner import Runner
from layers.telemetry.log import log

ROWS_EACH_S = 3600.0
WALK_REST_S = 3600.0
FILES_AT_ONCE = 5000
OBJECTS_AT_ONCE = 500
LOOKED_UP_AT_ONCE = 100


def audit_rows(runner: Runner, every_s: float = ROWS_EACH_S) -> int:
    """Compare the rows of the next files, unless all were checked recently; how many findings."""
    findings = runner.ports.store.audit_rows(every_s, FILES_AT_ONCE, MAIN_STEPS, SIDE_ARTIFACTS)
    if findings:
        log("audit_alarm", of="rows", findings=findings)
    return sum((findings or {}).values())


def walk_objects(runner: Runner, rest_s: float = WALK_REST_S) -> int:
    """Check the next objects of the bucket: delete those without reference, report unknown ones; how many."""
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


def walk_artifacts(runner: Runner, rest_s: float = WALK_REST_S) -> int:
    """Look up the next artifacts in the bucket; how many are missing."""
    reached, rested_s = runner.ports.store.walk("artifacts")
    if not reached and rested_s < rest_s:
        return 0
    kept = runner.ports.store.artifact_keys(reached, LOOKED_UP_AT_ONCE)
    gone = [key for _, key, version_id in kept if runner.ports.objects.size_of(key, version_id) is None]
    # A step that ran again meanwhile may have replaced the artifact.
    missing = [key for key, verdict in runner.ports.store.object_verdicts(gone).items() if verdict == "referenced"]
    if missing:
        log("audit_alarm", of="artifacts", findings={"objects_missing": len(missing)}, such_as=missing[:3])
    findings = {"objects_missing": len(missing)} if missing else {}
    ended = len(kept) < LOOKED_UP_AT_ONCE
    next_reached = kept[-1][0] if kept else reached
    runner.ports.store.note_walk("artifacts", reached, next_reached, len(kept), findings, ended=ended)
    return len(missing)
