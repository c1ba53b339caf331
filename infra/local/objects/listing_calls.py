"""S3's listings of keys and versions."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

from infra.local.asgi import Send
from infra.local.objects.files import ObjectFiles
from infra.local.objects.requests import MOST_LISTED, Request
from infra.local.objects.responses import answer_xml, boolean, facts_of, key_encoding


class ListingCalls:
    """The listings of one bucket."""

    def __init__(self, files: ObjectFiles, bucket: str) -> None:
        self._files = files
        self._bucket = bucket

    async def keys(self, request: Request, send: Send) -> None:
        limit = request.number("max-keys", MOST_LISTED)
        token = request.query.get("continuation-token")
        after = base64.urlsafe_b64decode(token).decode() if token else request.query.get("start-after", "")
        found = await asyncio.to_thread(self._files.keys, request.query.get("prefix", ""), after, limit + 1)
        page, encode_key = found[:limit], key_encoding(request)
        shown: list[Any] = [
            ("Name", self._bucket),
            ("Prefix", encode_key(request.query.get("prefix", ""))),
            ("KeyCount", str(len(page))),
            ("MaxKeys", str(limit)),
            ("IsTruncated", boolean(len(found) > limit)),
            *([("EncodingType", "url")] if "encoding-type" in request.query else []),
            *(("Contents", [*facts_of(version, encode_key), ("StorageClass", "STANDARD")]) for version in page),
        ]
        if len(found) > limit and page:
            shown.append(("NextContinuationToken", base64.urlsafe_b64encode(page[-1].key.encode()).decode()))
        await answer_xml(send, "ListBucketResult", shown)

    async def versions(self, request: Request, send: Send) -> None:
        limit = request.number("max-keys", MOST_LISTED)
        markers = request.query.get("key-marker", ""), request.query.get("version-id-marker", "")
        found = await asyncio.to_thread(self._files.versions, request.query.get("prefix", ""), *markers, limit + 1)
        page, encode_key = found[:limit], key_encoding(request)
        shown: list[Any] = [
            ("Name", self._bucket),
            ("Prefix", encode_key(request.query.get("prefix", ""))),
            ("KeyMarker", encode_key(markers[0])),
            ("MaxKeys", str(limit)),
            ("IsTruncated", boolean(len(found) > limit)),
            *([("EncodingType", "url")] if "encoding-type" in request.query else []),
        ]
        if len(found) > limit and page:
            shown += [("NextKeyMarker", encode_key(page[-1].key)), ("NextVersionIdMarker", page[-1].version_id)]
        for version in page:
            facts = [
                *facts_of(version, encode_key),
                ("VersionId", version.version_id),
                ("IsLatest", boolean(version.is_latest)),
            ]
            if version.is_marker:
                facts = [fact for fact in facts if fact[0] not in ("Size", "ETag")]
            shown.append(("DeleteMarker" if version.is_marker else "Version", facts))
        await answer_xml(send, "ListVersionsResult", shown)
