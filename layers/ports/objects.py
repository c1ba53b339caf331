"""The object store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class StoredPart:
    """One stored part of an upload; `etag` is the store's name for its content."""

    number: int
    size_bytes: int
    etag: str


@dataclass(frozen=True, slots=True)
class OpenUpload:
    """An upload in parts that has begun and has not ended. `begun_at` is in seconds since 1970."""

    object_key: str
    upload_id: str
    begun_at: float


@dataclass(frozen=True, slots=True)
class StoredObject:
    """The present version of an object. `version_id` is None where the store keeps no versions."""

    version_id: str | None
    size_bytes: int


class Objects(Protocol):
    """The object store."""

    def download(self, object_key: str, version_id: str | None, path: Path) -> None:
        """Fetch an object into a file. Raises PermanentError 'object_missing' where there is none."""

    def upload(self, path: Path, object_key: str, media_type: str) -> int:
        """Store a file; its size in bytes."""

    def size_of(self, object_key: str, version_id: str | None) -> int | None:
        """The size in bytes of an object, or None where there is none."""

    def look_up(self, object_key: str) -> StoredObject | None:
        """An object's present version, or None where there is no object. Raises DependencyDown."""

    def delete_prefix(self, prefix: str) -> int:
        """Delete every version of every object under a prefix; how many."""

    def delete_under(self, prefix: str, names: Sequence[str]) -> int:
        """Delete every version of `<prefix><name>` and of all under `<prefix><name>/`, for each name; how many."""

    def keys_after(self, prefix: str, start_after: str, limit: int) -> list[str]:
        """Keys under a prefix after a given one, in order."""

    def presign_put(
        self, object_key: str, *, size_bytes: int, sha256: str | None, expires_s: int
    ) -> tuple[str, dict[str, str]]:
        """A URL to PUT exactly this object to, once, and the headers to send with it."""

    def begin_parts(self, object_key: str) -> str:
        """Begin an upload in parts; its id."""

    def presign_part(self, object_key: str, upload_id: str, number: int, *, size_bytes: int, expires_s: int) -> str:
        """A URL to PUT one part, from 1, of exactly this size to."""

    def parts_of(self, object_key: str, upload_id: str) -> list[StoredPart] | None:
        """The parts that arrived, in order; None where the store knows no such upload (any more)."""

    def join_parts(self, object_key: str, upload_id: str, parts: Sequence[StoredPart]) -> bool:
        """Make these parts the object, unless there is one; whether the store knew the upload."""

    def abort_upload(self, object_key: str, upload_id: str) -> int:
        """Delete an unfinished upload in parts; the number of its parts, 0 where there is no such upload."""

    def uploads_after(self, prefix: str, after: tuple[str, str], limit: int) -> list[OpenUpload]:
        """Unfinished uploads in parts under a prefix, in order, after a given key and upload id."""

    def presign_get(
        self,
        object_key: str,
        version_id: str | None,
        *,
        download_name: str | None = None,
        media_type: str | None = None,
    ) -> str:
        """A short-lived URL, stable for some minutes: an attachment of this name, or shown as this type."""

    def is_up(self) -> bool:
        """Whether the object store answers."""
