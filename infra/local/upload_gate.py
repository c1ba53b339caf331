"""Bounds what uploads cost: the store holds each body in memory, so their size, number and slowness have limits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

from infra.local.signatures import Refused

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class UploadGate:
    """Up to `most_at_once` uploads and `most_together_bytes` of them; the others wait before a byte of them is read.

    One that is larger than all may be together goes in alone.
    """

    def __init__(
        self,
        *,
        most_bytes: int,
        most_at_once: int = 8,
        most_together_bytes: int = 256 * 1024 * 1024,
        silence_s: float = 60.0,
    ) -> None:
        self._most_bytes = most_bytes
        self._most_at_once = most_at_once
        self._most_together_bytes = most_together_bytes
        self._silence_s = silence_s
        self._changed = asyncio.Condition()
        self._at_once = 0
        self._together_bytes = 0

    def admissible_size(self, content_length: str | None) -> int:
        """The upload's size in bytes. Raises Refused when it is unknown or too large."""
        if content_length is None or not content_length.isascii() or not content_length.isdigit():
            raise Refused(411, "MissingContentLength", "the upload must say its length")
        if int(content_length) > self._most_bytes:
            raise Refused(413, "EntityTooLarge", f"an upload may have at most {self._most_bytes} bytes")
        return int(content_length)

    @asynccontextmanager
    async def place(self, size_bytes: int) -> AsyncIterator[None]:
        async with self._changed:
            await self._changed.wait_for(lambda: self._fits(size_bytes))
            self._at_once += 1
            self._together_bytes += size_bytes
        try:
            yield
        finally:
            async with self._changed:
                self._at_once -= 1
                self._together_bytes -= size_bytes
                self._changed.notify_all()

    def hurried(self, receive: Receive) -> Receive:
        """A `receive` that gives up on a client which sends nothing for too long: it would keep its place."""

        async def receive_soon() -> MutableMapping[str, Any]:
            try:
                return await asyncio.wait_for(receive(), self._silence_s)
            except TimeoutError:
                return {"type": "http.disconnect"}

        return receive_soon

    def _fits(self, size_bytes: int) -> bool:
        if self._at_once == 0:
            return True
        return self._at_once < self._most_at_once and self._together_bytes + size_bytes <= self._most_together_bytes
