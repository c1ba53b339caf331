"""Intake: compare the uploaded object with what was announced, and identify the file type."""

from __future__ import annotations

from functions.archives import expand
from functions.separation import barcodes_for, marks_of, split
from layers.attempts.work import Work
from layers.domain import estimates
from layers.domain.errors import PermanentError
from layers.domain.file import File
from layers.domain.formats import HOLDS_FILES
from layers.domain.step import Done, step


@step(
    word="the first check",
    cost_s=estimates.intake_s,
    timeout_s=120,
    concurrency=20,
    slots_per_worker=1,
    parts_per_message=10,
    depends_on="scanner",
)
def intake(file: File, work: Work) -> Done:
    size_bytes = work.arrived_bytes()
    if size_bytes is None:
        raise PermanentError("object_missing", "the uploaded object is no longer in the store; upload the file again")
    if size_bytes == 0:
        raise PermanentError("empty_file", "the file is empty (0 bytes)")
    if size_bytes != file.declared_size_bytes:
        raise PermanentError(
            "size_mismatch",
            f"{file.declared_size_bytes} bytes were announced and {size_bytes} arrived; upload the file again",
        )
    if size_bytes > work.max_file_bytes:
        raise PermanentError(
            "too_large", f"the file has {size_bytes} bytes; at most {work.max_file_bytes} are accepted"
        )
    sha256 = work.sha256()
    if file.declared_sha256 and sha256 != file.declared_sha256:
        raise PermanentError(
            "checksum_mismatch", "the file's SHA-256 is not the one that was announced; upload the file again"
        )
    if work.scanner and (malware := work.scanner.scan(work.original())):
        raise PermanentError("infected", f"the file contains malware ({malware}) and is not processed")
    identity = work.documents.identify(work.original(), file.name)
    marks, notes = marks_of(file, work, identity)
    separated = split(file, work, identity, marks)
    is_expanded = file.is_to_be_expanded and identity.media_type in HOLDS_FILES
    reason = expand(work, identity.media_type) if is_expanded else separated.reason if separated else None
    return Done(
        identity=identity,
        sha256=sha256,
        size_bytes=size_bytes,
        reason=reason,
        notes=notes,
        separated=separated,
        barcodes=barcodes_for(file, marks),
    )
