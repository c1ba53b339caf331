"""Export and erasure of a whole tenant: a job in slices, with a receipt.

The export is a series of zip files, each complete by itself: a slice writes one and stores its position, so that a lost worker
costs one slice, and memory and disk do not grow with the tenant. A slice that runs again writes the same object again.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

from layers.attempts.runner import Runner
from layers.checksum import sha256_of
from layers.domain.errors import PermanentError
from layers.domain.file import artifact_prefix, original_key
from layers.domain.job import Job, Slice
from layers.domain.tenant_data import OF_FILES, OF_TENANT
from layers.domain.zip_paths import safe_file_name
from layers.ports import Objects
from layers.ports.tenant_data import StoredFile

ARCHIVE_BYTES = 64 * 1024 * 1024  # after which an archive ends
ARCHIVE_FILES = 1_000
FILES_AT_ONCE = 50
SLICE_S = 20.0
ERASED_AT_ONCE = 5_000
WAIT_S = 30.0
EXPORT_KEPT_DAYS = 7
ZIP, JSON = "application/zip", "application/json"


@dataclass
class _Archive:
    """One zip file of an export, and what it has."""

    path: Path
    rows: Counter[str] = field(default_factory=Counter)
    files: list[dict[str, Any]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def add_rows(self, archive: ZipFile, table: str, rows: Iterable[str], part: str = "") -> None:
        """Add rows of a table as JSON lines. `part` makes the name unique."""
        with archive.open(f"rows/{table}{part}.jsonl", "w", force_zip64=True) as stream:
            for row in rows:
                stream.write(row.encode() + b"\n")
                self.rows[table] += 1

    @property
    def manifest(self) -> dict[str, Any]:
        return {"rows": dict(self.rows), "files": self.files, "missing": self.missing}


def export_key(holder_id: str, receipt_id: str, name: str) -> str:
    """The key of an object of an export. It belongs to the tenant of the admin, so that an erasure does not meet it."""
    return f"{artifact_prefix(holder_id)}{receipt_id}/{name}"


def export_or_erase(runner: Runner, job: Job) -> Slice:
    """Export or erase a tenant for some seconds. `parameters`: {"exports", "erases", "holder_id"}."""
    assert job.tenant_id is not None
    phase = job.position.get("phase", "export" if job.parameters["exports"] else "erase")
    return PHASES[phase](runner, job)


def _export(runner: Runner, job: Job) -> Slice:
    """Write the next archive."""
    position = dict(job.position)
    exported = dict(job.result.get("exported") or {"archives": [], "files": 0, "rows": {}})
    with tempfile.TemporaryDirectory(prefix="fairway-tenant-") as folder:
        name = f"archive-{len(exported['archives']) + 1:05}.zip"
        made = _Archive(Path(folder) / name)
        has_ended = _write_archive(runner, job, made, position, Path(folder))
        if made.files or made.rows:
            exported = _added(exported, made, name, _stored(runner, job, made.path, name, ZIP))
        if has_ended:
            exported = exported | {"is_complete": True}
            manifest = Path(folder) / "manifest.json"
            manifest.write_text(json.dumps({"tenant_id": job.tenant_id, **exported}, indent=1))
            _stored(runner, job, manifest, manifest.name, JSON)
    runner.ports.tenant_data.keep_exported(job.job_id, exported)
    result = {**job.result, "exported": exported}
    if not has_ended:
        return Slice(result, {**position, "phase": "export"}, done=exported["files"])
    if job.parameters["erases"]:
        return Slice(result, {"phase": "erase"}, done=exported["files"])
    assert job.tenant_id is not None
    runner.ports.tenant_data.end(job.tenant_id, job.job_id, None)
    return Slice(result, done=exported["files"], total=exported["files"], has_ended=True)


def _write_archive(runner: Runner, job: Job, made: _Archive, position: dict[str, Any], folder: Path) -> bool:
    """Write an archive until it is large enough or the time is over, and move the position forward. Returns whether
    everything is exported."""
    data, deadline = runner.ports.tenant_data, time.monotonic() + SLICE_S
    assert job.tenant_id is not None
    with ZipFile(made.path, "w", ZIP_DEFLATED) as archive:
        if not position.get("has_rows"):
            for table in OF_TENANT:
                made.add_rows(archive, table, data.rows(job.tenant_id, table))
            position["has_rows"] = True
        has_ended = False
        while not _is_full(made, deadline):
            if "dataset" not in position:
                dataset_id = data.next_dataset(job.tenant_id, position.get("after_dataset"))
                if dataset_id is None:
                    has_ended = True
                    break
                position["dataset"] = dataset_id
            files = data.files(position["dataset"], position.get("after"), FILES_AT_ONCE)
            if files:
                _add_files(runner, made, archive, files, folder)
                position["after"] = files[-1].file_id
            if len(files) < FILES_AT_ONCE:
                position["after_dataset"] = position.pop("dataset")
                position.pop("after", None)
        archive.writestr("manifest.json", json.dumps(made.manifest, indent=1))
    return has_ended


def _is_full(made: _Archive, deadline: float) -> bool:
    is_large = len(made.files) >= ARCHIVE_FILES or made.path.stat().st_size >= ARCHIVE_BYTES
    return is_large or (bool(made.files) and time.monotonic() >= deadline)


def _add_files(runner: Runner, made: _Archive, archive: ZipFile, files: list[StoredFile], folder: Path) -> None:
    """Add the originals, the texts and the rows of files."""
    for file in files:
        entry: dict[str, Any] = {"file_id": file.file_id, "name": file.name}
        if file.has_arrived and not file.original_erased:
            place = f"originals/{file.file_id}/{safe_file_name(file.name)}"
            sha256 = _add_object(runner, archive, file.object_key, file.version_id, place, folder)
            if sha256 is None or (file.sha256 and sha256 != file.sha256):
                made.missing.append(file.file_id)
            entry |= {"original": place, "sha256": sha256} if sha256 else {}
        if file.text_key and file.text_key != file.object_key:
            place = f"texts/{file.file_id}.txt"
            if _add_object(runner, archive, file.text_key, None, place, folder):
                entry["text"] = place
        made.files.append(entry)
    file_ids = [file.file_id for file in files]
    for table in OF_FILES:
        rows = runner.ports.tenant_data.rows_of_files(table, file_ids)
        made.add_rows(archive, table, rows, f"-{file_ids[0]}")


def _add_object(
    runner: Runner, archive: ZipFile, object_key: str, version_id: str | None, place: str, folder: Path
) -> str | None:
    """Add an object to an archive. Returns its SHA-256; None if the store does not have it."""
    path = folder / "object"
    try:
        runner.ports.objects.download(object_key, version_id, path)
    except PermanentError as error:
        if error.code not in ("object_missing", "no_access"):
            raise
        return None
    sha256 = sha256_of(path)
    archive.write(path, place, ZIP_STORED)
    path.unlink()
    return sha256


def _stored(runner: Runner, job: Job, path: Path, name: str, media_type: str) -> dict[str, Any]:
    """Store an object of the export. Returns its size and checksum."""
    key = export_key(job.parameters["holder_id"], job.job_id, name)
    return {"size_bytes": runner.ports.objects.upload(path, key, media_type), "sha256": sha256_of(path)}


def _added(exported: dict[str, Any], made: _Archive, name: str, stored: dict[str, Any]) -> dict[str, Any]:
    return exported | {
        "archives": [*exported["archives"], {"name": name, **stored, "files": len(made.files)}],
        "files": exported["files"] + len(made.files),
        "rows": dict(Counter(exported["rows"]) + made.rows),
        "missing": [*exported.get("missing", []), *made.missing],
    }


# --- erasure ------------------------------------------------------------------------------------------


def _erase(runner: Runner, job: Job) -> Slice:
    """Remove everything, and wait until upkeep has erased the files and no URL or lease can bring an object back."""
    assert job.tenant_id is not None
    data = runner.ports.tenant_data
    data.begin_erasure(job.tenant_id, job.job_id)
    files, removals = data.left_to_erase(job.tenant_id)
    if files or removals:
        runner.ports.topics.dispatch_later(0)
        result = {**job.result, "waits_for": {"files": files, "removals": removals}}
        return Slice(result, {"phase": "erase"}, done=job.done, wait_s=WAIT_S)
    data.count_removed(job.tenant_id, job.job_id)
    return Slice(_without_wait(job), {"phase": "rows"}, done=job.done)


def _erase_rows(runner: Runner, job: Job) -> Slice:
    """Delete the objects that no file has, such as exports, and the rows that are left."""
    assert job.tenant_id is not None
    data, deadline = runner.ports.tenant_data, time.monotonic() + SLICE_S
    objects = sum(runner.ports.objects.delete_prefix(prefix) for prefix in _prefixes(job.tenant_id))
    objects += _abort_uploads(runner.ports.objects, original_key(job.tenant_id, ""))
    if objects:
        data.count_objects(job.job_id, objects)
    while data.erase_rows(job.tenant_id, job.job_id, ERASED_AT_ONCE):
        if time.monotonic() >= deadline:
            return Slice(_without_wait(job), {"phase": "rows"}, done=job.done)
    return Slice(_without_wait(job), {"phase": "verify"}, done=job.done)


def _abort_uploads(objects: Objects, prefix: str) -> int:
    """Abort all unfinished uploads under a prefix. Returns the number of their parts."""
    parts = 0
    while uploads := objects.uploads_after(prefix, ("", ""), ERASED_AT_ONCE):
        parts += sum(objects.abort_upload(upload.object_key, upload.upload_id) for upload in uploads)
    return parts


def _verify(runner: Runner, job: Job) -> Slice:
    """Look for rows and objects that are left. With any, they are erased again: another process wrote in the meantime."""
    assert job.tenant_id is not None
    data, objects = runner.ports.tenant_data, runner.ports.objects
    tables, rows_left = data.rows_left(job.tenant_id, job.job_id)
    prefixes = _prefixes(job.tenant_id)
    objects_left = sum(len(objects.keys_after(prefix, "", 1)) for prefix in prefixes)
    objects_left += sum(len(objects.uploads_after(prefix, ("", ""), 1)) for prefix in prefixes)
    if rows_left or objects_left:
        again = {**_without_wait(job), "waits_for": {"rows": rows_left, "objects": objects_left}}
        return Slice(again, {"phase": "rows"}, done=job.done, wait_s=WAIT_S)
    verified = {"tables": tables, "rows_left": 0, "objects_left": 0}
    data.end(job.tenant_id, job.job_id, verified)
    return Slice({**_without_wait(job), "verified": verified}, done=job.done, total=job.done, has_ended=True)


def _prefixes(tenant_id: str) -> tuple[str, str]:
    return original_key(tenant_id, ""), artifact_prefix(tenant_id)


def _without_wait(job: Job) -> dict[str, Any]:
    return {name: value for name, value in job.result.items() if name != "waits_for"}


PHASES: dict[str, Callable[[Runner, Job], Slice]] = {
    "export": _export,
    "erase": _erase,
    "rows": _erase_rows,
    "verify": _verify,
}


def delete_old_exports(runner: Runner) -> int:
    """Delete the exports of tenants that are no longer kept. Returns their number."""
    old = runner.ports.tenant_data.old_exports(EXPORT_KEPT_DAYS)
    for holder_id, receipt_id in old:
        runner.ports.objects.delete_prefix(export_key(holder_id, receipt_id, ""))
        runner.ports.tenant_data.forget_export(receipt_id)
    return len(old)
