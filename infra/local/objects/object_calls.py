"""S3's operations on single objects, and the deletion of several."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from email.utils import format_datetime

from infra.local.asgi import Send
from infra.local.objects.files import ObjectFiles
from infra.local.objects.index import Version
from infra.local.objects.receiving import PIECE_BYTES, receive_body
from infra.local.objects.requests import (
    MOST_LISTED,
    Failure,
    Request,
    byte_range,
    child_text,
    children,
    content_length,
    parse_xml,
)
from infra.local.objects.responses import answer, answer_xml, begin_response

OVERRIDES = ("content-type", "content-disposition", "content-language", "cache-control", "expires")


class ObjectCalls:
    """`on_stored` is called with each new version and awaited before the response."""

    def __init__(self, files: ObjectFiles, on_stored: Callable[[Version], Awaitable[None]]) -> None:
        self._files = files
        self._on_stored = on_stored

    async def put(self, request: Request, send: Send) -> None:
        incoming = self._files.receive(content_length(request))
        try:
            etag = await receive_body(request, incoming)
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
        await answer(send, 200, b"", etag=f'"{etag}"', x_amz_version_id=version.version_id)

    async def get(self, request: Request, send: Send) -> None:
        version = self._files.find(request.key, request.query.get("versionId"))
        if version is None:
            raise Failure(404, "NoSuchKey", "there is no such object")
        tag = f'"{version.etag}"'
        if request.headers.get("if-none-match") in (tag, "*"):
            await answer(send, 304, b"", etag=tag)
            return
        if request.headers.get("if-match", tag) not in (tag, "*"):
            raise Failure(412, "PreconditionFailed", "the object has changed")
        part = byte_range(request.headers, tag, version.size_bytes)
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
        await begin_response(send, 206 if part else 200, headers)
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

    async def delete(self, request: Request, send: Send) -> None:
        chosen = [(request.key, request.query.get("versionId"))]
        ((_, version_id),) = await asyncio.to_thread(self._files.delete, chosen)
        await answer(send, 204, b"", x_amz_version_id=version_id)

    async def delete_many(self, request: Request, send: Send) -> None:
        document = parse_xml(await request.body())
        chosen = [
            (child_text(element, "Key"), child_text(element, "VersionId") or None)
            for element in children(document, "Object")
        ]
        if len(chosen) > MOST_LISTED:
            raise Failure(400, "MalformedXML", f"at most {MOST_LISTED} objects are deleted at once")
        deleted = await asyncio.to_thread(self._files.delete, chosen)
        quiet = child_text(document, "Quiet").lower() == "true"
        shown = [] if quiet else [("Deleted", [("Key", key), ("VersionId", version)]) for key, version in deleted]
        await answer_xml(send, "DeleteResult", shown)
