"""Buckets from which is imported, read with the credentials of the object store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from layers.domain.errors import DependencyDown, PermanentError
from layers.ports.imports import SourceObject

CHUNK_BYTES = 1024 * 1024
NO_ACCESS = (401, 403)


class S3Sources:
    """The port `Sources`."""

    def __init__(self, make_client: Callable[[], Any]) -> None:
        self._make_client = make_client
        self._sdk: Any = None

    def objects_after(self, bucket: str, prefix: str, after: str, limit: int) -> list[SourceObject]:
        page = self._call("list_objects_v2", bucket, Prefix=prefix, StartAfter=after, MaxKeys=limit)
        if page is None:
            raise PermanentError("no_bucket", f"there is no bucket {bucket}")
        return [SourceObject(each["Key"], each["Size"], each["LastModified"]) for each in page.get("Contents", ())]

    def look_up(self, bucket: str, key: str) -> SourceObject | None:
        head = self._call("head_object", bucket, Key=key)
        return SourceObject(key, head["ContentLength"], head["LastModified"]) if head else None

    def download(self, bucket: str, key: str, path: Path) -> str | None:
        answer = self._call("get_object", bucket, Key=key)
        if answer is None:
            raise PermanentError("object_missing", f"the object {key} no longer exists")
        with path.open("wb") as stream:
            try:
                for chunk in answer["Body"].iter_chunks(CHUNK_BYTES):
                    stream.write(chunk)
            except OSError:
                raise
            except Exception as error:
                raise DependencyDown("object_store", f"a download was interrupted: {error}") from error
        version_id = answer.get("VersionId")
        return None if version_id == "null" else version_id

    def _call(self, operation: str, bucket: str, **arguments: Any) -> Any:
        """The response of an operation; None if there is no such bucket or object."""
        try:
            return getattr(self._client(), operation)(Bucket=bucket, **arguments)
        except Exception as error:
            status = (getattr(error, "response", None) or {}).get("ResponseMetadata", {}).get("HTTPStatusCode")
            if status == 404:
                return None
            if status in NO_ACCESS:
                raise PermanentError("no_access", f"Fairway may not read the bucket {bucket}") from error
            raise DependencyDown("object_store", f"the object store did not answer: {error}") from error

    def _client(self) -> Any:
        if self._sdk is None:
            self._sdk = self._make_client()
        return self._sdk
