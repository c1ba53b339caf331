"""The audit log: who changed what."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID


class AuditLogEntry(NamedTuple):
    """`entry` is JSON, as it was hashed; the hashes are hexadecimal."""

    number: int
    at: datetime
    action: str
    key_id: UUID | None
    entry: str
    previous_hash: str
    hash: str


class AuditLogCheck(NamedTuple):
    """How many entries were checked, the last number of them, and the first that is wrong or missing."""

    checked: int
    last_number: int | None
    broken_at: int | None


class AuditLogCatalog(Protocol):
    """The tenant's audit log, in the transaction of a `Catalog`."""

    def add_to_audit_log(self, action: str, key_id: str | None, entry: str) -> int:
        """Add an entry, as the last thing that a transaction does. Returns its number."""

    def audit_log(
        self,
        *,
        action: str | None,
        key_id: str | None,
        since: datetime | None,
        until: datetime | None,
        after: int | None,
        oldest_first: bool,
        limit: int,
    ) -> list[AuditLogEntry]:
        """A page of entries, after the one with this number."""

    def check_audit_log(self, first: int, limit: int) -> AuditLogCheck:
        """Check entries from this number on."""


class AuditLog(Protocol):
    """The audit logs of all tenants, for workers."""

    def forget(self, kept_days: int, limit: int) -> int:
        """Delete entries that are older, of each log up to so many. Returns their number."""


class NoAuditLog:
    """Has no entries."""

    def forget(self, kept_days: int, limit: int) -> int:
        return 0
