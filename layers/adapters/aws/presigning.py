"""Presigned URLs and signed calls at less CPU time than with the SDK: one signing key a day, and rounded times, so that URLs
repeat.

Source: the API reference of Amazon S3, AWS Signature Version 4 for query strings, and the same for headers.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import quote

ROUNDED_S = 300


def presign(
    method: str,
    endpoint: str,
    path: str,
    *,
    access_key: str,
    secret_key: str,
    region: str,
    now_s: float,
    expires_s: int,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    session_token: str | None = None,
) -> str:
    """A URL for `method` on `endpoint` + `path`, valid from `now_s` (Unix time) for `expires_s` seconds.

    `path` starts with a slash and is not yet percent-encoded. The client must send `headers` unchanged.
    """
    stamp = _stamp(int(now_s))
    scope = _scope(stamp, region, "s3")
    signed = {"host": _host(endpoint), **{name.lower(): value for name, value in (headers or {}).items()}}
    names = ";".join(sorted(signed))
    # Signed parameters are in byte order: those of S3 begin with a small letter and so come after `X-Amz-`.
    others = sorted(f"{_quoted(name)}={quote(value, safe='-_.~')}" for name, value in (query or {}).items())
    encoded = "&".join((_credentials(access_key, scope, stamp, expires_s, session_token, names), *others))
    encoded_path = quote(path, safe="/-_.~")
    canonical = "\n".join(
        (
            method,
            encoded_path,
            encoded,
            *(f"{k}:{signed[k].strip()}" for k in sorted(signed)),
            "",
            names,
            "UNSIGNED-PAYLOAD",
        )
    )
    signature = _signature(canonical, stamp, region, "s3", secret_key)
    return f"{endpoint}{encoded_path}?{encoded}&X-Amz-Signature={signature}"


def signed_headers(
    endpoint: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    service: str,
    access_key: str,
    secret_key: str,
    region: str,
    now_s: float,
    session_token: str | None = None,
) -> dict[str, str]:
    """The headers of a POST of `body` to the root of `endpoint` at `now_s` (Unix time): `headers` and their signature."""
    stamp = _stamp(int(now_s))
    sent = {**headers, "X-Amz-Date": stamp, **({"X-Amz-Security-Token": session_token} if session_token else {})}
    signed = {"host": _host(endpoint.rstrip("/")), **{name.lower(): value for name, value in sent.items()}}
    names = ";".join(sorted(signed))
    lines = (f"{name}:{signed[name].strip()}" for name in sorted(signed))
    canonical = "\n".join(("POST", "/", "", *lines, "", names, hashlib.sha256(body).hexdigest()))
    signature = _signature(canonical, stamp, region, service, secret_key)
    credential = f"{access_key}/{_scope(stamp, region, service)}"
    return sent | {
        "Authorization": f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}"
    }


def _host(endpoint: str) -> str:
    """The host as clients send it: without a default port."""
    scheme, host = endpoint.split("://", 1)
    return host.removesuffix({"http": ":80", "https": ":443"}.get(scheme, ""))


def _scope(stamp: str, region: str, service: str) -> str:
    return f"{stamp[:8]}/{region}/{service}/aws4_request"


def rounded(now_s: float) -> float:
    """The start of the current five minutes, so that all URLs of an object signed within them are the same."""
    return now_s - now_s % ROUNDED_S


@lru_cache(maxsize=64)
def _credentials(
    access_key: str, scope: str, stamp: str, expires_s: int, session_token: str | None, signed_names: str
) -> str:
    """The query parameters, in order, that are the same for all URLs signed at the same time."""
    parameters = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{access_key}/{scope}",
        "X-Amz-Date": stamp,
        "X-Amz-Expires": str(expires_s),
        **({"X-Amz-Security-Token": session_token} if session_token else {}),
        "X-Amz-SignedHeaders": signed_names,
    }
    return "&".join(f"{name}={quote(value, safe='-_.~')}" for name, value in parameters.items())


@lru_cache(maxsize=64)
def _quoted(name: str) -> str:
    return quote(name, safe="-_.~")


@lru_cache(maxsize=64)
def _stamp(now_s: int) -> str:
    from time import gmtime, strftime

    return strftime("%Y%m%dT%H%M%SZ", gmtime(now_s))


def _signature(canonical: str, stamp: str, region: str, service: str, secret_key: str) -> str:
    scope = _scope(stamp, region, service)
    to_sign = "\n".join(("AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    return hmac.new(_key(secret_key, stamp[:8], region, service), to_sign.encode(), hashlib.sha256).hexdigest()


@lru_cache(maxsize=16)
def _key(secret_key: str, day: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret_key}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key
