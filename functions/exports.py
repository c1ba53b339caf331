"""Exports: a worker writes the table of a dataset to an object, a page of rows at a time, or its originals in slices."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from layers.checksum import sha256_of
from layers.domain.errors import DependencyDown, StoreUnreachable
from layers.domain.file import artifact_key, artifact_prefix
from layers.ports import Objects
from layers.ports.exports import ExportClaim, Exports
from layers.ports.people import RowPosition
from layers.telemetry.log import log

Record = dict[str, Any]
LEASE_S = 120.0
MOST_ATTEMPTS = 3
ROWS_AT_ONCE = 10_000
OUTAGE_S = 60.0
KEPT_S = 24 * 3600.0
MOST_BYTES = 5 * 2**30  # S3 stores no larger object by one PUT
BYTES_A_S = 10_000_000  # at least; the lease lasts as long as this takes
DELETED_AT_ONCE = 100
STEP = "export"  # the place of a step in the object's key


class TooLarge(Exception):
    """The file of an export is larger than the object store takes."""


class Stopped(Exception):
    """The worker stops, or its time is over."""


class LeaseLost(Exception):
    """Another worker has taken the export over."""


def run_next(
    exports: Exports,
    objects: Objects,
    folder: Callable[[], Path],
    *,
    is_stopping: Callable[[], bool] = lambda: False,
    most_s: float | None = None,
    archive_bytes: int | None = None,
) -> bool:
    """Write the next export, or its next slice. Returns False if there is none.

    `folder` makes a new folder for the file. `most_s`: an export that takes longer fails. `archive_bytes`: after which a zip
    file ends.
    """
    claim = exports.claim(LEASE_S)
    if claim is None:
        return False
    from functions.tables import TooManyRows  # at first use: it loads the API's models, which no step needs

    began, scratch = time.monotonic(), folder()
    try:
        deadline = None if most_s is None else began + most_s
        _Run(exports, objects, claim, scratch, is_stopping, deadline).write(archive_bytes)
    except LeaseLost:
        log("export_lease_lost", export_id=str(claim.export_id))
    except Stopped:
        exports.release(claim, counts=False)
    except (TooManyRows, TooLarge) as error:
        exports.fail(claim, "too_large", str(error))
    except TimeoutError:
        detail = (
            f"the export took longer than {most_s:.0f} seconds, which this host allows; export fewer rows with `where`"
        )
        exports.fail(claim, "too_large", detail)
    except DependencyDown as error:
        log("export_postponed", export_id=str(claim.export_id), dependency=error.dependency)
        exports.postpone(claim, OUTAGE_S)
    except StoreUnreachable:
        raise  # its lease expires, and then it begins again
    except Exception as error:
        log("export_failed", export_id=str(claim.export_id), error=error)
        if claim.attempt >= MOST_ATTEMPTS:
            exports.fail(claim, "internal_error", "the export failed because of a fault in Fairway; it has been logged")
        else:
            exports.release(claim, counts=True)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return True


@dataclass
class _Run:
    """One attempt at an export, or at a slice of it. It extends its lease after each page or group of files."""

    exports: Exports
    objects: Objects
    claim: ExportClaim
    scratch: Path
    is_stopping: Callable[[], bool]
    deadline: float | None
    written: int = 0

    def write(self, archive_bytes: int | None) -> None:
        if self.claim.attempt > MOST_ATTEMPTS:
            self.exports.fail(self.claim, "quarantined", "every worker that wrote this export ended unexpectedly")
        elif self.claim.schema is None:
            self.exports.fail(self.claim, "removed", "the dataset was removed")
        elif self.claim.format == "zip":
            self._write_slice(archive_bytes)
        else:
            self._write_table(self.claim.schema)

    def _write_table(self, schema: Mapping[str, Any]) -> None:
        from functions.tables import WRITERS

        writer = WRITERS[self.claim.format]
        path = self.scratch / f"export.{self.claim.format}"
        writer.write(path, schema, self._pages())
        key, size_bytes = self._upload(path, writer.media_type)
        if not self.exports.finish(self.claim, self.written, key, size_bytes):
            self._lose(key)

    def _write_slice(self, archive_bytes: int | None) -> None:
        """Write the next zip file of an export, store it with the manifest, and give the export back or end it."""
        from functions.zip_exports import ARCHIVE_BYTES, CSV, ZIP, ZipSlice

        before = self.claim.progress
        writer = ZipSlice(
            self.exports, self.objects, self.claim, self.scratch, self._keep, archive_bytes or ARCHIVE_BYTES
        )
        made = writer.write()
        self.written = made.rows
        archive: dict[str, Any] = {
            "name": made.archive_name,
            "files": made.files,
            "sha256": sha256_of(made.archive),
        }
        archive["key"], archive["size_bytes"] = self._upload(made.archive, ZIP)
        manifest_key, _ = self._upload(made.manifest, CSV)
        archives = [*before.get("archives", ()), archive]
        progress = made.progress(manifest_key, archives)
        if made.place is None:
            size_bytes = sum(each["size_bytes"] for each in archives)
            is_held = self.exports.finish(self.claim, made.rows, manifest_key, size_bytes, progress)
        else:
            is_held = self.exports.pause(self.claim, made.rows, progress)
        if not is_held:
            self._lose(manifest_key)
        if "manifest" in before:
            self.objects.delete_prefix(before["manifest"])

    def _pages(self) -> Iterator[list[Record]]:
        """The records page by page."""
        from functions.tables import records_of_export

        position: RowPosition | None = None
        while True:
            self._check()
            rows, position = self.exports.rows(self.claim, position, ROWS_AT_ONCE)
            records = [record for row in rows for record in records_of_export(row)]
            if records:
                yield records
            self.written += len(records)
            self._extend(0)
            if position is None:
                return

    def _keep(self, rows: int, size_bytes: int) -> None:
        """Extend the lease before so many bytes are downloaded."""
        self._check()
        self.written = rows
        self._extend(size_bytes)

    def _check(self) -> None:
        if self.is_stopping():
            raise Stopped
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise TimeoutError

    def _extend(self, size_bytes: int) -> None:
        """Extend the lease by the time that so many bytes take at most to or from the object store."""
        if not self.exports.extend(self.claim, self.written, LEASE_S + size_bytes / BYTES_A_S):
            raise LeaseLost

    def _upload(self, path: Path, media_type: str) -> tuple[str, int]:
        """Store a file. Returns its key and its size in bytes."""
        claim, size_bytes = self.claim, path.stat().st_size
        if size_bytes > MOST_BYTES:
            raise TooLarge(
                f"the file has {size_bytes} bytes; at most {MOST_BYTES} can be stored: export fewer rows with `where`"
            )
        key = artifact_key(
            str(claim.tenant_id), str(claim.export_id), STEP, 0, claim.attempt, str(claim.lease_id), path.name
        )
        self._extend(size_bytes)
        self.objects.upload(path, key, media_type)
        return key, size_bytes

    def _lose(self, key: str) -> None:
        """Delete what this attempt has stored, as another worker has the export."""
        self.objects.delete_prefix(f"{key.rpartition('/')[0]}/")
        raise LeaseLost


def delete_old(exports: Exports, objects: Objects) -> int:
    """Delete exports that ended a day ago. Returns their number."""
    old = exports.old(KEPT_S, DELETED_AT_ONCE)
    for tenant_id, export_id in old:
        objects.delete_prefix(f"{artifact_prefix(tenant_id)}{export_id}/")
    exports.forget([export_id for _, export_id in old])
    return len(old)
