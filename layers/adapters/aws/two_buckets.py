"""Originals and artifacts in separate buckets, as one object store.

A store that sends an event for every new object of a bucket then sends none for artifacts.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from layers.domain.file import ARTIFACTS
from layers.ports import Objects, OpenUpload, StoredObject, StoredPart


class TwoBuckets:
    """Keys that begin with `artifacts/` are in the second bucket, all others in the first. They sort before the keys of
    originals, so that a listing of everything is one listing after the other."""

    def __init__(self, originals: Objects, artifacts: Objects) -> None:
        self._originals = originals
        self._artifacts = artifacts

    def _of(self, object_key: str) -> Objects:
        return self._artifacts if object_key.startswith(ARTIFACTS) else self._originals

    def _under(self, prefix: str) -> list[Objects]:
        """The buckets that may have keys under a prefix, in the order of their keys."""
        if prefix.startswith(ARTIFACTS) or not ARTIFACTS.startswith(prefix):
            return [self._of(prefix)]
        return [self._artifacts, self._originals]

    def download(self, object_key: str, version_id: str | None, path: Path) -> None:
        self._of(object_key).download(object_key, version_id, path)

    def upload(self, path: Path, object_key: str, media_type: str) -> int:
        return self._of(object_key).upload(path, object_key, media_type)

    def size_of(self, object_key: str, version_id: str | None) -> int | None:
        return self._of(object_key).size_of(object_key, version_id)

    def look_up(self, object_key: str) -> StoredObject | None:
        return self._of(object_key).look_up(object_key)

    def delete_prefix(self, prefix: str) -> int:
        return sum(bucket.delete_prefix(prefix) for bucket in self._under(prefix))

    def delete_under(self, prefix: str, names: Sequence[str]) -> int:
        return sum(bucket.delete_under(prefix, names) for bucket in self._under(prefix))

    def keys_after(self, prefix: str, start_after: str, limit: int) -> list[str]:
        keys: list[str] = []
        for bucket in self._under(prefix):
            if len(keys) < limit:
                keys += bucket.keys_after(prefix, start_after, limit - len(keys))
        return keys

    def presign_put(
        self, object_key: str, *, size_bytes: int, sha256: str | None, expires_s: int
    ) -> tuple[str, dict[str, str]]:
        return self._of(object_key).presign_put(object_key, size_bytes=size_bytes, sha256=sha256, expires_s=expires_s)

    def begin_parts(self, object_key: str) -> str:
        return self._of(object_key).begin_parts(object_key)

    def presign_part(self, object_key: str, upload_id: str, number: int, *, size_bytes: int, expires_s: int) -> str:
        store = self._of(object_key)
        return store.presign_part(object_key, upload_id, number, size_bytes=size_bytes, expires_s=expires_s)

    def parts_of(self, object_key: str, upload_id: str) -> list[StoredPart] | None:
        return self._of(object_key).parts_of(object_key, upload_id)

    def join_parts(self, object_key: str, upload_id: str, parts: Sequence[StoredPart]) -> bool:
        return self._of(object_key).join_parts(object_key, upload_id, parts)

    def abort_upload(self, object_key: str, upload_id: str) -> int:
        return self._of(object_key).abort_upload(object_key, upload_id)

    def uploads_after(self, prefix: str, after: tuple[str, str], limit: int) -> list[OpenUpload]:
        uploads: list[OpenUpload] = []
        for bucket in self._under(prefix):
            if len(uploads) < limit:
                uploads += bucket.uploads_after(prefix, after, limit - len(uploads))
        return uploads

    def presign_get(
        self,
        object_key: str,
        version_id: str | None,
        *,
        download_name: str | None = None,
        media_type: str | None = None,
    ) -> str:
        store = self._of(object_key)
        return store.presign_get(object_key, version_id, download_name=download_name, media_type=media_type)

    def is_up(self) -> bool:
        return self._originals.is_up() and self._artifacts.is_up()
