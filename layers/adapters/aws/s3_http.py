"""Objects of one bucket over plain HTTP, by presigned URLs: a third of what the SDK costs a call."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from layers.adapters.aws import http_pools

SMALL_BYTES = 1 << 20
CHUNK_BYTES = 1 << 20


class Unreachable(Exception):
    """The store did not answer, or not as a store does."""


class Missing(Exception):
    """There is no such object."""


class TooLong(Exception):
    """The object has more bytes than are wanted."""


class S3Http:
    """`sign` gives a URL for a method, a key and a version (or None)."""

    def __init__(self, sign: Callable[[str, str, str | None], str]) -> None:
        self._sign = sign
        self._lock = threading.Lock()
        self._made: Any = None

    def get(self, object_key: str, version_id: str | None, path: Path, most_bytes: int) -> None:
        """Fetch an object into a file, whole. Raises Missing, TooLong, Unreachable."""
        answer = self._ask("GET", object_key, version_id)
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
            raise Unreachable(f"an object came only in part ({type(error).__name__})") from error
        answer.release_conn()

    def put(self, path: Path, object_key: str, media_type: str) -> int:
        """Store a file; its size in bytes. Raises Unreachable."""
        size_bytes = path.stat().st_size
        headers = {"Content-Type": media_type, "Content-Length": str(size_bytes)}
        with path.open("rb") as stream:
            body = stream.read() if size_bytes <= SMALL_BYTES else stream
            answer = self._ask("PUT", object_key, None, body=body, headers=headers)
            answer.drain_conn()
        return size_bytes

    def head(self, object_key: str, version_id: str | None) -> Mapping[str, str] | None:
        """What the store says of an object, by header name in any case; None where there is none."""
        try:
            answer = self._ask("HEAD", object_key, version_id)
        except Missing:
            return None
        answer.drain_conn()
        return answer.headers  # type: ignore[no-any-return]

    def _ask(self, method: str, object_key: str, version_id: str | None, **sent: Any) -> Any:
        from urllib3.exceptions import HTTPError

        url = self._sign(method, object_key, version_id)
        try:
            answer = self._pool().request(method, url, preload_content=False, decode_content=False, **sent)
        except HTTPError as error:
            raise Unreachable(f"the object store did not answer ({type(error).__name__})") from error
        if answer.status == 404:
            answer.drain_conn()
            raise Missing(object_key)
        if answer.status >= 300:
            answer.drain_conn()
            raise Unreachable(f"the object store answered {answer.status}")
        return answer

    def _pool(self) -> Any:
        with self._lock:
            if self._made is None:
                self._made = http_pools.pool("GET", "HEAD", "PUT")  # all that is asked here can be asked again
        return self._made
