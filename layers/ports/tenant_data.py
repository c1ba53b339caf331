"""All data of one tenant, for its export and its erasure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from uuid import UUID


class TenantReceipt(NamedTuple):
    """What an export or an erasure of a tenant has done. `holder_id` is the tenant of the admin who requested it."""

    receipt_id: UUID
    tenant_id: UUID
    holder_id: UUID
    exports: bool
    erases: bool
    exported: dict[str, Any]
    erased: dict[str, Any]
    verified: dict[str, Any]
    created_at: datetime
    ended_at: datetime | None
    export_deleted_at: datetime | None
    state: str | None
    error: str | None


class StoredFile(NamedTuple):
    """A live file with its objects. `original_erased`: its original is no longer kept. `text_key`: the object of its text."""

    file_id: str
    name: str
    object_key: str
    version_id: str | None
    has_arrived: bool
    original_erased: bool
    sha256: str | None
    text_key: str | None


class TenantData(Protocol):
    """The rows of one tenant. Raises StoreUnreachable."""

    def rows(self, tenant_id: str, table: str) -> Iterator[str]:
        """The rows of a table as JSON, without those that belong to single files."""

    def next_dataset(self, tenant_id: str, after: str | None) -> str | None:
        """The next live dataset; None after the last."""

    def files(self, dataset_id: str, after: str | None, limit: int) -> list[StoredFile]:
        """The next live files of a dataset."""

    def rows_of_files(self, table: str, file_ids: Sequence[str]) -> Iterator[str]:
        """The rows of a table that belong to these files, as JSON."""

    def keep_exported(self, receipt_id: str, exported: Mapping[str, Any]) -> None:
        """Store what was exported in the receipt."""

    def begin_erasure(self, tenant_id: str, receipt_id: str) -> None:
        """Revoke the tenant's keys and remove all its datasets. May be repeated."""

    def left_to_erase(self, tenant_id: str) -> tuple[int, int]:
        """How many files were not erased, and how many removals may still get late objects."""

    def count_removed(self, tenant_id: str, receipt_id: str) -> None:
        """Store in the receipt how many files and objects the removals have erased."""

    def count_objects(self, receipt_id: str, objects: int) -> None:
        """Add deleted objects to the receipt."""

    def erase_rows(self, tenant_id: str, receipt_id: str, limit: int) -> bool:
        """Delete the next rows of each table. Returns whether there are more."""

    def rows_left(self, tenant_id: str, receipt_id: str) -> tuple[int, dict[str, int]]:
        """How many tables were examined, and how many rows each of those has that are not empty."""

    def end(self, tenant_id: str, receipt_id: str, verified: Mapping[str, Any] | None) -> None:
        """Complete the receipt; `verified`: of an erasure, after which the tenant's name is forgotten too."""

    def old_exports(self, kept_days: int) -> list[tuple[str, str]]:
        """Holder and receipt of exports that are no longer kept."""

    def forget_export(self, receipt_id: str) -> None:
        """Note that the objects of an export are deleted."""


class NoTenantData:
    """Has no tenants."""

    def old_exports(self, kept_days: int) -> list[tuple[str, str]]:
        return []

    def __getattr__(self, name: str) -> Any:
        raise NotImplementedError(name)
