"""Fairway's presigned URLs are the same as the SDK's."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from unittest import mock
from urllib.parse import parse_qsl, urlsplit

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from layers.adapters.aws.presigning import ROUNDED_S, presign, rounded, signed_headers
from layers.adapters.aws.s3_storage import S3Storage

NOW = datetime(2026, 3, 2, 8, 15, 27, tzinfo=UTC)
ENDPOINT = "http://127.0.0.1:4566"
KEYS = ("originals/t/f", "artifacts/a b/ü+&=?#%.webp", "k/\U0001f9fe~-_.!*'()")


def sdk_client(token: str | None, endpoint: str, addressing: str = "path") -> Any:
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="eu-central-1",
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="secret/key+",
        aws_session_token=token,
        config=Config(
            signature_version="s3v4", s3={"addressing_style": addressing}, request_checksum_calculation="when_required"
        ),
    )


def by_the_sdk(
    call: str,
    token: str | None,
    expires_s: int,
    endpoint: str = ENDPOINT,
    addressing: str = "path",
    **parameters: str | int,
) -> str:
    client = sdk_client(token, endpoint, addressing)
    with (
        mock.patch("botocore.auth.get_current_datetime", return_value=NOW, create=True),
        mock.patch("botocore.compat.get_current_datetime", return_value=NOW, create=True),
    ):
        return client.generate_presigned_url(call, Params={"Bucket": "fairway", **parameters}, ExpiresIn=expires_s)  # type: ignore[no-any-return]


def by_us(
    method: str,
    key: str,
    token: str | None,
    expires_s: int,
    headers: dict[str, str],
    query: dict[str, str],
    endpoint: str = ENDPOINT,
) -> str:
    return presign(
        method, endpoint, f"/fairway/{key}", access_key="AKIDEXAMPLE", secret_key="secret/key+", region="eu-central-1",
        now_s=NOW.timestamp(), expires_s=expires_s, headers=headers, query=query, session_token=token,
    )  # fmt: skip


def same(url: str, other_url: str) -> bool:
    first, second = urlsplit(url), urlsplit(other_url)
    return first.path == second.path and sorted(parse_qsl(first.query)) == sorted(parse_qsl(second.query))


@pytest.mark.parametrize("token", [None, "session/token=="])
@pytest.mark.parametrize("key", KEYS)
def test_a_download_is_signed_as_the_sdk_signs_it(key: str, token: str | None) -> None:
    disposition = "attachment; filename*=UTF-8''r%C3%A9sum%C3%A9%20%281%29.pdf"
    from_sdk = by_the_sdk("get_object", token, 600, Key=key, VersionId="v/1+", ResponseContentDisposition=disposition)
    from_fairway = by_us("GET", key, token, 600, {}, {"versionId": "v/1+", "response-content-disposition": disposition})
    assert same(from_fairway, from_sdk), (from_fairway, from_sdk)


@pytest.mark.parametrize("key", KEYS)
def test_an_upload_is_signed_as_the_sdk_signs_it(key: str) -> None:
    checksum = "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg="
    from_sdk = by_the_sdk("put_object", None, 3600, Key=key, ContentLength=4, IfNoneMatch="*", ChecksumSHA256=checksum)
    headers = {"Content-Length": "4", "If-None-Match": "*", "x-amz-checksum-sha256": checksum}
    from_fairway = by_us("PUT", key, None, 3600, headers, {})
    assert same(from_fairway, from_sdk), (from_fairway, from_sdk)


@pytest.mark.parametrize(
    "endpoint",
    ["https://s3.eu-central-1.amazonaws.com", "https://files.example.com:443", "http://files.example.com:80"],
)
def test_a_default_port_is_not_signed_since_no_client_sends_it(endpoint: str) -> None:
    from_sdk = by_the_sdk("get_object", None, 60, endpoint, Key="k")
    from_fairway = by_us("GET", "k", None, 60, {}, {}, endpoint)
    assert from_fairway.startswith(f"{endpoint}/fairway/k?") and same(from_fairway, from_sdk)


def test_a_bucket_in_the_host_name_is_signed_as_the_sdk_signs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = "https://objects.example.com:9000"
    client = sdk_client(None, endpoint, "virtual")
    storage = S3Storage(lambda: client, "fairway", endpoint, "eu-central-1", is_virtual=True)
    monkeypatch.setattr("layers.adapters.aws.s3_storage.time.time", NOW.timestamp)
    from_fairway, _ = storage.presign_put("originals/t/f", size_bytes=4, sha256=None, expires_s=3600)
    parameters = {"Key": "originals/t/f", "ContentLength": 4, "IfNoneMatch": "*"}
    from_sdk = by_the_sdk("put_object", None, 3600, endpoint, "virtual", **parameters)  # type: ignore[arg-type]
    assert from_fairway.startswith("https://fairway.objects.example.com:9000/originals/t/f?") and same(
        from_fairway, from_sdk
    )


def test_a_changed_header_changes_the_signature() -> None:
    urls = {by_us("PUT", "k", None, 60, {"Content-Length": length}, {}) for length in ("4", "5")}
    assert len(urls) == 2


def test_urls_signed_within_five_minutes_are_the_same() -> None:
    start = rounded(NOW.timestamp())
    assert rounded(start + ROUNDED_S - 1) == start and rounded(start + ROUNDED_S) == start + ROUNDED_S


@pytest.mark.parametrize("token", [None, "temporary/token+=="])
@pytest.mark.parametrize("endpoint", [ENDPOINT, "https://sqs.eu-central-1.amazonaws.com", "http://127.0.0.1:80"])
@pytest.mark.parametrize("body", [b"", b'{"QueueUrl": "http://queues/0/fairway-text"}'])
def test_the_headers_of_a_call_are_those_of_the_sdk(endpoint: str, body: bytes, token: str | None) -> None:
    headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS.ReceiveMessage"}
    call = AWSRequest("POST", f"{endpoint}/", headers, body)
    with mock.patch("botocore.auth.get_current_datetime", return_value=NOW, create=True):
        SigV4Auth(Credentials("AKIDEXAMPLE", "secret/key+", token), "sqs", "eu-central-1").add_auth(call)
    ours = signed_headers(
        endpoint, headers, body, service="sqs", access_key="AKIDEXAMPLE", secret_key="secret/key+", session_token=token,
        region="eu-central-1", now_s=NOW.timestamp(),
    )  # fmt: skip
    assert ours == dict(call.headers.items())
