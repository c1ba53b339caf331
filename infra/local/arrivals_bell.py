"""Rings for workers when an original has arrived in the store, so that they need not poll for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from infra.local.store_filter import App, Message, Receive, Scope, Send

# The store puts the event into its queue beside its answer, so it may come a moment after that.
ONCE_MORE_S = 0.25


class ArrivalsBell:
    """Watches an app's answers. `ring` is given a count and called off the event loop: it may block, and fail."""

    def __init__(self, app: App, prefix: str, ring: Callable[[int], None]) -> None:
        self._app = app
        self._prefix = prefix
        self._ring = ring
        # One thread: rings that wait for a lost Redis pile up as a number, not as threads.
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="bell")
        self._count = 0
        self._is_ringing = False
        self._rings_again = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self._makes_an_object(scope):
            await self._app(scope, receive, send)
            return
        status = 0

        async def send_noting_status(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        await self._app(scope, receive, send_noting_status)
        if status == 200:
            self._note(1)
            self._note_again()

    def _makes_an_object(self, scope: Scope) -> bool:
        if not scope["path"].startswith(self._prefix):
            return False
        is_multipart = b"uploadId=" in scope["query_string"]
        return bool(scope["method"] == ("POST" if is_multipart else "PUT"))

    def _note(self, count: int) -> None:
        self._count += count
        if not self._is_ringing:
            self._is_ringing = True
            asyncio.get_running_loop().create_task(self._ring_all())

    def _note_again(self) -> None:
        if not self._rings_again:
            self._rings_again = True
            asyncio.get_running_loop().call_later(ONCE_MORE_S, self._again)

    def _again(self) -> None:
        self._rings_again = False
        self._note(1)

    async def _ring_all(self) -> None:
        try:
            while self._count:
                count, self._count = self._count, 0
                await asyncio.get_running_loop().run_in_executor(self._pool, self._ring, count)
        finally:
            self._is_ringing = False
