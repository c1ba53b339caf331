"""Access control for the object store, which has none itself: an ASGI filter for browsers, and one for Fairway."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import unquote
from xml.sax.saxutils import escape

from infra.local.asgi import App, Message, Receive, Response, Scope, Send
from infra.local.objects.transfers import Transfers
from infra.local.signatures import Head, Refused, SignatureVerifier

METHODS = frozenset({"GET", "HEAD", "PUT"})
SIGNING_NAMES = frozenset(
    {
        *("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires"),
        *("X-Amz-SignedHeaders", "X-Amz-Signature"),
    }
)
READ_NAMES = SIGNING_NAMES | {
    *("versionId", "x-id", "response-content-type", "response-content-disposition", "response-content-language"),
    *("response-cache-control", "response-expires", "X-Amz-Checksum-Mode", "x-amz-checksum-mode"),
}
WRITE_NAMES = SIGNING_NAMES | {"partNumber", "uploadId", "x-id"}
# These headers need no signature; all others that are not signed are removed.
PASSED_HEADERS = frozenset(
    {
        *("host", "content-length", "content-type", "content-md5", "expect", "range", "if-range"),
        *("if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "accept", "user-agent"),
    }
)
FORBIDDEN_HEADERS = frozenset(
    {
        *("authorization", "x-amz-target", "x-amz-copy-source", "x-amz-copy-source-range", "transfer-encoding"),
        *("x-amz-security-token", "x-amz-acl", "x-amz-website-redirect-location", "x-amz-tagging"),
        "x-amz-bypass-governance-retention",
    }
)
CORS = (
    (b"access-control-allow-origin", b"*"),
    (
        b"access-control-expose-headers",
        b"ETag, x-amz-version-id, x-amz-checksum-sha256, Content-Length, Content-Range, Content-Disposition",
    ),
    (b"cross-origin-resource-policy", b"cross-origin"),
    (b"x-content-type-options", b"nosniff"),
)
PREFLIGHT = (
    (b"access-control-allow-methods", b"GET, HEAD, PUT"),
    (b"access-control-allow-headers", b"*"),
    (b"access-control-max-age", b"3600"),
)
REPLACED = re.compile(rb"access-control-.*|cross-origin-resource-policy|x-content-type-options", re.IGNORECASE)
MAX_CALL_BYTES = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class PublicFilter:
    """Admits presigned GET, HEAD and PUT requests for objects of one bucket, and answers CORS preflights."""

    app: App
    verifier: SignatureVerifier
    bucket: str
    max_bytes: int
    uploads: Transfers | None = None  # None: without limits, as for Fairway's own processes
    downloads: Transfers | None = None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await handle_other_protocols(scope, receive, send)
        elif scope["method"] == "OPTIONS":
            await _answer(send, 204, b"", (*CORS, *PREFLIGHT))
        else:
            response = Response(send)
            try:
                await self._pass(scope, receive, response)
            except Refused as refusal:
                if response.has_begun:  # close the connection, so that the client notices that the body is incomplete
                    raise ConnectionError(refusal.detail) from None
                await _refuse(send, refusal)

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        head = read_head(scope)
        check_shape(head, self.bucket)
        signed = self.verifier.check_presigned(head, self.now())
        check_headers(head, signed)
        passed = PASSED_HEADERS | signed
        inner = {**scope, "headers": [pair for pair in scope["headers"] if _name(pair) in passed]}
        if head.method == "PUT":
            self._check_size(head.headers.get("content-length"))
        transfers = {"PUT": self.uploads, "GET": self.downloads}.get(head.method)
        if transfers is None:
            await self.app(inner, receive, _with_cors(send))
            return
        async with transfers.slot(unquote(head.raw_path).removeprefix(f"/{self.bucket}/")) as transfer:
            if head.method == "PUT":
                receive = transfers.receiving(transfer, receive)
            else:
                send = transfers.sending(transfer, send)
            await self.app(inner, receive, _with_cors(send))

    def _check_size(self, content_length: str | None) -> None:
        if content_length is None or not content_length.isascii() or not content_length.isdigit():
            raise Refused(411, "MissingContentLength", "the upload must have a Content-Length")
        if int(content_length) > self.max_bytes:
            raise Refused(413, "EntityTooLarge", f"an upload may have at most {self.max_bytes} bytes")


@dataclass(frozen=True, slots=True)
class PrivateFilter:
    """Admits S3 and SQS requests that are signed with the store's secret. Presigned URLs go to the public filter."""

    app: App
    verifier: SignatureVerifier
    public: PublicFilter
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await handle_other_protocols(scope, receive, send)
        elif b"X-Amz-Signature=" in scope["query_string"]:
            await self.public(scope, receive, send)
        else:
            try:
                await self._pass(scope, receive, send)
            except Refused as refusal:
                await _refuse(send, refusal)

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        head = read_head(scope)
        payload_sha256 = head.headers.get("x-amz-content-sha256")
        if payload_sha256 is None:
            body = await _read(receive)
            payload_sha256, receive = hashlib.sha256(body).hexdigest(), _replayed(body, receive)
            signed = self.verifier.check_header(head, payload_sha256, self.now(), services=("sqs",))
        else:
            signed = self.verifier.check_header(head, payload_sha256, self.now(), services=("s3",))
        if "x-amz-target" in head.headers and "x-amz-target" not in signed:
            raise Refused(403, "AccessDenied", "X-Amz-Target is not signed")
        await self.app(scope, receive, send)


def read_head(scope: Scope) -> Head:
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1").strip()
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    raw_path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
    return Head(scope["method"], raw_path, scope["query_string"].decode("latin-1"), headers)


def check_shape(head: Head, bucket: str) -> None:
    """Refuse a request that is not for one object of the bucket, before its signature is computed."""
    if head.method not in METHODS:
        raise Refused(405, "MethodNotAllowed", "only GET, HEAD and PUT are allowed here")
    path = unquote(head.raw_path, errors="replace")
    parts = path.split("/")
    if parts[:2] != ["", bucket] or len(parts) < 3 or {"", ".", ".."} & set(parts[2:]):
        raise Refused(403, "AccessDenied", "the path is not the path of an object in this store")
    # Characters that would be decoded again later, and characters that Fairway's keys never contain.
    if re.search(r"[%\\\x00-\x1f\x7f\ufffd]", path):
        raise Refused(403, "AccessDenied", "the path has a character that is not allowed in a key")
    names = Counter(name for name, _ in head.query)
    known = WRITE_NAMES if head.method == "PUT" else READ_NAMES
    if unknown := set(names) - known:
        raise Refused(403, "AccessDenied", f"the query parameter {sorted(unknown)[0]!r} is not allowed")
    if names and max(names.values()) > 1:
        raise Refused(403, "AccessDenied", "a query parameter occurs twice")
    if ("partNumber" in names) != ("uploadId" in names):
        raise Refused(403, "AccessDenied", "partNumber and uploadId must be used together")


def check_headers(head: Head, signed: frozenset[str]) -> None:
    """Refuse unsigned headers that would change the store's behaviour, and some headers even if they are signed."""
    if forbidden := FORBIDDEN_HEADERS & (head.headers.keys() | signed):
        raise Refused(403, "AccessDenied", f"the header {sorted(forbidden)[0]} is not allowed here")
    unsigned = sorted(name for name in head.headers if name.startswith("x-amz-") and name not in signed)
    if unsigned:
        raise Refused(403, "AccessDenied", f"the header {unsigned[0]} is not signed")
    if head.headers.get("content-encoding", "identity") != "identity":
        raise Refused(403, "AccessDenied", "content encodings are not supported")
    if "," in head.headers.get("host", "") + head.headers.get("content-length", ""):
        raise Refused(400, "InvalidRequest", "a header occurs twice")


def _name(pair: tuple[bytes, bytes]) -> str:
    return pair[0].decode("latin-1").lower()


def _with_cors(send: Send) -> Send:
    async def send_with_cors(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [pair for pair in message.get("headers", ()) if not REPLACED.fullmatch(pair[0])]
            message = {**message, "headers": [*headers, *CORS]}
        await send(message)

    return send_with_cors


async def _read(receive: Receive) -> bytes:
    parts: list[bytes] = []
    size_bytes = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Refused(400, "IncompleteBody", "the client disconnected")
        parts.append(message.get("body", b""))
        size_bytes += len(parts[-1])
        if size_bytes > MAX_CALL_BYTES:
            raise Refused(413, "RequestEntityTooLarge", f"the request's body is larger than {MAX_CALL_BYTES} bytes")
        if not message.get("more_body"):
            return b"".join(parts)


def _replayed(body: bytes, receive: Receive) -> Receive:
    was_received = False

    async def receive_again() -> Message:
        nonlocal was_received
        if was_received:
            return await receive()
        was_received = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again


async def handle_other_protocols(scope: Scope, receive: Receive, send: Send) -> None:
    """Close web sockets, and acknowledge a server's lifespan events, which the store handles elsewhere."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
    while scope["type"] == "lifespan":
        kind = (await receive())["type"]
        await send({"type": f"{kind}.complete"})
        if kind == "lifespan.shutdown":
            return


async def _refuse(send: Send, refusal: Refused) -> None:
    text = f"<Error><Code>{escape(refusal.code)}</Code><Message>{escape(refusal.detail)}</Message></Error>"
    headers: tuple[tuple[bytes, bytes], ...] = (*CORS, (b"content-type", b"application/xml"), (b"connection", b"close"))
    if refusal.status == 503:
        headers = (*headers, (b"retry-after", b"2"))
    await _answer(send, refusal.status, f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode(), headers)


async def _answer(send: Send, status: int, body: bytes, headers: tuple[tuple[bytes, bytes], ...]) -> None:
    length = () if status == 204 else ((b"content-length", str(len(body)).encode()),)
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *length]})
    await send({"type": "http.response.body", "body": body})
