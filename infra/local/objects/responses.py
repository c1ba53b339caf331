"""Responses of S3's protocol: headers, bodies, XML and errors."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape

from infra.local.asgi import Send
from infra.local.objects.index import Version
from infra.local.objects.requests import Failure, Headers, Request

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
# A stored web page must not run scripts in a browser that opens its URL.
PASSIVE = ((b"content-security-policy", b"sandbox"), (b"x-content-type-options", b"nosniff"))


def key_encoding(request: Request) -> Callable[[str], str]:
    return quote if request.query.get("encoding-type") == "url" else str


def facts_of(version: Version, encode_key: Callable[[str], str]) -> list[tuple[str, str]]:
    return [
        ("Key", encode_key(version.key)),
        ("LastModified", timestamp(version.stored_at)),
        ("ETag", f'"{version.etag}"'),
        ("Size", str(version.size_bytes)),
    ]


def timestamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def boolean(value: bool) -> str:
    return "true" if value else "false"


def _xml(elements: Iterable[tuple[str, Any]]) -> str:
    return "".join(
        f"<{name}>{escape(value) if isinstance(value, str) else _xml(value)}</{name}>" for name, value in elements
    )


async def begin_response(send: Send, status: int, headers: Headers) -> None:
    encoded = [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": [*encoded, *PASSIVE]})


async def answer(send: Send, status: int, body: bytes, **headers: str) -> None:
    shown = {name.replace("_", "-"): value for name, value in headers.items()}
    if status not in (204, 304):
        shown["content-length"] = str(len(body))
    await begin_response(send, status, shown)
    await send({"type": "http.response.body", "body": body})


async def answer_xml(send: Send, name: str, elements: Iterable[tuple[str, Any]], **headers: str) -> None:
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<{name} xmlns="{NAMESPACE}">{_xml(elements)}</{name}>'
    await answer(send, 200, text.encode(), content_type="application/xml", **headers)


async def send_failure(send: Send, failure: Failure, method: str) -> None:
    text = f"<Error><Code>{escape(failure.code)}</Code><Message>{escape(failure.detail)}</Message></Error>"
    body = b"" if method == "HEAD" else f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode()
    # The rest of the request's body is not read, so the connection can't be reused.
    await answer(send, failure.status, body, content_type="application/xml", connection="close")
