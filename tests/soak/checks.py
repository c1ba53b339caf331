"""Checks after a run: everything has ended, nothing is lost or damaged, and each effect has happened once."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from fairway_client import is_settled

from benchmarks.starting import ROOT
from functions.audit import walk_objects, walk_recorded, walk_uploads
from layers.adapters.postgres.database import Database
from tests.scenarios.measurements import Measurement, exactly
from tests.soak.users import Sent, User

SHOWN = 5
ALARMS = ("audit_alarm", "step_failed", "message_failed", "handler_hung")
NOTED = ("consumer_failed", "timer_failed", "upkeep_duty_failed", "thread_ended", "log_lines_lost", "request_failed")
GOOD = ("done",)
# A batch may be cancelled before, while or after its files are processed.
CANCELLED = ("done", "cancelled")
DONE_TWICE = """
SELECT count(*) AS n FROM (SELECT 1 FROM attempts WHERE outcome = 'done' GROUP BY file_id, step, part HAVING count(*) > 1) d
"""
# A part whose state is `done` has exactly one attempt with the outcome `done`.
NOT_IN_THE_LEDGER = """
SELECT count(*) AS n FROM steps s JOIN files f USING (file_id)
 WHERE s.state = 'done' AND f.removed_at IS NULL
   AND (SELECT count(*) FROM attempts a
         WHERE a.file_id = s.file_id AND a.step = s.step AND a.part = s.part AND a.outcome = 'done') <> 1
"""
UNENDED_ATTEMPTS = "SELECT count(*) AS n FROM steps WHERE state IN ('queued', 'running', 'ready', 'retrying', 'parked')"
VIOLATIONS = "SELECT violation, detail, count(*) AS times FROM chaos_violations GROUP BY 1, 2"
NOT_DONE = """
SELECT f.name, s.step, s.state, a.outcome, a.error_detail
  FROM files f JOIN steps s USING (file_id)
  LEFT JOIN attempts a ON a.file_id = s.file_id AND a.step = s.step AND a.part = s.part AND a.attempt = s.attempt
 WHERE f.removed_at IS NULL AND s.state IN ('failed', 'cancelled') AND f.file_id::text = ANY (%(ids)s)
 ORDER BY 1, 2
"""


def unsettled(users: Iterable[User]) -> list[str]:
    """The files and removals that have not ended yet, with their states."""
    left: list[str] = []
    for user in users:
        files = {file["id"]: file for file in user.files()}
        for sent in user.sent.values():
            file = files.get(sent.file_id)
            if (
                file is not None
                and not is_settled(file)
                and not (sent.may_be_cancelled and file["state"] == "uploading")
            ):
                left.append(f"{file['name']} is {file['state']}: {file.get('waiting') or file['pipelines']}")
        for removal_id in {one.removal_id for one in user.sent.values() if one.is_removed}:
            removal = user.caller.json("GET", f"/removals/{removal_id}")
            if not removal["erased_at"]:
                left.append(f"the removal {removal_id} has not erased its files")
    return left


def check_files(users: Sequence[User], database: Database) -> list[Measurement]:
    """Check that each file is in a state that its user may expect, with the content that was sent."""
    ended: Counter[str] = Counter()
    wrong: list[str] = []
    damaged: list[str] = []
    ids: list[str] = []
    for user in users:
        files = {file["id"]: file for file in user.files()}
        for sent in user.sent.values():
            file = files.pop(sent.file_id, None)
            state = "removed" if file is None else file["state"]
            ended[state] += 1
            if not _may_end_as(sent, state):
                wrong.append(f"{sent.content.name} ended as {state}: {(file or {}).get('error')}")
                ids.append(sent.file_id)
            elif file is not None and state in GOOD:
                damaged += _damage(user, sent, file)
        wrong += [f"{file['name']} was described once and exists twice" for file in files.values()]
    reasons = [" ".join(map(str, row.values())) for row in database.rows(NOT_DONE, ids=ids)] if ids else []
    return [
        Measurement("files", ", ".join(f"{count} {state}" for state, count in sorted(ended.items()))),
        none("files that ended in a wrong state", [*wrong, *reasons]),
        none("files with wrong content, artifacts or values", damaged),
    ]


def _may_end_as(sent: Sent, state: str) -> bool:
    if sent.is_removed:
        return state == "removed"
    return state in (CANCELLED if sent.may_be_cancelled else GOOD)


def _damage(user: User, sent: Sent, file: dict[str, Any]) -> list[str]:
    """The faults of the stored objects of a file that is done, and of the values of its record."""
    found = []
    artifacts = file["artifacts"]
    for kind, artifact in artifacts.items():
        if not artifact or "url" not in artifact:
            continue
        answer = user.caller.get(artifact["url"])
        if answer.status_code != 200 or not answer.content:
            found.append(f"{sent.content.name}: its {kind} answers {answer.status_code}")
        elif kind == "original" and hashlib.sha256(answer.content).hexdigest() != sent.sha256:
            found.append(f"{sent.content.name}: its original is not what was sent")
    for kind in ("original", "text", "thumbnail", "preview", "record"):
        pipeline = file["pipelines"].get(kind if kind in file["pipelines"] else "main", {})
        if not artifacts.get(kind) and pipeline.get("state") == "done":
            found.append(f"{sent.content.name}: it is done and has no {kind}")
    total = ((artifacts.get("record") or {}).get("fields") or {}).get("total")
    if sent.content.total is not None and total != sent.content.total:
        found.append(f"{sent.content.name}: its total is {total}, not {sent.content.total}")
    return found


def check_changes(users: Sequence[User]) -> list[Measurement]:
    """Check that a client that followed the changes knows exactly what a listing shows."""
    different = []
    for user in users:
        user.follow()
        listed = {file["id"]: file["state"] for file in user.files()}
        different += [
            f"{file_id}: the changes say {user.known.get(file_id)}, the listing {listed.get(file_id)}"
            for file_id in user.known.keys() | listed.keys()
            if user.known.get(file_id) != listed.get(file_id)
        ]
    return [none("files that the changes and the listing show differently", different)]


def check_effects(database: Database) -> list[Measurement]:
    violations = [f"{row['violation']} {row['times']} times: {row['detail']}" for row in database.rows(VIOLATIONS)]
    return [
        exactly("parts done twice", database.rows(DONE_TWICE)[0]["n"], 0),
        exactly("done parts without their one attempt", database.rows(NOT_IN_THE_LEDGER)[0]["n"], 0),
        exactly("parts that still wait or run", database.rows(UNENDED_ATTEMPTS)[0]["n"], 0),
        none("forbidden changes of a state", violations),
    ]


def check_audit(user: User) -> list[Measurement]:
    """Check the audit of all tenants, which an admin's key may read."""
    audit = user.caller.json("GET", "/operations/audit")
    shown = {name: audit[name] for name in ("lost", "doubled", "in_flight", "findings")}
    return [
        exactly("audit balances", audit["balanced"], True),
        exactly("audit", shown, {"lost": 0, "doubled": 0, "in_flight": audit["in_flight"], "findings": {}}),
        exactly("audit: findings in the object store", (audit["stored"] or {}).get("findings"), {}),
    ]


def clear_leftovers(runner: Any, database: Database) -> int:
    """Run the walks of upkeep that delete what killed workers have left. Returns how many they deleted."""
    found = 0
    for walk in (walk_objects, walk_recorded):
        database.run("UPDATE audit_walks SET reached = '', rested_at = NULL")
        name = "objects" if walk is walk_objects else "artifacts"
        while (count := walk(runner, 0.0)) or runner.ports.store.walk(name)[0]:
            found += count
    return found + walk_uploads(runner)


def check_stored(home: str) -> list[Measurement]:
    """Run `python -m infra.doctor --verify`, as an operator does."""
    argv = [sys.executable, "-m", "infra.doctor", "--verify", "--home", home]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "FAIRWAY_"))}
    run = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    lines = run.stdout.splitlines()
    print(run.stdout if run.returncode else lines[-1] if lines else run.stderr)
    return [exactly("exit code of the doctor, which compares all checksums", run.returncode, 0)]


def none(name: str, found: Sequence[str]) -> Measurement:
    """A measurement whose target is that nothing was found. Its value shows the first findings."""
    value = f"{len(found)}: " + "; ".join(found[:SHOWN]) if found else 0
    return Measurement(name, value, "0", not found)


def check_logs(folder: Path) -> list[Measurement]:
    """Check the logs that the processes have written, apart from lines that rotation has deleted."""
    events: Counter[str] = Counter()
    alarms: list[str] = []
    for path in folder.glob("*.log*"):
        for line in path.read_text(errors="replace").splitlines():
            with suppress(ValueError, AttributeError):
                entry = json.loads(line)
                events[entry.get("event", "")] += 1
                if entry.get("event") in ALARMS:
                    alarms.append(line[:300])
    noted = {name: events[name] for name in NOTED if events[name]}
    return [none("alarms in the logs", alarms), Measurement("events in the logs", str(noted))]
