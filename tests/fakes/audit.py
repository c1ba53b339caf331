"""The audit of the store in memory."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from layers.domain.step import ENDED, State
from layers.ports import OpenUpload, RecordedObject, UploadVerdict
from tests.fakes.rows import MemoryRows


class MemoryAudit(MemoryRows):
    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__(now)
        self._walks: dict[str, str] = {}

    def audit_rows(
        self, every_s: float, limit: int, main_steps: Sequence[str], side_artifacts: Mapping[str, Sequence[str]]
    ) -> dict[str, int] | None:
        ended = ENDED | {State.WAITING}
        moving = {key[0] for key, row in self.steps.items() if row.state not in ended}
        unfinished = {key[0] for key, row in self.steps.items() if key[1] in main_steps and row.state not in ENDED}
        settled = ("done", "partial", "failed")
        kept = {f: row for f, row in self.files.items() if not row.removal_id}
        missing = sum(
            kind not in kept[file_id].artifacts
            for (file_id, step, _), row in self.steps.items()
            if file_id in kept and row.state == State.DONE
            for kind in side_artifacts.get(step, ())
        )
        stranded = [
            f for f, r in self.files.items() if r.state == "processing" and not r.removal_id and f not in moving
        ]
        done = Counter(
            (f, *attempt[:2]) for f, r in self.files.items() for attempt in r.attempts if attempt[3] == "done"
        )
        doubled = sum(max(0, times - 1 - self.steps[key].redrives) for key, times in done.items() if key in self.steps)
        findings = {
            "lost": len(stranded),
            "doubled": doubled,
            "artifacts_missing": missing,
            "settled_files_with_work_left": sum(row.state in settled and f in unfinished for f, row in kept.items()),
        }
        return {name: count for name, count in findings.items() if count}

    def walk(self, name: str) -> tuple[str, float]:
        return self._walks.get(name, ""), 1e9

    def note_walk(
        self, name: str, start: str, reached: str, checked: int, findings: Mapping[str, int], *, ended: bool
    ) -> None:
        self._walks[name] = "" if ended else reached

    def object_verdicts(self, keys: Sequence[str]) -> dict[str, str]:
        return {key: self._object_verdict(key) for key in keys}

    def _object_verdict(self, key: str) -> str:
        parts = key.split("/")
        of = self.files.get(parts[2]) if len(parts) > 2 else None
        if of is None:
            return "removed" if len(parts) > 2 and parts[2] in self.tombstones else "unknown"
        if key == of.file.object_key:
            return "awaited" if of.state in ("uploading", "upload_missing") else "referenced"
        if any(artifact.object_key == key for artifact in of.artifacts.values()):
            return "referenced"
        held = (
            self._claim(key) for key, row in self.steps.items() if key[0] == parts[2] and row.state == State.RUNNING
        )
        return "at_work" if any(key.startswith(claim.artifact_key("")) for claim in held) else "spare"

    def upload_verdicts(self, uploads: Sequence[OpenUpload]) -> list[UploadVerdict]:
        return [self._upload_verdict(upload.object_key) for upload in uploads]

    def _upload_verdict(self, key: str) -> UploadVerdict:
        file_id = key.rpartition("/")[2]
        row = self.files.get(file_id)
        if row is None:
            return UploadVerdict("ended" if file_id in self.tombstones else "unknown")
        is_awaited = row.state == "uploading" and not row.removal_id
        return UploadVerdict("awaited" if is_awaited else "ended", row.removal_id)

    def count_erased(self, removal_id: str, objects_erased: int) -> None:
        pass

    def recorded_objects(self, after: str, limit: int, tenant_id: str | None = None) -> list[RecordedObject]:
        chosen = [
            (file_id, row)
            for file_id, row in sorted(self.files.items())
            if file_id > after and row.has_arrived and not row.removal_id
            if tenant_id in (None, row.file.tenant_id)
        ]
        found: list[RecordedObject] = []
        for file_id, row in chosen[:limit]:
            named: dict[str, tuple[str, int | None]] = {"": (row.file.object_key, None)}
            named |= {kind: (artifact.object_key, artifact.size_bytes) for kind, artifact in row.artifacts.items()}
            found += [
                RecordedObject(file_id, row.file.tenant_id, row.file.name, kind, key, None, size_bytes, None)
                for kind, (key, size_bytes) in sorted(named.items())
            ]
        return found
