"""Exports: a worker writes the table of a dataset to an object, a page of rows at a time."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
UPLOADED_BYTES_A_S = 10_000_000  # at least; the lease lasts as long as this takes
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
) -> bool:
    """Write the next export. Returns False if there is none.

    `folder` makes a new folder for the file. `most_s`: an export that takes longer fails.
    """
    claim = exports.claim(LEASE_S)
    if claim is None:
        return False
    from functions.tables import TooManyRows  # at first use: it loads the API's models, which no step needs

    began, scratch = time.monotonic(), folder()
    try:
        _run(exports, objects, claim, scratch, is_stopping, None if most_s is None else began + most_s)
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


def _run(
    exports: Exports,
    objects: Objects,
    claim: ExportClaim,
    scratch: Path,
    is_stopping: Callable[[], bool],
    deadline: float | None,
) -> None:
    if claim.attempt > MOST_ATTEMPTS:
        exports.fail(claim, "quarantined", "every worker that wrote this export ended unexpectedly")
        return
    if claim.schema is None:
        exports.fail(claim, "removed", "the dataset was removed")
        return
    from functions.tables import WRITERS

    writer = WRITERS[claim.format]
    path = scratch / f"export.{claim.format}"
    pages = _Pages(exports, claim, is_stopping, deadline)
    writer.write(path, claim.schema, pages)
    key = artifact_key(
        str(claim.tenant_id), str(claim.export_id), STEP, 0, claim.attempt, str(claim.lease_id), path.name
    )
    size_bytes = path.stat().st_size
    if size_bytes > MOST_BYTES:
        raise TooLarge(
            f"the file has {size_bytes} bytes; at most {MOST_BYTES} can be stored: export fewer rows with `where`"
        )
    if not exports.extend(claim, pages.written, LEASE_S + size_bytes / UPLOADED_BYTES_A_S):
        raise LeaseLost
    objects.upload(path, key, writer.media_type)
    if not exports.finish(claim, pages.written, key, size_bytes):
        objects.delete_prefix(key)
        raise LeaseLost


@dataclass
class _Pages:
    """Reads the records of an export page by page, and extends its lease after each page is written."""

    exports: Exports
    claim: ExportClaim
    is_stopping: Callable[[], bool]
    deadline: float | None
    written: int = 0

    def __iter__(self) -> Iterator[list[Record]]:
        from functions.tables import records_of_export

        position: RowPosition | None = None
        while True:
            if self.is_stopping():
                raise Stopped
            if self.deadline is not None and time.monotonic() > self.deadline:
                raise TimeoutError
            rows, position = self.exports.rows(self.claim, position, ROWS_AT_ONCE)
            records = [record for row in rows for record in records_of_export(row)]
            if records:
                yield records
            self.written += len(records)
            if not self.exports.extend(self.claim, self.written, LEASE_S):
                raise LeaseLost
            if position is None:
                return


def delete_old(exports: Exports, objects: Objects) -> int:
    """Delete exports that ended a day ago. Returns their number."""
    old = exports.old(KEPT_S, DELETED_AT_ONCE)
    for tenant_id, export_id in old:
        objects.delete_prefix(f"{artifact_prefix(tenant_id)}{export_id}/")
    exports.forget([export_id for _, export_id in old])
    return len(old)
