"""Limits the size, number and idle time of uploads, because the store holds each body in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

from infra.local.signatures import Refused

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class UploadGate:
    """Admits up to `max_uploads` at once with up to `max_total_bytes`; others wait before their bodies are read.

    An upload of more than `max_total_bytes` is admitted when no other is running.
    """

    def __init__(
        self,
        *,
        max_bytes: int,
        max_uploads: int = 8,
        max_total_bytes: int = 256 * 1024 * 1024,
        idle_s: float = 60.0,
    ) -> None:
        self._max_bytes = max_bytes
        self._max_uploads = max_uploads
        self._max_total_bytes = max_total_bytes
        self._idle_s = idle_s
        self._changed = asyncio.Condition()
        self._uploads = 0
        self._total_bytes = 0

    def admissible_size(self, content_length: str | None) -> int:
        """The size of an upload in bytes. Raises Refused if it is unknown or too large."""
        if content_length is None or not content_length.isascii() or not content_length.isdigit():
            raise Refused(411, "MissingContentLength", "an upload must have a Content-Length")
        if int(content_length) > self._max_bytes:
            raise Refused(413, "EntityTooLarge", f"an upload may have at most {self._max_bytes} bytes")
        return int(content_length)

    @asynccontextmanager
    async def slot(self, size_bytes: int) -> AsyncIterator[None]:
        async with self._changed:
            await self._changed.wait_for(lambda: self._fits(size_bytes))
            self._uploads += 1
            self._total_bytes += size_bytes
        try:
            yield
        finally:
            async with self._changed:
                self._uploads -= 1
                self._total_bytes -= size_bytes
                self._changed.notify_all()

    def with_timeout(self, receive: Receive) -> Receive:
        """A `receive` that disconnects a client which sends nothing for too long, to free its slot."""

        async def receive_in_time() -> MutableMapping[str, Any]:
            try:
                return await asyncio.wait_for(receive(), self._idle_s)
            except TimeoutError:
                return {"type": "http.disconnect"}

        return receive_in_time

    def _fits(self, size_bytes: int) -> bool:
        if self._uploads == 0:
            return True
        return self._uploads < self._max_uploads and self._total_bytes + size_bytes <= self._max_total_bytes
