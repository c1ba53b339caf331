"""Exports: the table of a dataset, which a worker writes to an object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from layers.domain.row_filter import Order
from layers.ports.people import RowPosition


class ExportClaim(NamedTuple):
    """An export that a worker has claimed. `schema` is None if the dataset was removed. `names`: the template of paths in a
    zip file; `progress` is that of its slices."""

    export_id: UUID
    tenant_id: UUID
    dataset_id: UUID
    format: str
    conditions: list[dict[str, Any]]
    sort: dict[str, Any] | None
    names: str | None
    attempt: int
    lease_id: UUID
    progress: dict[str, Any]
    schema: dict[str, Any] | None

    @property
    def order(self) -> Order | None:
        return Order(**self.sort) if self.sort else None


class ExportedRow(NamedTuple):
    """The record of a file. Ids and JSON are texts, because to convert them one by one would take most of the time of a large
    export; JSON that is empty, as most is, is None."""

    record_id: str
    file_id: str
    file_name: str
    schema_version: int
    complete: bool
    review: str
    fields: str
    missing: str | None
    doubtful: str | None
    notes: str | None
    further: str | None
    set_values: str | None
    lost: bool | None


class Original(NamedTuple):
    """The original of a file. `is_kept`: it has arrived and is not erased. `sha256` is in hexadecimal, None if unknown."""

    file_id: str
    object_key: str
    version_id: str | None
    size_bytes: int
    sha256: str | None
    is_kept: bool


class Exports(Protocol):
    """The exports of all tenants, for workers."""

    def claim(self, lease_s: float) -> ExportClaim | None:
        """The next export; None if there is none."""

    def rows(
        self, claim: ExportClaim, after: RowPosition | None, limit: int
    ) -> tuple[list[ExportedRow], RowPosition | None]:
        """The next records in the order of the export, and the position at which they continue; None at the end."""

    def originals(self, claim: ExportClaim, file_ids: Sequence[str]) -> list[Original]:
        """The originals of those files that are not removed."""

    def extend(self, claim: ExportClaim, rows_written: int, lease_s: float) -> bool:
        """Extend the lease. Returns False if it is no longer held."""

    def postpone(self, claim: ExportClaim, delay_s: float) -> None:
        """Let another worker begin it again after this time, because a service is down. This is no attempt."""

    def pause(self, claim: ExportClaim, rows_written: int, progress: Mapping[str, Any]) -> bool:
        """End a slice: the export waits for its next turn. Returns False if the lease is no longer held."""

    def finish(
        self,
        claim: ExportClaim,
        rows_written: int,
        object_key: str,
        size_bytes: int,
        progress: Mapping[str, Any] | None = None,
    ) -> bool:
        """Record the object, and the progress of the last slice. Returns False if the lease is no longer held."""

    def fail(self, claim: ExportClaim, code: str, detail: str) -> None:
        """Give the export up."""

    def release(self, claim: ExportClaim, *, counts: bool) -> None:
        """Give the export back: another worker begins it again. `counts`: this was an attempt that failed."""

    def old(self, kept_s: float, limit: int) -> list[tuple[str, str]]:
        """Tenant id and export id of exports that ended longer ago."""

    def forget(self, export_ids: list[str]) -> None:
        """Delete the rows of exports."""


class NoExports:
    """Has no exports."""

    def old(self, kept_s: float, limit: int) -> list[tuple[str, str]]:
        return []

    def forget(self, export_ids: list[str]) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        raise NotImplementedError(name)
