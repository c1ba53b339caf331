"""Creates the queues of the embedded start, which exist only while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from infra.local.objects.queue_calls import QueueCalls
from infra.setup.queues import ensure_queues

BUCKET = "fairway"
ORIGINALS = "originals/"
ARRIVALS = "arrivals"
QUEUE_PREFIX = "fairway-"


class QueueClient:
    """The calls of boto3's SQS client that create queues, for a thread other than the event loop that serves them."""

    exceptions = SimpleNamespace(QueueDoesNotExist=RuntimeError)

    def __init__(self, call: QueueCalls, loop: asyncio.AbstractEventLoop) -> None:
        self._call = call
        self._loop = loop

    def get_queue_url(self, **parameters: Any) -> dict[str, Any]:
        return self._answer("GetQueueUrl", parameters)

    def create_queue(self, **parameters: Any) -> dict[str, Any]:
        return self._answer("CreateQueue", parameters)

    def get_queue_attributes(self, **parameters: Any) -> dict[str, Any]:
        return self._answer("GetQueueAttributes", parameters)

    def set_queue_attributes(self, **parameters: Any) -> dict[str, Any]:
        return self._answer("SetQueueAttributes", parameters)

    def _answer(self, action: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        return asyncio.run_coroutine_threadsafe(self._call(action, **parameters), self._loop).result()


async def create_queues(call: QueueCalls, visibility_s: Mapping[str, int]) -> None:
    """Create everything that is missing. `visibility_s` maps each topic to its visibility timeout."""
    client = QueueClient(call, asyncio.get_running_loop())
    await asyncio.to_thread(ensure_queues, client, QUEUE_PREFIX, visibility_s)
