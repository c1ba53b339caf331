"""Compression: responses as gzip, for clients that accept it."""

from __future__ import annotations

import zlib

LEAST_BYTES = 1000
LEVEL = 1  # JSON of a table shrinks to an eighth at once; higher levels cost four times the CPU for a tenth less
GZIP_WINDOW = 31
COMPRESSIBLE = (
    "application/json",
    "application/problem+json",
    "application/x-ndjson",
    "application/vnd.apache.arrow.stream",
    "text/",
    "image/svg+xml",
)


def compress(headers: dict[str, str], body: bytes, accepted: str) -> bytes:
    """The body as it is sent, and its headers; `accepted` is the request's Accept-Encoding."""
    media_type = next((value for name, value in headers.items() if name.lower() == "content-type"), "")
    if len(body) < LEAST_BYTES or not media_type.startswith(COMPRESSIBLE) or "Content-Encoding" in headers:
        return body
    headers["Vary"] = f"{headers['Vary']}, Accept-Encoding" if "Vary" in headers else "Accept-Encoding"
    if not takes_gzip(accepted):
        return body
    compressor = zlib.compressobj(LEVEL, zlib.DEFLATED, GZIP_WINDOW)
    headers["Content-Encoding"] = "gzip"
    return compressor.compress(body) + compressor.flush()


def takes_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding takes gzip."""
    for offer in accepted.lower().split(","):
        coding, _, quality = offer.replace(" ", "").partition(";q=")
        if coding in ("gzip", "*"):
            return quality.strip("0.") != "" or quality == ""
    return False
