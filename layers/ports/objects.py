"""The object store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class StoredPart:
    """A stored part of a multipart upload. `etag` is the store's identifier of its content."""

    number: int
    size_bytes: int
    etag: str


@dataclass(frozen=True, slots=True)
class OpenUpload:
    """A multipart upload that has not ended. `begun_at` is in seconds since 1970."""

    object_key: str
    upload_id: str
    begun_at: float


@dataclass(frozen=True, slots=True)
class StoredObject:
    """The current version of an object. `version_id` is None if the store keeps no versions."""

    version_id: str | None
    size_bytes: int


class Objects(Protocol):
    """The object store."""

    def download(self, object_key: str, version_id: str | None, path: Path) -> None:
        """Download an object to a file. Raises PermanentError 'object_missing' if there is none, and
        'no_access' if the bucket of an original in place refuses it."""

    def upload(self, path: Path, object_key: str, media_type: str) -> int:
        """Store a file. Returns its size in bytes."""

    def size_of(self, object_key: str, version_id: str | None) -> int | None:
        """The size of an object in bytes; None if there is no object."""

    def look_up(self, object_key: str) -> StoredObject | None:
        """An object's current version; None if there is no object. Raises DependencyDown."""

    def delete_prefix(self, prefix: str) -> int:
        """Delete every version of every object under a prefix. Returns their number."""

    def delete_under(self, prefix: str, names: Sequence[str]) -> int:
        """Delete every version of `<prefix><name>` and of all objects under `<prefix><name>/`, for each name. Returns
        their number."""

    def keys_after(self, prefix: str, start_after: str, limit: int) -> list[str]:
        """Keys under a prefix and after the key `start_after`, in order."""

    def presign_put(
        self, object_key: str, *, size_bytes: int, sha256: str | None, expires_s: int
    ) -> tuple[str, dict[str, str]]:
        """A URL for one PUT of exactly this object, and the headers to send with it."""

    def begin_parts(self, object_key: str) -> str:
        """Begin a multipart upload. Returns its id."""

    def presign_part(self, object_key: str, upload_id: str, number: int, *, size_bytes: int, expires_s: int) -> str:
        """A URL for the PUT of a part, numbered from 1, of exactly this size."""

    def parts_of(self, object_key: str, upload_id: str) -> list[StoredPart] | None:
        """The parts that have arrived, in order; None if the store has no such upload, or no longer has it."""

    def join_parts(self, object_key: str, upload_id: str, parts: Sequence[StoredPart]) -> bool:
        """Join these parts into the object, unless it exists. Returns whether the store had the upload."""

    def abort_upload(self, object_key: str, upload_id: str) -> int:
        """Delete an unfinished multipart upload. Returns the number of its parts, 0 if there is no such upload."""

    def uploads_after(self, prefix: str, after: tuple[str, str], limit: int) -> list[OpenUpload]:
        """Unfinished multipart uploads under a prefix, in order, after the key and upload id in `after`."""

    def presign_get(
        self,
        object_key: str,
        version_id: str | None,
        *,
        download_name: str | None = None,
        media_type: str | None = None,
    ) -> str:
        """A short-lived URL, the same for some minutes. The response is an attachment with `download_name`, or has the
        type `media_type`."""

    def is_up(self) -> bool:
        """Whether the object store answers."""
