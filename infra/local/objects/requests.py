"""Requests of S3's protocol: path, query, headers, body and XML."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import AsyncIterator, Mapping
from urllib.parse import parse_qsl, unquote

from infra.local.asgi import Receive, Scope

Headers = Mapping[str, str]

MOST_LISTED = 1000
MOST_XML_BYTES = 2 * 1024 * 1024
RANGE = re.compile(r"bytes=(\d*)-(\d*)")


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

    async def chunks(self) -> AsyncIterator[bytes]:
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


def content_length(request: Request) -> int:
    text = request.headers.get("content-length", "")
    if not text.isascii() or not text.isdigit():
        raise Failure(411, "MissingContentLength", "the request must have a Content-Length")
    return int(text)


def byte_range(headers: Headers, tag: str, size_bytes: int) -> tuple[int, int] | None:
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


def parse_xml(body: bytes) -> ElementTree.Element:
    if b"<!" in body:
        raise Failure(400, "MalformedXML", "the request must not have a document type")
    try:
        return ElementTree.fromstring(body)
    except ElementTree.ParseError:
        raise Failure(400, "MalformedXML", "the request is not XML") from None


def children(element: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [child for child in element if child.tag.rpartition("}")[2] == name]


def child_text(element: ElementTree.Element, name: str) -> str:
    return next((child.text or "" for child in children(element, name)), "")
