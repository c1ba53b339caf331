"""Responses are compressed for the clients that accept it, and for no others."""

from __future__ import annotations

import gzip

import pytest

from infra.compression import LEAST_BYTES, compress

LONG = b'{"a": 1}' * 1000
JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize("accepted", ["gzip", "br, GZIP;q=0.5", "*", "gzip; q=1.0, identity"])
def test_a_client_that_accepts_gzip_gets_it(accepted: str) -> None:
    headers = dict(JSON)
    assert gzip.decompress(compress(headers, LONG, accepted)) == LONG
    assert headers["Content-Encoding"] == "gzip"


@pytest.mark.parametrize("accepted", ["", "identity", "br", "gzip;q=0", "gzip;q=0.0", "x-gzip-like"])
def test_other_clients_get_the_body_as_it_is(accepted: str) -> None:
    headers = dict(JSON)
    assert compress(headers, LONG, accepted) == LONG
    assert "Content-Encoding" not in headers
    assert headers["Vary"] == "Accept-Encoding"  # a cache must not hand it to others


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (JSON, LONG[: LEAST_BYTES - 1]),
        ({"Content-Type": "image/webp"}, LONG),
        ({"Content-Type": "text/html", "Content-Encoding": "gzip"}, LONG),
    ],
)
def test_what_would_not_shrink_is_sent_as_it_is(headers: dict[str, str], body: bytes) -> None:
    assert compress(dict(headers), body, "gzip") == body


def test_the_origin_stays_in_vary() -> None:
    headers = {**JSON, "Vary": "Origin"}
    compress(headers, LONG, "gzip")
    assert headers["Vary"] == "Origin, Accept-Encoding"
