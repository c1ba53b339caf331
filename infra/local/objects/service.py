"""S3's protocol for `ObjectFiles`, as an ASGI app: one versioned bucket, with the operations that Fairway uses.

It checks no signatures; `infra/local/store_filter.py` does that. Bodies are streamed in both directions in pieces of
bounded size, so memory does not depend on the size of an object.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import xml.etree.ElementTree as ElementTree
import zlib
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl, quote, unquote
from xml.sax.saxutils import escape

from infra.local.asgi import Receive, Response, Scope, Send
from infra.local.objects.disk import Incoming, NoSpace
from infra.local.objects.files import Exists, ObjectFiles, WrongParts
from infra.local.objects.index import NoUpload, Version

Headers = Mapping[str, str]

PIECE_BYTES = 256 * 1024
GATHERED_BYTES = 1024 * 1024  # of a body, before another thread writes them
MOST_XML_BYTES = 2 * 1024 * 1024
MOST_LISTED = 1000
NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
DIGESTS = {"x-amz-checksum-sha256": hashlib.sha256, "x-amz-checksum-sha1": hashlib.sha1, "content-md5": hashlib.md5}
OVERRIDES = ("content-type", "content-disposition", "content-language", "cache-control", "expires")
RANGE = re.compile(r"bytes=(\d*)-(\d*)")
# A stored web page must not run scripts in a browser that opens its URL.
PASSIVE = ((b"content-security-policy", b"sandbox"), (b"x-content-type-options", b"nosniff"))


class Failure(Exception):
    """A request that can't be carried out: the HTTP status, S3's error code, and a sentence."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail


class Request:
    """A request for the bucket (`key` is empty) or for an object."""

    def __init__(self, scope: Scope, receive: Receive, bucket: str) -> None:
        raw_path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
        _, self.bucket, *rest = unquote(raw_path).split("/", 2)
        self.key = rest[0] if rest else ""
        self.method: str = scope["method"]
        self.query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        self.headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        self._receive = receive
        if self.bucket != bucket:
            raise Failure(404, "NoSuchBucket", "there is no such bucket")

    async def body(self) -> bytes:
        """The whole body of a request in XML."""
        found = bytearray()
        async for chunk in self.chunks():
            found += chunk
            if len(found) > MOST_XML_BYTES:
                raise Failure(413, "EntityTooLarge", f"such a request may have at most {MOST_XML_BYTES} bytes")
        return bytes(found)

    async def chunks(self) -> Any:
        """The body, piece by piece. Raises Failure if the client disconnects before its end."""
        while True:
            message = await self._receive()
            if message["type"] != "http.request":
                raise Failure(400, "IncompleteBody", "the client disconnected before the end of the body")
            if chunk := message.get("body", b""):
                yield chunk
            if not message.get("more_body"):
                return

    def number(self, name: str, default: int) -> int:
        text = self.query.get(name, "")
        return min(int(text), default) if text.isascii() and text.isdigit() else default


class ObjectService:
    """`on_stored` is called with each new version and awaited before the response."""

    def __init__(self, files: ObjectFiles, bucket: str, on_stored: Callable[[Version], Awaitable[None]]) -> None:
        self._files = files
        self._bucket = bucket
        self._on_stored = on_stored

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = Response(send)
        try:
            request = Request(scope, receive, self._bucket)
            await self._operation(request)(request, response)
        except Exception as error:
            failure = _failure(error)
            if response.has_begun or failure is None:  # the server closes the connection, so the client notices
                raise
            await _fail(send, failure, scope["method"])

    def _operation(self, request: Request) -> Callable[[Request, Send], Awaitable[None]]:
        query = request.query
        if not request.key:
            match request.method:
                case "HEAD":
                    return self._head_bucket
                case "POST" if "delete" in query:
                    return self._delete_many
                case "GET" if "versions" in query:
                    return self._list_versions
                case "GET" if "uploads" in query:
                    return self._list_uploads
                case "GET" if "versioning" in query:
                    return self._bucket_versioning
                case "GET" if query.get("list-type") == "2":
                    return self._list_keys
        else:
            match request.method:
                case "GET" | "HEAD" if "uploadId" not in query:
                    return self._get
                case "GET" if "uploadId" in query:
                    return self._list_parts
                case "PUT" if "uploadId" in query:
                    return self._put_part
                case "PUT" if "x-amz-copy-source" not in request.headers:
                    return self._put
                case "POST" if "uploads" in query:
                    return self._begin_upload
                case "POST" if "uploadId" in query:
                    return self._complete_upload
                case "DELETE" if "uploadId" in query:
                    return self._abort_upload
                case "DELETE":
                    return self._delete
        raise Failure(501, "NotImplemented", "this object store does not offer this operation")

    # --- objects -------------------------------------------------------------------------------------

    async def _put(self, request: Request, send: Send) -> None:
        incoming = self._files.receive(_length(request))
        try:
            etag = await self._take(request, incoming)
            version = await asyncio.to_thread(
                self._files.store,
                incoming,
                request.key,
                etag,
                request.headers.get("content-type", "binary/octet-stream"),
                request.headers.get("x-amz-checksum-sha256"),
                only_new=request.headers.get("if-none-match") == "*",
            )
        finally:
            incoming.close()
        await self._on_stored(version)
        await _answer(send, 200, b"", etag=f'"{etag}"', x_amz_version_id=version.version_id)

    async def _take(self, request: Request, incoming: Incoming) -> str:
        """Receive a body. Returns its MD5. Raises Failure if length or checksum differ from the headers."""
        digest = hashlib.md5(usedforsecurity=False)
        checks = {name: kind(usedforsecurity=False) for name, kind in DIGESTS.items() if name in request.headers}
        crc32, gathered = 0, bytearray()
        if "aws-chunked" in request.headers.get("content-encoding", ""):
            raise Failure(501, "NotImplemented", "bodies in signed chunks are not supported; send the body as it is")

        def write(piece: bytes) -> None:
            nonlocal crc32
            digest.update(piece)
            crc32 = zlib.crc32(piece, crc32)
            for check in checks.values():
                check.update(piece)
            incoming.write(piece)

        async for chunk in request.chunks():
            gathered += chunk
            if len(gathered) >= GATHERED_BYTES:
                await asyncio.to_thread(write, bytes(gathered))
                gathered.clear()
        write(bytes(gathered)) if len(gathered) <= PIECE_BYTES else await asyncio.to_thread(write, bytes(gathered))
        if incoming.size_bytes != _length(request):
            raise Failure(400, "IncompleteBody", "the body is shorter than announced")
        found = {name: check.digest() for name, check in checks.items()}
        found["x-amz-checksum-crc32"] = crc32.to_bytes(4, "big")
        for name, value in found.items():
            if name in request.headers and base64.b64encode(value).decode() != request.headers[name]:
                raise Failure(400, "BadDigest", f"the body does not have the {name} that was announced")
        return digest.hexdigest()

    async def _get(self, request: Request, send: Send) -> None:
        version = self._files.find(request.key, request.query.get("versionId"))
        if version is None:
            raise Failure(404, "NoSuchKey", "there is no such object")
        tag = f'"{version.etag}"'
        if request.headers.get("if-none-match") in (tag, "*"):
            await _answer(send, 304, b"", etag=tag)
            return
        if request.headers.get("if-match", tag) not in (tag, "*"):
            raise Failure(412, "PreconditionFailed", "the object has changed")
        part = _range(request.headers, tag, version.size_bytes)
        start, end = part or (0, version.size_bytes)
        headers = {
            "content-type": version.media_type,
            "content-length": str(end - start),
            "etag": tag,
            "accept-ranges": "bytes",
            "last-modified": format_datetime(datetime.fromtimestamp(version.stored_at, UTC), usegmt=True),
            "x-amz-version-id": version.version_id,
        }
        if version.sha256 and request.headers.get("x-amz-checksum-mode", "").lower() == "enabled":
            headers["x-amz-checksum-sha256"] = version.sha256
        if part:
            headers["content-range"] = f"bytes {start}-{end - 1}/{version.size_bytes}"
        for name in OVERRIDES:
            if (value := request.query.get(f"response-{name}")) is not None:
                headers[name] = value.replace("\r", "").replace("\n", "")
        body = None
        if request.method == "GET":
            try:
                body = await asyncio.to_thread(self._files.open, version)
            except FileNotFoundError:
                raise Failure(500, "InternalError", "the object's body is missing on the disk of the store") from None
        await _begin(send, 206 if part else 200, headers)
        if body is None:
            await send({"type": "http.response.body", "body": b""})
            return
        with body:
            body.seek(start)
            left = end - start
            while left > 0:
                piece = body.read(min(PIECE_BYTES, left))
                if not piece:
                    # The server closes the connection, so that the client notices.
                    raise ConnectionError("the stored body is shorter than its size")
                left -= len(piece)
                await send({"type": "http.response.body", "body": piece, "more_body": left > 0})
            if end == start:
                await send({"type": "http.response.body", "body": b""})

    async def _delete(self, request: Request, send: Send) -> None:
        chosen = [(request.key, request.query.get("versionId"))]
        ((_, version_id),) = await asyncio.to_thread(self._files.delete, chosen)
        await _answer(send, 204, b"", x_amz_version_id=version_id)

    async def _delete_many(self, request: Request, send: Send) -> None:
        document = _parsed(await request.body())
        chosen = [(_text(element, "Key"), _text(element, "VersionId") or None) for element in _each(document, "Object")]
        if len(chosen) > MOST_LISTED:
            raise Failure(400, "MalformedXML", f"at most {MOST_LISTED} objects are deleted at once")
        deleted = await asyncio.to_thread(self._files.delete, chosen)
        quiet = _text(document, "Quiet").lower() == "true"
        shown = [] if quiet else [("Deleted", [("Key", key), ("VersionId", version)]) for key, version in deleted]
        await _answer_xml(send, "DeleteResult", shown)

    async def _head_bucket(self, request: Request, send: Send) -> None:
        await _answer(send, 200, b"")

    async def _bucket_versioning(self, request: Request, send: Send) -> None:
        await _answer_xml(send, "VersioningConfiguration", [("Status", "Enabled")])

    # --- listings ------------------------------------------------------------------------------------

    async def _list_keys(self, request: Request, send: Send) -> None:
        limit = request.number("max-keys", MOST_LISTED)
        token = request.query.get("continuation-token")
        after = base64.urlsafe_b64decode(token).decode() if token else request.query.get("start-after", "")
        found = await asyncio.to_thread(self._files.keys, request.query.get("prefix", ""), after, limit + 1)
        page, spelled = found[:limit], _spelling(request)
        shown: list[Any] = [
            ("Name", self._bucket),
            ("Prefix", spelled(request.query.get("prefix", ""))),
            ("KeyCount", str(len(page))),
            ("MaxKeys", str(limit)),
            ("IsTruncated", _truth(len(found) > limit)),
            *([("EncodingType", "url")] if "encoding-type" in request.query else []),
            *(("Contents", [*_facts(version, spelled), ("StorageClass", "STANDARD")]) for version in page),
        ]
        if len(found) > limit and page:
            shown.append(("NextContinuationToken", base64.urlsafe_b64encode(page[-1].key.encode()).decode()))
        await _answer_xml(send, "ListBucketResult", shown)

    async def _list_versions(self, request: Request, send: Send) -> None:
        limit = request.number("max-keys", MOST_LISTED)
        markers = request.query.get("key-marker", ""), request.query.get("version-id-marker", "")
        found = await asyncio.to_thread(self._files.versions, request.query.get("prefix", ""), *markers, limit + 1)
        page, spelled = found[:limit], _spelling(request)
        shown: list[Any] = [
            ("Name", self._bucket),
            ("Prefix", spelled(request.query.get("prefix", ""))),
            ("KeyMarker", spelled(markers[0])),
            ("MaxKeys", str(limit)),
            ("IsTruncated", _truth(len(found) > limit)),
            *([("EncodingType", "url")] if "encoding-type" in request.query else []),
        ]
        if len(found) > limit and page:
            shown += [("NextKeyMarker", spelled(page[-1].key)), ("NextVersionIdMarker", page[-1].version_id)]
        for version in page:
            facts = [
                *_facts(version, spelled),
                ("VersionId", version.version_id),
                ("IsLatest", _truth(version.is_latest)),
            ]
            if version.is_marker:
                facts = [fact for fact in facts if fact[0] not in ("Size", "ETag")]
            shown.append(("DeleteMarker" if version.is_marker else "Version", facts))
        await _answer_xml(send, "ListVersionsResult", shown)

    # --- uploads in parts ----------------------------------------------------------------------------

    async def _begin_upload(self, request: Request, send: Send) -> None:
        media_type = request.headers.get("content-type", "binary/octet-stream")
        upload_id = await asyncio.to_thread(self._files.begin_upload, request.key, media_type)
        shown = [("Bucket", self._bucket), ("Key", request.key), ("UploadId", upload_id)]
        await _answer_xml(send, "InitiateMultipartUploadResult", shown)

    async def _put_part(self, request: Request, send: Send) -> None:
        number = request.number("partNumber", 10_001)
        if not 1 <= number <= 10_000:
            raise Failure(400, "InvalidArgument", "a part's number is from 1 to 10,000")
        upload_id = request.query["uploadId"]
        self._files.parts(request.key, upload_id, 0, 1)  # refuses an unknown upload before receiving its bytes
        incoming = self._files.receive_part(_length(request))
        try:
            etag = await self._take(request, incoming)
            await asyncio.to_thread(self._files.store_part, incoming, request.key, upload_id, number, etag)
        finally:
            incoming.close()
        await _answer(send, 200, b"", etag=f'"{etag}"')

    async def _list_parts(self, request: Request, send: Send) -> None:
        limit, after = request.number("max-parts", MOST_LISTED), request.number("part-number-marker", 10_000)
        after = after if "part-number-marker" in request.query else 0
        upload_id = request.query["uploadId"]
        found = await asyncio.to_thread(self._files.parts, request.key, upload_id, after, limit + 1)
        page = found[:limit]
        shown: list[Any] = [
            ("Bucket", self._bucket),
            ("Key", request.key),
            ("UploadId", upload_id),
            ("MaxParts", str(limit)),
            ("IsTruncated", _truth(len(found) > limit)),
        ]
        if page:
            shown.append(("NextPartNumberMarker", str(page[-1].number)))
        for part in page:
            facts = [("PartNumber", str(part.number)), ("ETag", f'"{part.etag}"'), ("Size", str(part.size_bytes))]
            shown.append(("Part", facts))
        await _answer_xml(send, "ListPartsResult", shown)

    async def _complete_upload(self, request: Request, send: Send) -> None:
        document = _parsed(await request.body())
        try:
            chosen = [
                (int(_text(element, "PartNumber")), _text(element, "ETag").strip('"'))
                for element in _each(document, "Part")
            ]
        except ValueError:
            raise Failure(400, "MalformedXML", "a part's number is not a number") from None
        only_new = request.headers.get("if-none-match") == "*"
        version = await asyncio.to_thread(
            self._files.complete_upload, request.key, request.query["uploadId"], chosen, only_new=only_new
        )
        await self._on_stored(version)
        shown = [("Bucket", self._bucket), ("Key", request.key), ("ETag", f'"{version.etag}"')]
        await _answer_xml(send, "CompleteMultipartUploadResult", shown, x_amz_version_id=version.version_id)

    async def _abort_upload(self, request: Request, send: Send) -> None:
        await asyncio.to_thread(self._files.abort_upload, request.key, request.query["uploadId"])
        await _answer(send, 204, b"")

    async def _list_uploads(self, request: Request, send: Send) -> None:
        limit, spelled = request.number("max-uploads", MOST_LISTED), _spelling(request)
        found = await asyncio.to_thread(
            self._files.uploads,
            request.query.get("prefix", ""),
            limit + 1,
            after_key=request.query.get("key-marker", ""),
            after_id=request.query.get("upload-id-marker", ""),
        )
        shown: list[Any] = [("Bucket", self._bucket), ("IsTruncated", _truth(len(found) > limit))]
        if "encoding-type" in request.query:
            shown.append(("EncodingType", "url"))
        if len(found) > limit and limit:
            last = found[limit - 1]
            shown += [("NextKeyMarker", spelled(last[0])), ("NextUploadIdMarker", last[1])]
        for key, upload_id, begun_at in found[:limit]:
            shown.append(("Upload", [("Key", spelled(key)), ("UploadId", upload_id), ("Initiated", _time(begun_at))]))
        await _answer_xml(send, "ListMultipartUploadsResult", shown)


def _failure(error: Exception) -> Failure | None:
    """The failure to report for an error; None for an unexpected one."""
    match error:
        case Failure():
            return error
        case NoSpace():
            return Failure(507, "InsufficientStorage", f"the disk of the object store is full: {error}")
        case NoUpload():
            return Failure(404, "NoSuchUpload", "there is no such multipart upload")
        case Exists():
            return Failure(412, "PreconditionFailed", "the object exists already")
        case WrongParts():
            return Failure(400, "InvalidPart", str(error))
        case OSError():
            return Failure(500, "InternalError", f"the disk of the object store fails: {error.strerror}")
    return None


def _length(request: Request) -> int:
    text = request.headers.get("content-length", "")
    if not text.isascii() or not text.isdigit():
        raise Failure(411, "MissingContentLength", "the request must have a Content-Length")
    return int(text)


def _range(headers: Headers, tag: str, size_bytes: int) -> tuple[int, int] | None:
    """The start and the end (exclusive) of the requested bytes; None for the whole object: the request has no range, an
    invalid one or several parts, or the range is of another version of the object."""
    found = RANGE.fullmatch(headers.get("range", "").strip())
    if not found or found.groups() == ("", "") or headers.get("if-range", tag) != tag:
        return None
    first, last = found.groups()
    if first and last and int(last) < int(first):
        return None
    start = int(first) if first else max(0, size_bytes - int(last))
    end = min(int(last) + 1, size_bytes) if first and last else size_bytes
    if start >= size_bytes:
        raise Failure(416, "InvalidRange", f"the object has {size_bytes} bytes")
    return start, end


# --- answers -----------------------------------------------------------------------------------------


def _spelling(request: Request) -> Callable[[str], str]:
    return quote if request.query.get("encoding-type") == "url" else str


def _facts(version: Version, spelled: Callable[[str], str]) -> list[tuple[str, str]]:
    return [
        ("Key", spelled(version.key)),
        ("LastModified", _time(version.stored_at)),
        ("ETag", f'"{version.etag}"'),
        ("Size", str(version.size_bytes)),
    ]


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _truth(value: bool) -> str:
    return "true" if value else "false"


def _xml(elements: Iterable[tuple[str, Any]]) -> str:
    return "".join(
        f"<{name}>{escape(value) if isinstance(value, str) else _xml(value)}</{name}>" for name, value in elements
    )


def _parsed(body: bytes) -> ElementTree.Element:
    if b"<!" in body:
        raise Failure(400, "MalformedXML", "the request must not have a document type")
    try:
        return ElementTree.fromstring(body)
    except ElementTree.ParseError:
        raise Failure(400, "MalformedXML", "the request is not XML") from None


def _each(element: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [child for child in element if child.tag.rpartition("}")[2] == name]


def _text(element: ElementTree.Element, name: str) -> str:
    return next((child.text or "" for child in _each(element, name)), "")


async def _begin(send: Send, status: int, headers: Headers) -> None:
    encoded = [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": [*encoded, *PASSIVE]})


async def _answer(send: Send, status: int, body: bytes, **headers: str) -> None:
    shown = {name.replace("_", "-"): value for name, value in headers.items()}
    if status not in (204, 304):
        shown["content-length"] = str(len(body))
    await _begin(send, status, shown)
    await send({"type": "http.response.body", "body": body})


async def _answer_xml(send: Send, name: str, elements: Iterable[tuple[str, Any]], **headers: str) -> None:
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<{name} xmlns="{NAMESPACE}">{_xml(elements)}</{name}>'
    await _answer(send, 200, text.encode(), content_type="application/xml", **headers)


async def _fail(send: Send, failure: Failure, method: str) -> None:
    text = f"<Error><Code>{escape(failure.code)}</Code><Message>{escape(failure.detail)}</Message></Error>"
    body = b"" if method == "HEAD" else f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode()
    # The rest of the request's body is not read, so the connection can't be reused.
    await _answer(send, failure.status, body, content_type="application/xml", connection="close")
