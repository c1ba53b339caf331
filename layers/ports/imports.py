"""Imports: buckets of others, and the rows of imported files, for workers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from layers.domain.errors import PermanentError


@dataclass(frozen=True, slots=True)
class SourceObject:
    """An object in a bucket from which is imported."""

    key: str
    size_bytes: int
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class Room:
    """How many more files and bytes a tenant may have now; None where it has no limit."""

    files: int | None
    bytes: int | None


class Sources(Protocol):
    """Buckets that Fairway may read. Raises DependencyDown, and PermanentError `no_access` or `object_missing`."""

    def objects_after(self, bucket: str, prefix: str, after: str, limit: int) -> list[SourceObject]:
        """Objects under a prefix and after the key `after`, in the order of their keys."""

    def look_up(self, bucket: str, key: str) -> SourceObject | None:
        """One object; None if it does not exist."""

    def download(self, bucket: str, key: str, path: Path) -> str | None:
        """Download an object to a file. Returns its version; None if the bucket keeps no versions."""


class Imports(Protocol):
    """The rows of imported files. Raises StoreUnreachable."""

    def import_file(
        self, batch_id: str, source_key: str, name: str, size_bytes: int, sha256: str, upload_s: float
    ) -> tuple[str, str | None]:
        """Create the file of an object. Returns a verdict and, where it is `store`, the key under which to store it.

        The others are `arrived` (it was stored), `duplicate` and `cancelled` (the batch was).
        """

    def keep_in_place(self, batch_id: str, source_key: str, object_key: str) -> None:
        """Let the original of a file that has not arrived stay where it is: `object_key` names its bucket and key."""

    def room_of(self, tenant_id: str) -> Room: ...

    def import_sources_of(self, tenant_id: str) -> Sequence[str]:
        """Where a tenant may import from, as `bucket/prefix`."""


class NoSources:
    """No bucket can be read."""

    def objects_after(self, bucket: str, prefix: str, after: str, limit: int) -> list[SourceObject]:
        return []

    def look_up(self, bucket: str, key: str) -> SourceObject | None:
        return None

    def download(self, bucket: str, key: str, path: Path) -> str | None:
        raise PermanentError("no_access", f"Fairway may not read the bucket {bucket}")


class NoImports:
    """No tenant may import."""

    def import_file(
        self, batch_id: str, source_key: str, name: str, size_bytes: int, sha256: str, upload_s: float
    ) -> tuple[str, str | None]:
        return "cancelled", None

    def keep_in_place(self, batch_id: str, source_key: str, object_key: str) -> None:
        return None

    def room_of(self, tenant_id: str) -> Room:
        return Room(None, None)

    def import_sources_of(self, tenant_id: str) -> Sequence[str]:
        return ()
