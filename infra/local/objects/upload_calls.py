"""S3's operations on multipart uploads."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from infra.local.asgi import Send
from infra.local.objects.index import Version
from infra.local.objects.multipart import MultipartUploads
from infra.local.objects.receiving import receive_body
from infra.local.objects.requests import MOST_LISTED, Failure, Request, child_text, children, content_length, parse_xml
from infra.local.objects.responses import answer, answer_xml, boolean, key_encoding, timestamp


class UploadCalls:
    """The multipart uploads of one bucket. `on_stored` is called with each new version, before the response."""

    def __init__(self, uploads: MultipartUploads, bucket: str, on_stored: Callable[[Version], Awaitable[None]]) -> None:
        self._uploads = uploads
        self._bucket = bucket
        self._on_stored = on_stored

    async def begin(self, request: Request, send: Send) -> None:
        media_type = request.headers.get("content-type", "binary/octet-stream")
        upload_id = await asyncio.to_thread(self._uploads.begin, request.key, media_type)
        shown = [("Bucket", self._bucket), ("Key", request.key), ("UploadId", upload_id)]
        await answer_xml(send, "InitiateMultipartUploadResult", shown)

    async def put_part(self, request: Request, send: Send) -> None:
        number = request.number("partNumber", 10_001)
        if not 1 <= number <= 10_000:
            raise Failure(400, "InvalidArgument", "a part's number is from 1 to 10,000")
        upload_id = request.query["uploadId"]
        self._uploads.parts(request.key, upload_id, 0, 1)  # refuses an unknown upload before receiving its bytes
        incoming = self._uploads.receive(content_length(request))
        try:
            etag = await receive_body(request, incoming)
            await asyncio.to_thread(self._uploads.store_part, incoming, request.key, upload_id, number, etag)
        finally:
            incoming.close()
        await answer(send, 200, b"", etag=f'"{etag}"')

    async def list_parts(self, request: Request, send: Send) -> None:
        limit, after = request.number("max-parts", MOST_LISTED), request.number("part-number-marker", 10_000)
        after = after if "part-number-marker" in request.query else 0
        upload_id = request.query["uploadId"]
        found = await asyncio.to_thread(self._uploads.parts, request.key, upload_id, after, limit + 1)
        page = found[:limit]
        shown: list[Any] = [
            ("Bucket", self._bucket),
            ("Key", request.key),
            ("UploadId", upload_id),
            ("MaxParts", str(limit)),
            ("IsTruncated", boolean(len(found) > limit)),
        ]
        if page:
            shown.append(("NextPartNumberMarker", str(page[-1].number)))
        for part in page:
            facts = [("PartNumber", str(part.number)), ("ETag", f'"{part.etag}"'), ("Size", str(part.size_bytes))]
            shown.append(("Part", facts))
        await answer_xml(send, "ListPartsResult", shown)

    async def complete(self, request: Request, send: Send) -> None:
        document = parse_xml(await request.body())
        try:
            chosen = [
                (int(child_text(element, "PartNumber")), child_text(element, "ETag").strip('"'))
                for element in children(document, "Part")
            ]
        except ValueError:
            raise Failure(400, "MalformedXML", "a part's number is not a number") from None
        only_new = request.headers.get("if-none-match") == "*"
        version = await asyncio.to_thread(
            self._uploads.complete, request.key, request.query["uploadId"], chosen, only_new=only_new
        )
        await self._on_stored(version)
        shown = [("Bucket", self._bucket), ("Key", request.key), ("ETag", f'"{version.etag}"')]
        await answer_xml(send, "CompleteMultipartUploadResult", shown, x_amz_version_id=version.version_id)

    async def abort(self, request: Request, send: Send) -> None:
        await asyncio.to_thread(self._uploads.abort, request.key, request.query["uploadId"])
        await answer(send, 204, b"")

    async def list_uploads(self, request: Request, send: Send) -> None:
        limit, encode_key = request.number("max-uploads", MOST_LISTED), key_encoding(request)
        found = await asyncio.to_thread(
            self._uploads.unfinished,
            request.query.get("prefix", ""),
            limit + 1,
            after_key=request.query.get("key-marker", ""),
            after_id=request.query.get("upload-id-marker", ""),
        )
        shown: list[Any] = [("Bucket", self._bucket), ("IsTruncated", boolean(len(found) > limit))]
        if "encoding-type" in request.query:
            shown.append(("EncodingType", "url"))
        if len(found) > limit and limit:
            last = found[limit - 1]
            shown += [("NextKeyMarker", encode_key(last[0])), ("NextUploadIdMarker", last[1])]
        for key, upload_id, begun_at in found[:limit]:
            shown.append(
                ("Upload", [("Key", encode_key(key)), ("UploadId", upload_id), ("Initiated", timestamp(begun_at))])
            )
        await answer_xml(send, "ListMultipartUploadsResult", shown)
