"""The two filters of the object store: presigned requests for single objects, and requests signed with its secret."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

import pytest
from botocore.auth import S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from infra.local.objects.transfers import Bounds, Transfers
from infra.local.signatures import SignatureVerifier
from infra.local.store_filter import PrivateFilter, PublicFilter

HOST = "127.0.0.1:21000"
KEYS = Credentials("FWKEY", "the secret")
MOST_BYTES = 1000
OBJECT = "/fairway/originals/t/f"


class RecordingStore:
    """A fake store that records requests and responds like the real one, with CORS headers of its own."""

    def __init__(self) -> None:
        self.reached: list[dict[str, Any]] = []
        self.bodies: list[bytes] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.reached.append(dict(scope))
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        self.bodies.append(body)
        headers = [(b"etag", b'"1"'), (b"Access-Control-Allow-Origin", b"http://theirs")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"content"})


class Answer:
    def __init__(self, messages: list[dict[str, Any]]) -> None:
        self.status = messages[0].get("status")
        self.headers = {name.decode().lower(): value.decode() for name, value in messages[0].get("headers", ())}
        self.body = b"".join(message.get("body", b"") for message in messages[1:])


@pytest.fixture
def store() -> RecordingStore:
    return RecordingStore()


@pytest.fixture
def public(store: RecordingStore) -> PublicFilter:
    return PublicFilter(
        store, SignatureVerifier("FWKEY", "the secret"), "fairway", MOST_BYTES, Transfers(), Transfers()
    )


@pytest.fixture
def private(store: RecordingStore, public: PublicFilter) -> PrivateFilter:
    return PrivateFilter(store, SignatureVerifier("FWKEY", "the secret"), public)


def ask(
    app: Any,
    method: str,
    target: str,
    headers: dict[str, str] | None = None,
    body: bytes = b"",
    *,
    receive: Callable[[], Coroutine[Any, Any, dict[str, Any]]] | None = None,
) -> Answer:
    """Send one request as an HTTP server would forward it."""
    path, _, query = target.partition("?")
    all_headers = {"host": HOST, **(headers or {})}
    scope = {
        "type": "http",
        "method": method,
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in all_headers.items()],
    }
    sent: list[dict[str, Any]] = []

    async def receive_all() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive or receive_all, send))
    return Answer(sent)


def presign(
    method: str,
    path: str = OBJECT,
    headers: dict[str, str] | None = None,
    *,
    query: str = "",
    keys: Credentials = KEYS,
    expires_s: int = 60,
    auth: type[SigV4QueryAuth] = S3SigV4QueryAuth,
    service: str = "s3",
) -> str:
    """The target of a presigned request, signed by the SDK."""
    url = f"http://{HOST}{quote(path)}" + (f"?{query}" if query else "")
    request = AWSRequest(method, url, headers=headers or {})
    auth(keys, service, "us-east-1", expires=expires_s).add_auth(request)
    split = urlsplit(request.url)
    return f"{split.path}?{split.query}"


def with_query(target: str, **changes: str | None) -> str:
    path, _, query = target.partition("?")
    pairs = {**dict(parse_qsl(query, keep_blank_values=True)), **changes}
    return f"{path}?" + urlencode({name: value for name, value in pairs.items() if value is not None}, quote_via=quote)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_presigned_read_reaches_the_store(public: PublicFilter, store: RecordingStore, method: str) -> None:
    answer = ask(public, method, presign(method))
    assert answer.status == 200
    assert [scope["path"] for scope in store.reached] == [OBJECT]


def test_a_presigned_upload_reaches_the_store_with_its_body(public: PublicFilter, store: RecordingStore) -> None:
    headers = {"content-length": "3", "if-none-match": "*", "x-amz-checksum-sha256": "c3Vt"}
    answer = ask(public, "PUT", presign("PUT", headers=headers), headers, b"abc")
    assert answer.status == 200
    assert store.bodies == [b"abc"]
    assert {b"if-none-match", b"x-amz-checksum-sha256"} <= {name for name, _ in store.reached[0]["headers"]}


@pytest.mark.parametrize(
    "path",
    ["/fairway/originals/t/a b+c", "/fairway/originals/t/zürich", "/fairway/artifacts/t/f/preview/1-1/page.webp"],
)
def test_keys_with_special_characters_are_read_as_they_were_signed(
    public: PublicFilter, store: RecordingStore, path: str
) -> None:
    assert ask(public, "GET", presign("GET", path)).status == 200
    assert store.reached[0]["path"] == path


def test_a_named_version_and_a_download_name_are_admitted(public: PublicFilter) -> None:
    query = urlencode(
        {"versionId": "v1", "response-content-disposition": 'attachment; filename="a b.pdf"'}, quote_via=quote
    )
    assert ask(public, "GET", presign("GET", query=query)).status == 200


def test_a_part_of_a_multipart_upload_is_admitted(public: PublicFilter) -> None:
    headers = {"content-length": "3"}
    target = presign("PUT", headers=headers, query="partNumber=1&uploadId=u1")
    assert ask(public, "PUT", target, headers, b"abc").status == 200


REFUSED_READS: dict[str, Callable[[], tuple[str, str, dict[str, str]]]] = {
    "no signature": lambda: ("GET", OBJECT, {}),
    "listing the bucket": lambda: ("GET", presign("GET", "/fairway"), {}),
    "listing the bucket by a slash": lambda: ("GET", presign("GET", "/fairway/"), {}),
    "listing versions": lambda: ("GET", presign("GET", "/fairway/", query="versions="), {}),
    "another bucket": lambda: ("GET", presign("GET", "/other/originals/t/f"), {}),
    "the root": lambda: ("GET", presign("GET", "/"), {}),
    "reset": lambda: ("GET", presign("GET", "/_ministack/reset"), {}),
    "reset by another method": lambda: ("POST", presign("POST", "/_ministack/reset"), {}),
    "deletion": lambda: ("DELETE", presign("DELETE"), {}),
    "a multipart start": lambda: ("POST", presign("POST", query="uploads="), {}),
    "another method than signed": lambda: ("GET", presign("PUT"), {}),
    "another key than signed": lambda: ("GET", presign("GET").replace("/t/f", "/t/g"), {}),
    "another secret": lambda: ("GET", presign("GET", keys=Credentials("FWKEY", "guess")), {}),
    "another key id": lambda: ("GET", presign("GET", keys=Credentials("test", "the secret")), {}),
    "expired": lambda: ("GET", with_query(presign("GET"), **{"X-Amz-Expires": "0"}), {}),
    "a longer life than signed": lambda: ("GET", with_query(presign("GET"), **{"X-Amz-Expires": "600"}), {}),
    "no expiry": lambda: ("GET", with_query(presign("GET"), **{"X-Amz-Expires": None}), {}),
    "eight days": lambda: ("GET", presign("GET", expires_s=8 * 24 * 3600), {}),
    "a negative expiry": lambda: ("GET", presign("GET", expires_s=-5), {}),
    "another algorithm": lambda: (
        "GET",
        with_query(presign("GET"), **{"X-Amz-Algorithm": "AWS4-ECDSA-P256-SHA256"}),
        {},
    ),
    "no algorithm": lambda: ("GET", with_query(presign("GET"), **{"X-Amz-Algorithm": None}), {}),
    "no signed headers": lambda: ("GET", with_query(presign("GET"), **{"X-Amz-SignedHeaders": ""}), {}),
    "another service's scope": lambda: ("GET", presign("GET", service="sqs", auth=SigV4QueryAuth), {}),
    "the old signature version": lambda: ("GET", f"{OBJECT}?AWSAccessKeyId=FWKEY&Expires=9999999999&Signature=x", {}),
    "a session token": lambda: ("GET", presign("GET", query="X-Amz-Security-Token=t"), {}),
    "parameters in another case": lambda: ("GET", presign("GET").replace("X-Amz-Signature", "x-amz-signature"), {}),
    "a parameter twice": lambda: ("GET", presign("GET", query="versionId=a") + "&versionId=a", {}),
    "a parameter more than signed": lambda: ("GET", presign("GET") + "&versionId=v0", {}),
    "tags, though signed": lambda: ("GET", presign("GET", query="tagging="), {}),
    "listing parts, though signed": lambda: ("GET", presign("GET", query="uploadId=u"), {}),
    "a copy source in the query": lambda: ("GET", presign("GET", query="x-amz-copy-source=%2Ffairway%2Fb"), {}),
    "dot segments": lambda: ("GET", presign("GET", "/fairway/originals/../secret"), {}),
    "encoded dot segments": lambda: ("GET", presign("GET").replace("/t/f", "/t/%2e%2e/f"), {}),
    "an encoded slash before dots": lambda: ("GET", presign("GET").replace("/t/f", "/t%2f..%2ff"), {}),
    "twice encoded dots": lambda: ("GET", presign("GET", "/fairway/originals/%2e%2e/f"), {}),
    "an empty segment": lambda: ("GET", presign("GET", "/fairway/originals//f"), {}),
    "two slashes in front": lambda: ("GET", presign("GET", "//fairway/originals/f"), {}),
    "a backslash": lambda: ("GET", presign("GET", "/fairway/originals/..\\f"), {}),
    "a null byte": lambda: ("GET", presign("GET", "/fairway/originals/f\0.pdf"), {}),
    "bytes that are no text": lambda: ("GET", presign("GET").replace("/t/f", "/t/%ff"), {}),
    "a queue's target": lambda: ("GET", presign("GET"), {"x-amz-target": "AmazonSQS.PurgeQueue"}),
    "an authorization besides": lambda: ("GET", presign("GET"), {"authorization": "AWS FWKEY:x"}),
    "an unsigned store header": lambda: ("GET", presign("GET"), {"x-amz-expected-bucket-owner": "1"}),
    "another host than signed": lambda: ("GET", presign("GET"), {"host": "fairway.s3.amazonaws.com"}),
}


@pytest.mark.parametrize("make", REFUSED_READS.values(), ids=REFUSED_READS.keys())
def test_a_tampered_presigned_request_does_not_reach_the_store(
    public: PublicFilter, store: RecordingStore, make: Callable[[], tuple[str, str, dict[str, str]]]
) -> None:
    method, target, headers = make()
    answer = ask(public, method, target, headers)
    assert answer.status is not None and 400 <= answer.status < 500
    assert store.reached == []


SIGNED = {"content-length": "3", "if-none-match": "*"}
REFUSED_UPLOADS: dict[str, tuple[int, dict[str, str]]] = {
    "another length than signed": (403, {**SIGNED, "content-length": "4"}),
    "without the signed condition": (403, {"content-length": "3"}),
    "another condition": (403, {**SIGNED, "if-none-match": '"x"'}),
    "a copy source": (403, {**SIGNED, "x-amz-copy-source": "/fairway/originals/t/other"}),
    "an access rule": (403, {**SIGNED, "x-amz-acl": "public-read"}),
    "an unsigned checksum": (403, {**SIGNED, "x-amz-checksum-sha256": "c3Vt"}),
    "a chunked coding": (403, {**SIGNED, "content-encoding": "aws-chunked"}),
    "a length twice": (403, {**SIGNED, "content-length": "3,3"}),
}


@pytest.mark.parametrize(("status", "headers"), REFUSED_UPLOADS.values(), ids=REFUSED_UPLOADS.keys())
def test_an_upload_other_than_the_signed_one_is_refused(
    public: PublicFilter, store: RecordingStore, status: int, headers: dict[str, str]
) -> None:
    answer = ask(public, "PUT", presign("PUT", headers=SIGNED), headers, b"abc")
    assert answer.status == status
    assert store.reached == []


@pytest.mark.parametrize("name", ["x-amz-copy-source", "x-amz-acl", "x-amz-target", "transfer-encoding"])
def test_some_headers_are_refused_even_when_signed(public: PublicFilter, store: RecordingStore, name: str) -> None:
    headers = {**SIGNED, name: "chunked"}
    assert ask(public, "PUT", presign("PUT", headers=headers), headers, b"abc").status == 403
    assert store.reached == []


@pytest.mark.parametrize(("length", "status"), [(None, 411), ("-3", 411), ("x", 411), (str(MOST_BYTES + 1), 413)])
def test_an_upload_of_unknown_or_excessive_length_is_refused(
    public: PublicFilter, store: RecordingStore, length: str | None, status: int
) -> None:
    headers = {} if length is None else {"content-length": length}
    assert ask(public, "PUT", presign("PUT"), headers, b"abc").status == status
    assert store.reached == []


def test_unknown_headers_are_dropped(public: PublicFilter, store: RecordingStore) -> None:
    headers = {"cookie": "a=b", "x-forwarded-host": "else", "range": "bytes=0-1", "content-encoding": "identity"}
    assert ask(public, "GET", presign("GET"), headers).status == 200
    assert {name for name, _ in store.reached[0]["headers"]} == {b"host", b"range"}


def test_browsers_may_read_every_response(public: PublicFilter) -> None:
    for answer in (ask(public, "GET", presign("GET")), ask(public, "GET", OBJECT)):
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "etag" in answer.headers["access-control-expose-headers"].lower()


def test_a_preflight_is_answered_without_the_store(public: PublicFilter, store: RecordingStore) -> None:
    answer = ask(public, "OPTIONS", presign("PUT"), {"access-control-request-method": "PUT"})
    assert answer.status == 204
    assert "PUT" in answer.headers["access-control-allow-methods"]
    assert store.reached == []


def test_web_sockets_are_closed(public: PublicFilter, private: PrivateFilter, store: RecordingStore) -> None:
    for app in (public, private):
        sent: list[dict[str, Any]] = []

        async def send(message: dict[str, Any], sent: list[dict[str, Any]] = sent) -> None:
            sent.append(message)

        async def receive() -> dict[str, Any]:
            return {"type": "websocket.connect"}

        asyncio.run(app({"type": "websocket", "path": "/"}, receive, send))
        assert [message["type"] for message in sent] == ["websocket.close"]
    assert store.reached == []


def sign(
    method: str, path: str, body: bytes, headers: dict[str, str], service: str, keys: Credentials = KEYS
) -> dict[str, str]:
    """The headers of a request that the SDK has signed."""
    request = AWSRequest(method, f"http://{HOST}{path}", headers=headers, data=body)
    SigV4Auth(keys, service, "us-east-1").add_auth(request)
    return {name.lower(): value for name, value in request.headers.items()}


QUEUE_CALL = {"x-amz-target": "AmazonSQS.ReceiveMessage", "content-type": "application/x-amz-json-1.0"}


def test_a_signed_queue_call_reaches_the_store_with_its_body(private: PrivateFilter, store: RecordingStore) -> None:
    headers = sign("POST", "/", b'{"a": 1}', QUEUE_CALL, "sqs")
    assert ask(private, "POST", "/", headers, b'{"a": 1}').status == 200
    assert store.bodies == [b'{"a": 1}']


def test_a_signed_store_call_of_any_kind_reaches_the_store(private: PrivateFilter, store: RecordingStore) -> None:
    headers = sign("DELETE", OBJECT, b"", {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}, "s3")
    assert ask(private, "DELETE", OBJECT, headers).status == 200
    assert len(store.reached) == 1


def test_the_private_filter_handles_presigned_requests_like_the_public_one(
    private: PrivateFilter, store: RecordingStore
) -> None:
    assert ask(private, "GET", presign("GET")).status == 200
    assert ask(private, "DELETE", presign("DELETE")).status == 405
    assert len(store.reached) == 1


def refused_calls() -> dict[str, tuple[str, str, dict[str, str], bytes]]:
    signed = sign("POST", "/", b"{}", QUEUE_CALL, "sqs")
    s3 = {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}
    old = {**signed, "x-amz-date": (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y%m%dT%H%M%SZ")}
    return {
        "unsigned": ("POST", "/", QUEUE_CALL, b"{}"),
        "reset": ("POST", "/_ministack/reset", {}, b""),
        "anonymous listing": ("GET", "/fairway", {}, b""),
        "anonymous read": ("GET", OBJECT, {}, b""),
        "the old signature version": ("GET", OBJECT, {"authorization": "AWS FWKEY:x"}, b""),
        "another body": ("POST", "/", signed, b'{"QueueUrl": "x"}'),
        "another target": ("POST", "/", {**signed, "x-amz-target": "AmazonSQS.PurgeQueue"}, b"{}"),
        "an old signature": ("POST", "/", old, b"{}"),
        "another secret": ("POST", "/", sign("POST", "/", b"{}", QUEUE_CALL, "sqs", Credentials("FWKEY", "x")), b"{}"),
        "a queue's target on a store's signature": (
            "GET",
            OBJECT,
            {**sign("GET", OBJECT, b"", s3, "s3"), "x-amz-target": "AmazonSQS.PurgeQueue"},
            b"",
        ),
        "another service": ("POST", "/", sign("POST", "/", b"{}", {}, "iam"), b"{}"),
    }


@pytest.mark.parametrize("call", refused_calls().values(), ids=refused_calls().keys())
def test_the_private_filter_refuses_requests_not_signed_with_the_secret(
    private: PrivateFilter, store: RecordingStore, call: tuple[str, str, dict[str, str], bytes]
) -> None:
    method, path, headers, body = call
    assert ask(private, method, path, headers, body).status == 403
    assert store.reached == []


def test_an_upload_that_is_too_slow_is_answered_with_the_reason(store: RecordingStore) -> None:
    now_s = [0.0]
    transfers = Transfers(Bounds(waiting_s=0), now=lambda: now_s[0])
    public = PublicFilter(store, SignatureVerifier("FWKEY", "the secret"), "fairway", MOST_BYTES, transfers, transfers)

    async def pausing() -> dict[str, Any]:
        now_s[0] = 1000.0
        await asyncio.Event().wait()
        return {}

    answer = ask(
        public, "PUT", presign("PUT", OBJECT, {"content-length": "4"}), {"content-length": "4"}, receive=pausing
    )
    assert answer.status == 408
    assert "no byte moved" in answer.body.decode()


def test_one_object_is_not_uploaded_any_number_of_times_at_once(store: RecordingStore) -> None:
    transfers = Transfers(Bounds(slots_an_object=0, waiting_s=0))
    public = PublicFilter(store, SignatureVerifier("FWKEY", "the secret"), "fairway", MOST_BYTES, transfers)
    answer = ask(public, "PUT", presign("PUT", OBJECT, {"content-length": "4"}), {"content-length": "4"}, b"four")
    assert (answer.status, answer.headers["retry-after"]) == (503, "2")
    assert store.reached == []
