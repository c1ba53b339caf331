"""Objects of one bucket over plain HTTP with presigned URLs, at a third of the SDK's CPU time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from layers.adapters.aws import http_pools

SMALL_BYTES = 1 << 20
CHUNK_BYTES = 1 << 20
REFUSALS = (301, 307, 400, 401, 403)


class Unreachable(Exception):
    """The store did not answer, or answered with an error."""


class Refused(Unreachable):
    """The store is up and refuses the request: the credentials may not read the object, or its bucket is in another region."""


class Missing(Exception):
    """The object does not exist."""


class TooLong(Exception):
    """The object is larger than the limit."""


class S3Http:
    """`sign` returns a URL for a method, a key and a version (or None)."""

    def __init__(self, sign: Callable[[str, str, str | None], str]) -> None:
        self._sign = sign
        self._lock = threading.Lock()
        self._pools: Any = None

    def get(self, object_key: str, version_id: str | None, path: Path, most_bytes: int) -> None:
        """Download an object to a file. Raises Missing, TooLong, Unreachable."""
        answer = self._call("GET", object_key, version_id)
        if int(answer.headers.get("Content-Length", 0)) > most_bytes:
            answer.close()
            raise TooLong(object_key)
        try:
            with path.open("wb") as stream:
                while chunk := answer.read(CHUNK_BYTES):
                    stream.write(chunk)
        except OSError:
            raise
        except Exception as error:
            answer.close()
            raise Unreachable(f"a download was interrupted ({type(error).__name__})") from error
        answer.release_conn()

    def put(self, path: Path, object_key: str, media_type: str) -> int:
        """Store a file. Returns its size in bytes. Raises Unreachable."""
        size_bytes = path.stat().st_size
        headers = {"Content-Type": media_type, "Content-Length": str(size_bytes)}
        with path.open("rb") as stream:
            body = stream.read() if size_bytes <= SMALL_BYTES else stream
            answer = self._call("PUT", object_key, None, body=body, headers=headers)
            answer.drain_conn()
        return size_bytes

    def head(self, object_key: str, version_id: str | None) -> Mapping[str, str] | None:
        """The headers of an object, by names in any case; None if it does not exist."""
        try:
            answer = self._call("HEAD", object_key, version_id)
        except Missing:
            return None
        answer.drain_conn()
        return answer.headers  # type: ignore[no-any-return]

    def _call(self, method: str, object_key: str, version_id: str | None, **sent: Any) -> Any:
        from urllib3.exceptions import HTTPError

        url = self._sign(method, object_key, version_id)
        try:
            answer = self._http().request(method, url, preload_content=False, decode_content=False, **sent)
        except HTTPError as error:
            raise Unreachable(f"the object store did not answer ({type(error).__name__})") from error
        if answer.status == 404:
            answer.drain_conn()
            raise Missing(object_key)
        if answer.status >= 300:
            answer.drain_conn()
            kind = Refused if answer.status in REFUSALS else Unreachable
            raise kind(f"the object store answered {answer.status}")
        return answer

    def _http(self) -> Any:
        with self._lock:
            if self._pools is None:
                self._pools = http_pools.pool("GET", "HEAD", "PUT")  # all calls of this class are idempotent
        return self._pools
