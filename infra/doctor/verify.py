"""Compares rows, objects and checksums.

It only reads. Memory is bounded: files are checked page by page, and one original at a time is downloaded.
"""

from __future__ import annotations

import hashlib
import sqlite3
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from functions.recorded import contradictions
from infra.local.objects.damage import damaged_in
from layers.domain.errors import DependencyDown, PermanentError, StoreUnreachable
from layers.ports import Objects, RecordedObject, Store

FILES_AT_ONCE = 100
KEYS_AT_ONCE = 500
CHUNK_BYTES = 1024 * 1024
SOUND, UNSOUND, NOT_CHECKED = 0, 1, 2  # exit codes

WHAT_TO_DO = {
    "originals_missing": "restore the object from a backup, or remove the file and upload it again",
    "artifacts_not_stored": "redrive the step that makes the artifact",
    "objects_of_wrong_size": "original: restore it or upload it again; artifact: redrive its step",
    "wrong_checksum": "original: restore it, or remove the file and upload it again; text: redrive its step",
    "unreadable": "check the disk and the log of the object store, then run this again",
    "spare": "nothing: upkeep deletes it within about an hour",
    "removed": "nothing: upkeep deletes it within about an hour",
    "unfinished_upload": "nothing: upkeep aborts it within minutes",
    "unknown": "check who stored it; Fairway does not delete it",
    "damaged_on_disk": "restore the home's `objects` folder from a backup; then upload again or redrive what is missing",
}
# Left by attempts that did not end, or by removals. Upkeep deletes it, so that it is no fault.
HARMLESS = frozenset({"spare", "removed", "unfinished_upload"})


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong or left over. `file_id` and `name` are empty if no file is known."""

    finding: str
    object_key: str
    file_id: str = ""
    name: str = ""
    detail: str = ""


class Doctor:
    """Compares the rows with the objects. `home` is the objects folder of an embedded start, if there is one."""

    def __init__(self, store: Store, objects: Objects, home: Path | None = None, tenant_id: str | None = None) -> None:
        self._store = store
        self._objects = objects
        self._home = home
        self._tenant_id = tenant_id
        self.checked: Counter[str] = Counter()
        self.reached = ""  # all files up to this id are checked

    def verify(self, after: str = "") -> Iterator[Finding]:
        """Yield each finding at once, starting after the file with this id. Raises DependencyDown."""
        yield from self._files(after)
        yield from self._orphans()
        yield from self._uploads()
        yield from self._damaged()

    def _files(self, after: str) -> Iterator[Finding]:
        while page := self._read(after):
            start = after
            found = contradictions(self._objects, page, lambda start=start: self._read(start))  # type: ignore[misc]
            for contradiction in found:
                stored, expected = contradiction.stored_bytes, contradiction.recorded.size_bytes
                detail = "" if stored is None else f"{stored} bytes, not {expected}"
                yield _finding(contradiction.finding, contradiction.recorded, detail)
            wrong = {contradiction.recorded for contradiction in found}
            for recorded in page:
                self.checked["originals" if not recorded.kind else "artifacts"] += 1
                problem = self._content(recorded) if recorded.sha256 and recorded not in wrong else None
                if problem and recorded in set(self._read(start)):  # otherwise it was removed in the meantime
                    yield problem
            after = self.reached = page[-1].file_id

    def _read(self, after: str) -> Sequence[RecordedObject]:
        return self._store.recorded_objects(after, FILES_AT_ONCE, self._tenant_id)

    def _content(self, recorded: RecordedObject) -> Finding | None:
        with tempfile.TemporaryDirectory(prefix="fairway-doctor-") as folder:
            path = Path(folder) / "original"
            try:
                self._objects.download(recorded.object_key, recorded.version_id, path)
            except PermanentError as error:
                return _finding("unreadable", recorded, error.detail)
            except DependencyDown as error:
                if not self._objects.is_up():
                    raise
                return _finding("unreadable", recorded, error.detail)
            digest = hashlib.sha256()
            with path.open("rb") as file:
                while chunk := file.read(CHUNK_BYTES):
                    digest.update(chunk)
        self.checked["checksums"] += 1
        if digest.hexdigest() == recorded.sha256:
            return None
        return _finding("wrong_checksum", recorded, f"SHA-256 {digest.hexdigest()[:12]}..., not {recorded.sha256}")

    def _prefixes(self) -> list[str]:
        return [f"{kind}/{self._tenant_id}/" for kind in ("artifacts", "originals")] if self._tenant_id else [""]

    def _orphans(self) -> Iterator[Finding]:
        for prefix in self._prefixes():
            after = ""
            while keys := self._objects.keys_after(prefix, after, KEYS_AT_ONCE):
                verdicts = self._store.object_verdicts(keys)
                self.checked["objects"] += len(keys)
                for key in keys:
                    if verdicts[key] in ("spare", "removed", "unknown"):
                        yield Finding(verdicts[key], key)
                after = keys[-1]

    def _uploads(self) -> Iterator[Finding]:
        for prefix in self._prefixes():
            after = ("", "")
            while page := self._objects.uploads_after(prefix, after, KEYS_AT_ONCE):
                self.checked["unfinished uploads"] += len(page)
                for upload, verdict in zip(page, self._store.upload_verdicts(page), strict=True):
                    if verdict.verdict == "ended":
                        yield Finding("unfinished_upload", upload.object_key, detail=upload.upload_id)
                    elif verdict.verdict == "unknown":
                        yield Finding("unknown", upload.object_key, detail=f"upload {upload.upload_id}")
                after = page[-1].object_key, page[-1].upload_id

    def _damaged(self) -> Iterator[Finding]:
        """Bodies that are missing or incomplete on the disk of an embedded start."""
        if self._home is None or not (self._home / "index.sqlite").exists():
            return
        for key, version_id in damaged_in(self._home):
            if not self._tenant_id or f"/{self._tenant_id}/" in key:
                yield Finding("damaged_on_disk", key, detail=f"version {version_id}")


def _finding(finding: str, recorded: RecordedObject, detail: str) -> Finding:
    kind = recorded.kind or "original"
    return Finding(finding, recorded.object_key, recorded.file_id, recorded.name, f"{kind} {detail}".strip())


def report(doctor: Doctor, after: str = "") -> int:
    """Print what is wrong or left over, then what was checked. Returns the exit code."""
    found: Counter[str] = Counter()
    try:
        for finding in doctor.verify(after):
            if not found:
                print(f"{'finding':<22} {'file':<36} object")
            found[finding.finding] += 1
            print(f"{finding.finding:<22} {finding.file_id or '-':<36} {finding.object_key}")
            about = ", ".join(filter(None, (repr(finding.name) if finding.name else "", finding.detail)))
            if about:
                print(f"{'':<22} {about}")
    except (DependencyDown, StoreUnreachable, OSError, sqlite3.Error) as error:
        print(f"Not everything was checked: {error}", file=sys.stderr)
        return NOT_CHECKED
    finally:
        if doctor.reached:
            print(f"Files are checked up to {doctor.reached} (continue with --after).", file=sys.stderr)
    for name, count in sorted(found.items()):
        print(f"{count} x {name}: {WHAT_TO_DO[name]}")
    checked = ", ".join(f"{count} {name}" for name, count in sorted(doctor.checked.items())) or "nothing is stored"
    print(f"Checked: {checked}. Findings: {found.total()}.")
    return UNSOUND if set(found) - HARMLESS else SOUND
