"""Wakes workers when an original has arrived in the object store, so that they need not poll its queue."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from infra.local.store_filter import App, Message, Receive, Scope, Send

# The store may put the event into its queue a moment after its response, so a second signal follows.
SECOND_SIGNAL_S = 0.25


class ArrivalsSignal:
    """ASGI middleware that sends a signal after each successful upload under a prefix.

    `signal` takes a count. It is called outside of the event loop, so it may block; it may also fail.
    """

    def __init__(self, app: App, prefix: str, signal: Callable[[int], None]) -> None:
        self._app = app
        self._prefix = prefix
        self._signal = signal
        # A single thread: while Redis is unreachable, pending signals add to a number and not to threads.
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="arrivals-signal")
        self._count = 0
        self._is_sending = False
        self._second_is_due = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self._creates_an_object(scope):
            await self._app(scope, receive, send)
            return
        status = 0

        async def send_noting_status(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        await self._app(scope, receive, send_noting_status)
        if status == 200:
            self._add(1)
            self._add_later()

    def _creates_an_object(self, scope: Scope) -> bool:
        if not scope["path"].startswith(self._prefix):
            return False
        is_multipart = b"uploadId=" in scope["query_string"]
        return bool(scope["method"] == ("POST" if is_multipart else "PUT"))

    def _add(self, count: int) -> None:
        self._count += count
        if not self._is_sending:
            self._is_sending = True
            asyncio.get_running_loop().create_task(self._send_all())

    def _add_later(self) -> None:
        if not self._second_is_due:
            self._second_is_due = True
            asyncio.get_running_loop().call_later(SECOND_SIGNAL_S, self._add_second)

    def _add_second(self) -> None:
        self._second_is_due = False
        self._add(1)

    async def _send_all(self) -> None:
        try:
            while self._count:
                count, self._count = self._count, 0
                await asyncio.get_running_loop().run_in_executor(self._pool, self._signal, count)
        finally:
            self._is_sending = False
