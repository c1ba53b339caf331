"""The object store: Amazon S3, or any store with its protocol."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from layers.adapters.aws.file_cache import FileCache
from layers.adapters.aws.http_pools import credentials_of
from layers.adapters.aws.presigning import ROUNDED_S, presign, rounded
from layers.adapters.aws.s3_http import Missing, Refused, S3Http, TooLong, Unreachable
from layers.domain.errors import DependencyDown, PermanentError, TransientError
from layers.domain.imports import place_of
from layers.ports import OpenUpload, StoredObject, StoredPart

DOWNLOAD_URL_S = 3600
INTERNAL_URL_S = 900
MOST_BYTES = 200 * 1024 * 1024
URLS_KEPT = 20_000
DELETED_AT_ONCE = 1000
READS = ("GET", "HEAD")
AFTER_SLASH = "0"  # the character after the slash: `a0` sorts after all keys that begin with `a/`


class S3Storage:
    """`client` makes an SDK client at first use; `public_url` is the store's address in presigned URLs.

    `is_virtual`: in presigned URLs, the bucket's name is in the host name and not in the path.

    Single objects are transferred over plain HTTP with presigned URLs, at a third of the SDK's CPU time; all other calls
    use the SDK. `cache` keeps originals between the steps of a file. Originals that stay in place are read in the bucket that
    their keys name, and never written or deleted.
    """

    def __init__(
        self,
        client: Callable[[], Any],
        bucket: str,
        public_url: str,
        region: str,
        *,
        most_bytes: int = MOST_BYTES,
        cache: FileCache | None = None,
        is_virtual: bool = False,
    ) -> None:
        self._make_client = client
        self._bucket = bucket
        self._public_url = public_url.rstrip("/")
        self._region = region
        self._sdk: Any = None
        self._most_bytes = most_bytes
        self._cache = cache
        self._is_virtual = is_virtual
        self._http = S3Http(self._sign_internal)
        # A page that is loaded again within some minutes shows the same URLs, so that browsers find them in their cache.
        self._signed_get = lru_cache(maxsize=URLS_KEPT)(self._sign_get)

    def download(self, object_key: str, version_id: str | None, path: Path) -> None:
        # Without a version the object may have been replaced since it was cached.
        cache, key = self._cache, (object_key, version_id or "")
        if cache and version_id and cache.give(key, path):
            return
        try:
            self._http.get(object_key, version_id, path, self._most_bytes)
        except TooLong:
            raise PermanentError("too_large", f"the file has more than {self._most_bytes} bytes") from None
        except Missing:
            raise PermanentError("object_missing", "the uploaded object is no longer in the store") from None
        except Unreachable as error:
            place = place_of(object_key)
            if place and isinstance(error, Refused):
                raise PermanentError(
                    "no_access", f"the bucket {place[0]} refuses Fairway, or is in another region"
                ) from error
            raise DependencyDown("object_store", str(error)) from error
        if cache and version_id:
            cache.keep(key, path)

    def upload(self, path: Path, object_key: str, media_type: str) -> int:
        try:
            return self._http.put(path, object_key, media_type)
        except (Missing, Unreachable) as error:
            raise DependencyDown("object_store", f"the object store did not store an artifact: {error}") from error

    def size_of(self, object_key: str, version_id: str | None) -> int | None:
        head = self._head(object_key, version_id)
        return int(head["Content-Length"]) if head else None

    def look_up(self, object_key: str) -> StoredObject | None:
        head = self._head(object_key, None)
        if head is None:
            return None
        version_id = head.get("x-amz-version-id")
        return StoredObject(None if version_id == "null" else version_id, int(head["Content-Length"]))

    def delete_prefix(self, prefix: str) -> int:
        deleted = 0
        while True:
            page = self._versions(prefix, "")
            if not _found(page):
                return deleted
            deleted += self._delete(_found(page), len(page.get("Versions", ())))

    def delete_under(self, prefix: str, names: Sequence[str]) -> int:
        """Lists keys in order, from one wanted name to the next, so that one page of a listing may have several of them."""
        wanted, left, deleted = set(names), sorted(set(names)), 0
        marker = _before(prefix + left[0]) if left else ""
        while left:
            page = self._versions(prefix, marker)
            chosen = [version for version in _found(page) if _name(version, prefix) in wanted]
            versions = sum(_name(version, prefix) in wanted for version in page.get("Versions", ()))
            deleted += self._delete(chosen, versions)
            if not page.get("IsTruncated"):
                return deleted
            last = max(_found(page), key=lambda version: str(version["Key"]))
            left = [name for name in left if prefix + name + AFTER_SLASH > last["Key"]]
            if left:
                # More versions of a wanted key may follow; those that were listed are deleted by now.
                reached = _before(last["Key"]) if _name(last, prefix) in wanted else last["Key"]
                marker = max(_before(prefix + left[0]), reached)
        return deleted

    def _versions(self, prefix: str, marker: str) -> dict[str, Any]:
        after = {"KeyMarker": marker} if marker else {}
        return self._call("list_object_versions", Prefix=prefix, MaxKeys=DELETED_AT_ONCE, **after) or {}

    def _delete(self, found: Sequence[Any], versions: int) -> int:
        objects = [{"Key": version["Key"], "VersionId": version["VersionId"]} for version in found]
        if objects:
            answer = self._call("delete_objects", Delete={"Objects": objects, "Quiet": True}) or {}
            if answer.get("Errors"):
                raise TransientError("object_store_refused", f"{len(answer['Errors'])} objects could not be deleted")
        return versions

    def keys_after(self, prefix: str, start_after: str, limit: int) -> list[str]:
        page = self._call("list_objects_v2", Prefix=prefix, StartAfter=start_after, MaxKeys=limit) or {}
        return [listed["Key"] for listed in page.get("Contents", ())]

    def presign_put(
        self, object_key: str, *, size_bytes: int, sha256: str | None, expires_s: int
    ) -> tuple[str, dict[str, str]]:
        headers = {"Content-Length": str(size_bytes), "If-None-Match": "*"}
        if sha256:
            headers["x-amz-checksum-sha256"] = base64.b64encode(bytes.fromhex(sha256)).decode()
        return self._presign("PUT", object_key, time.time(), expires_s, headers=headers), headers

    def begin_parts(self, object_key: str) -> str:
        return str(self._call("create_multipart_upload", Key=object_key)["UploadId"])

    def presign_part(self, object_key: str, upload_id: str, number: int, *, size_bytes: int, expires_s: int) -> str:
        query = {"partNumber": str(number), "uploadId": upload_id}
        headers = {"Content-Length": str(size_bytes)}
        return self._presign("PUT", object_key, time.time(), expires_s, headers=headers, query=query)

    def parts_of(self, object_key: str, upload_id: str) -> list[StoredPart] | None:
        parts: list[StoredPart] = []
        next_page: dict[str, Any] = {}
        while True:
            page = self._call("list_parts", Key=object_key, UploadId=upload_id, **next_page)
            if page is None:
                return None
            parts += [StoredPart(part["PartNumber"], part["Size"], part["ETag"]) for part in page.get("Parts", ())]
            if not page.get("IsTruncated"):
                return parts
            next_page = {"PartNumberMarker": page["NextPartNumberMarker"]}

    def join_parts(self, object_key: str, upload_id: str, parts: Sequence[StoredPart]) -> bool:
        listed = {"Parts": [{"PartNumber": part.number, "ETag": part.etag} for part in parts]}
        joined = self._call(
            "complete_multipart_upload", Key=object_key, UploadId=upload_id, MultipartUpload=listed, IfNoneMatch="*"
        )
        return joined is not None

    def abort_upload(self, object_key: str, upload_id: str) -> int:
        parts = self.parts_of(object_key, upload_id)
        if parts is None:
            return 0
        self._call("abort_multipart_upload", Key=object_key, UploadId=upload_id)
        return len(parts)

    def uploads_after(self, prefix: str, after: tuple[str, str], limit: int) -> list[OpenUpload]:
        key, upload_id = after
        markers = {"KeyMarker": key} if key else {}
        if key and upload_id:
            markers["UploadIdMarker"] = upload_id
        page = self._call("list_multipart_uploads", Prefix=prefix, MaxUploads=limit, **markers) or {}
        return [
            OpenUpload(upload["Key"], upload["UploadId"], upload["Initiated"].timestamp())
            for upload in page.get("Uploads", ())
        ]

    def presign_get(
        self,
        object_key: str,
        version_id: str | None,
        *,
        download_name: str | None = None,
        media_type: str | None = None,
    ) -> str:
        query: tuple[tuple[str, str], ...] = (("versionId", version_id),) if version_id else ()
        if media_type is not None:
            query += (("response-content-type", media_type), ("response-content-disposition", "inline"))
        elif download_name is not None:
            attachment = f"attachment; filename*=UTF-8''{quote(download_name, safe='')}"
            query += (("response-content-disposition", attachment),)
        return self._signed_get(object_key, query, rounded(time.time()))

    def is_up(self) -> bool:
        try:
            self._client().head_bucket(Bucket=self._bucket)
        except Exception:
            return False
        return True

    def _sign_get(self, object_key: str, query: tuple[tuple[str, str], ...], now_s: float) -> str:
        return self._presign("GET", object_key, now_s, DOWNLOAD_URL_S + ROUNDED_S, query=dict(query))

    def _sign_internal(self, method: str, object_key: str, version_id: str | None) -> str:
        query = {"versionId": version_id} if version_id else {}
        internal_url = str(self._client().meta.endpoint_url)
        return self._presign(
            method, object_key, rounded(time.time()), INTERNAL_URL_S, internal_url=internal_url, query=query
        )

    def _presign(
        self,
        method: str,
        object_key: str,
        now_s: float,
        expires_s: int,
        *,
        internal_url: str | None = None,
        **signed: Any,
    ) -> str:
        credentials = credentials_of(self._client())
        place = place_of(object_key)
        if place and method not in READS:
            raise ValueError(f"{object_key} stays in place and can't be written")
        bucket, key = place or (self._bucket, object_key)
        address, path = internal_url or self._public_url, f"/{bucket}/{key}"
        if self._is_virtual:
            scheme, host = address.split("://", 1)
            address, path = f"{scheme}://{bucket}.{host}", f"/{key}"
        return presign(
            method,
            address,
            path,
            access_key=credentials.access_key,
            secret_key=credentials.secret_key,
            session_token=credentials.token,
            region=self._region,
            now_s=now_s,
            expires_s=expires_s,
            **signed,
        )

    def _call(self, operation: str, **arguments: Any) -> Any:
        """The response of an SDK operation; None if the object does not exist, or if it exists and must not be replaced."""
        try:
            return getattr(self._client(), operation)(Bucket=self._bucket, **arguments)
        except Exception as error:
            if _code(error) == "NoSuchBucket":
                raise DependencyDown("object_store", f"the bucket {self._bucket} does not exist") from error
            if _status(error) in (404, 412):
                return None
            raise DependencyDown("object_store", f"the object store did not answer: {error}") from error

    def _head(self, object_key: str, version_id: str | None) -> Mapping[str, str] | None:
        try:
            return self._http.head(object_key, version_id)
        except Unreachable as error:
            if place_of(object_key) and isinstance(error, Refused):
                return None  # of no use to anybody, like one that is deleted
            raise DependencyDown("object_store", str(error)) from error

    def _client(self) -> Any:
        if self._sdk is None:
            self._sdk = self._make_client()
        return self._sdk


def _found(page: dict[str, Any]) -> list[Any]:
    """The versions and delete markers of a page of a listing."""
    return [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]


def _name(listed: dict[str, Any], prefix: str) -> str:
    """The first segment of a key after a prefix."""
    return str(listed["Key"])[len(prefix) :].split("/", 1)[0]


def _before(key: str) -> str:
    """A marker that sorts before a key, so that a listing after it begins with the key."""
    return key[:-1]


def _status(error: Exception) -> int:
    response = getattr(error, "response", None) or {}
    return int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _code(error: Exception) -> str:
    response = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))
