"""Reports each stored original: sends an event like S3's to the queue of arrivals, and a work signal.

If an event can't be sent, this is only logged: the upload has succeeded, and upkeep finds objects without an event.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote_plus

from infra.local.objects.index import Version
from infra.local.objects.queue_calls import QueueCalls


class Arrivals:
    """Sends the events. `send_signal` is called with a count in another thread, so it may block and fail."""

    def __init__(
        self, call: QueueCalls, queue: str, bucket: str, prefix: str, send_signal: Callable[[int], None]
    ) -> None:
        self._call = call
        self._queue = queue
        self._bucket = bucket
        self._prefix = prefix
        self._send_signal = send_signal
        # One thread only: while Redis is away, waiting signals become a larger count instead of more threads.
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="arrivals")
        self._unsent = 0
        self._sending: asyncio.Task[None] | None = None

    async def stored(self, version: Version) -> None:
        """Send the event of a new version, unless its key is outside the prefix."""
        if not version.key.startswith(self._prefix):
            return
        try:
            text = json.dumps({"Records": [self._record(version)]})
            await self._call("SendMessage", QueueUrl=f"http://queues/000000000000/{self._queue}", MessageBody=text)
        except Exception as error:
            logging.warning("the event of %s was not sent: %s", version.key, error)
        self._unsent += 1
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._signal())

    def _record(self, version: Version) -> dict[str, Any]:
        stored = {"key": quote_plus(version.key, safe="/"), "size": version.size_bytes, "eTag": version.etag}
        return {
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "eventName": "ObjectCreated:Put",
            "s3": {"bucket": {"name": self._bucket}, "object": {**stored, "versionId": version.version_id}},
        }

    async def _signal(self) -> None:
        while self._unsent:
            count, self._unsent = self._unsent, 0
            await asyncio.get_running_loop().run_in_executor(self._pool, self._send_signal, count)
