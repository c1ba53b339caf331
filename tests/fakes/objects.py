"""The object store in memory."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from pathlib import Path

from layers.domain.errors import PermanentError
from layers.ports import OpenUpload, StoredObject, StoredPart


class MemoryObjects:
    """Objects by key, one version each."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.uploads: dict[tuple[str, str], dict[int, bytes]] = {}
        self.begun_at: dict[str, float] = {}

    def download(self, object_key: str, version_id: str | None, path: Path) -> None:
        if object_key not in self.objects:
            raise PermanentError("object_missing", "the uploaded object is no longer in the store")
        path.write_bytes(self.objects[object_key])

    def upload(self, path: Path, object_key: str, media_type: str) -> int:
        self.objects[object_key] = path.read_bytes()
        return len(self.objects[object_key])

    def size_of(self, object_key: str, version_id: str | None) -> int | None:
        return len(self.objects[object_key]) if object_key in self.objects else None

    def look_up(self, object_key: str) -> StoredObject | None:
        found = self.objects.get(object_key)
        return None if found is None else StoredObject(None, len(found))

    def delete_prefix(self, prefix: str) -> int:
        gone = [key for key in self.objects if key.startswith(prefix)]
        for key in gone:
            del self.objects[key]
        return len(gone)

    def delete_under(self, prefix: str, names: Sequence[str]) -> int:
        chosen = {prefix + name for name in names}
        gone = [key for key in self.objects if key in chosen or any(key.startswith(name + "/") for name in chosen)]
        for key in gone:
            del self.objects[key]
        return len(gone)

    def keys_after(self, prefix: str, start_after: str, limit: int) -> list[str]:
        return sorted(key for key in self.objects if key.startswith(prefix) and key > start_after)[:limit]

    def begin_parts(self, object_key: str) -> str:
        upload_id = str(uuid.uuid4())
        self.uploads[object_key, upload_id] = {}
        self.begun_at[upload_id] = time.time()
        return upload_id

    def put_part(self, object_key: str, upload_id: str, number: int, content: bytes) -> None:
        """Upload a part, as a client does with its URL."""
        self.uploads[object_key, upload_id][number] = content

    def presign_part(self, object_key: str, upload_id: str, number: int, *, size_bytes: int, expires_s: int) -> str:
        return f"memory:{object_key}?partNumber={number}&uploadId={upload_id}"

    def parts_of(self, object_key: str, upload_id: str) -> list[StoredPart] | None:
        parts = self.uploads.get((object_key, upload_id))
        if parts is None:
            return None
        return [StoredPart(number, len(content), str(hash(content))) for number, content in sorted(parts.items())]

    def join_parts(self, object_key: str, upload_id: str, parts: Sequence[StoredPart]) -> bool:
        if object_key in self.objects or (object_key, upload_id) not in self.uploads:
            return False
        stored_parts = self.uploads.pop((object_key, upload_id))
        self.objects[object_key] = b"".join(stored_parts[part.number] for part in parts)
        return True

    def abort_upload(self, object_key: str, upload_id: str) -> int:
        return len(self.uploads.pop((object_key, upload_id), ()))

    def uploads_after(self, prefix: str, after: tuple[str, str], limit: int) -> list[OpenUpload]:
        key, upload_id = after
        found = sorted(
            upload
            for upload in self.uploads
            if upload[0].startswith(prefix)
            and (upload[0] > key or (upload_id and upload[0] == key and upload[1] > upload_id))
        )
        return [OpenUpload(key, upload_id, self.begun_at.get(upload_id, 0.0)) for key, upload_id in found[:limit]]

    def presign_put(
        self, object_key: str, *, size_bytes: int, sha256: str | None, expires_s: int
    ) -> tuple[str, dict[str, str]]:
        return f"memory://store/files/{object_key}", {"Content-Length": str(size_bytes)}

    def presign_get(
        self,
        object_key: str,
        version_id: str | None,
        *,
        download_name: str | None = None,
        media_type: str | None = None,
    ) -> str:
        return f"memory:{object_key}"

    def is_up(self) -> bool:
        return True
