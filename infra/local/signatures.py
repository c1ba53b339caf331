"""Verifies the AWS Signature Version 4 of requests, so that no unsigned request reaches the object store."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from urllib.parse import quote, unquote

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"
MAX_EXPIRES_S = 7 * 24 * 3600
SKEW_S = 15 * 60
HEADER = re.compile(rf"{ALGORITHM} Credential=([^,\s]+), ?SignedHeaders=([^,\s]+), ?Signature=([0-9a-f]{{64}})")


class Refused(Exception):
    """A refused request: HTTP status, S3's error code, and a sentence."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail


@dataclass(frozen=True)
class Head:
    """A request without its body. Header names are in lower case; repeated headers are joined by commas."""

    method: str
    raw_path: str
    raw_query: str
    headers: Mapping[str, str]

    @cached_property
    def query(self) -> list[tuple[str, str]]:
        pairs = (part.partition("=") for part in self.raw_query.split("&") if part)
        return [(unquote(name), unquote(value)) for name, _, value in pairs]


@dataclass(frozen=True, slots=True)
class SignatureVerifier:
    """Verifies signatures made with the store's only access key."""

    key_id: str
    secret: str

    def check_presigned(self, head: Head, now: datetime) -> frozenset[str]:
        """Verify a presigned URL. Returns the names of the signed headers. Raises Refused."""
        query = dict(head.query)
        try:
            algorithm, credential = query["X-Amz-Algorithm"], query["X-Amz-Credential"]
            date, expires = query["X-Amz-Date"], query["X-Amz-Expires"]
            names, signature = query["X-Amz-SignedHeaders"], query["X-Amz-Signature"]
        except KeyError as missing:
            raise Refused(403, "AccessDenied", f"the URL is not signed: {missing.args[0]} is missing") from None
        if algorithm != ALGORITHM:
            raise Refused(400, "AuthorizationQueryParametersError", "the signing algorithm is unknown")
        signed_at = _time(date)
        if not re.fullmatch(r"[0-9]{1,6}", expires) or int(expires) > MAX_EXPIRES_S:
            raise Refused(
                400, "AuthorizationQueryParametersError", f"X-Amz-Expires must be at most {MAX_EXPIRES_S} seconds"
            )
        age_s = (now - signed_at).total_seconds()
        if age_s > int(expires):
            raise Refused(403, "AccessDenied", "Request has expired")
        if age_s < -SKEW_S:
            raise Refused(403, "AccessDenied", "Request is not yet valid")
        payload = head.headers.get("x-amz-content-sha256", UNSIGNED)
        query_signed = [pair for pair in head.query if pair[0] != "X-Amz-Signature"]
        return self._check(head, query_signed, credential, date, names, signature, payload, services=("s3",))

    def check_header(self, head: Head, payload_sha256: str, now: datetime, services: tuple[str, ...]) -> frozenset[str]:
        """Like `check_presigned`, for a signature in the Authorization header."""
        found = HEADER.fullmatch(head.headers.get("authorization", ""))
        if not found:
            raise Refused(403, "AccessDenied", "the request is not signed")
        date = head.headers.get("x-amz-date", "")
        if abs((now - _time(date)).total_seconds()) > SKEW_S:
            raise Refused(403, "RequestTimeTooSkewed", "X-Amz-Date differs too much from the server's time")
        credential, names, signature = found.groups()
        return self._check(head, head.query, credential, date, names, signature, payload_sha256, services)

    def _check(
        self,
        head: Head,
        query: list[tuple[str, str]],
        credential: str,
        date: str,
        names: str,
        signature: str,
        payload_sha256: str,
        services: tuple[str, ...],
    ) -> frozenset[str]:
        scope = credential.split("/")
        if len(scope) != 5 or scope[0] != self.key_id:
            raise Refused(403, "InvalidAccessKeyId", "the access key is unknown")
        _, day, region, service, end = scope
        if day != date[:8] or service not in services or end != "aws4_request":
            raise Refused(403, "AccessDenied", "the signature's scope does not match this store")
        signed_names = names.split(";")
        if "host" not in signed_names or any(name not in head.headers for name in signed_names):
            raise Refused(403, "AccessDenied", "a signed header is missing")
        canonical = _canonical(head, query, signed_names, payload_sha256)
        expected = _sign(self.secret, date, day, region, service, canonical)
        if not hmac.compare_digest(expected, signature):
            raise Refused(403, "SignatureDoesNotMatch", "the signature does not match the request")
        return frozenset(signed_names)


@lru_cache(maxsize=64)
def _time(date: str) -> datetime:
    try:
        return datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise Refused(403, "AccessDenied", "X-Amz-Date is missing or malformed") from None


def _canonical(head: Head, query: list[tuple[str, str]], names: list[str], payload_sha256: str) -> str:
    pairs = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in query)
    return "\n".join(
        [
            head.method,
            quote(unquote(head.raw_path), safe="/-_.~"),
            "&".join(f"{name}={value}" for name, value in pairs),
            *(f"{name}:{' '.join(head.headers[name].split())}" for name in names),
            "",
            ";".join(names),
            payload_sha256,
        ]
    )


def _sign(secret: str, date: str, day: str, region: str, service: str, canonical: str) -> str:
    scope = f"{day}/{region}/{service}/aws4_request"
    text = "\n".join([ALGORITHM, date, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    return hmac.new(_key(secret, day, region, service), text.encode(), hashlib.sha256).hexdigest()


@lru_cache(maxsize=64)
def _key(secret: str, day: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key
