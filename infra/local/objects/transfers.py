"""Limits uploads and downloads: how many may run at once, in total, for a tenant and for an object, and how slowly.

A transfer needs little memory, but a connection, a task and an open file. Without limits, a few clients that send a byte
now and then would block all others.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from infra.local.asgi import Message, Receive, Send
from infra.local.signatures import Refused

CHECK_S = 1.0  # between two checks for transfers that are too slow


@dataclass(frozen=True, slots=True)
class Bounds:
    """The limits of one direction.

    A transfer may be slow for its first `grace_s` seconds. After that it must reach `least_bytes_s` on average, and
    may not pause for longer than `pause_s`. Transfers below `slow_bytes_s` count as slow; if other transfers wait, slow
    ones keep at most three quarters of the slots.
    """

    slots: int = 64
    slots_a_tenant: int = 32
    slots_an_object: int = 2
    waiting_s: float = 20.0
    grace_s: float = 10.0
    pause_s: float = 30.0
    least_bytes_s: float = 4096.0
    slow_bytes_s: float = 65536.0
    longest_s: float = 3600.0


# Many people may view one file at once, and a web page shows dozens of pictures.
DOWNLOADS = Bounds(slots=128, slots_a_tenant=64, slots_an_object=32)


@dataclass(eq=False, slots=True)
class Transfer:
    """One running upload or download."""

    tenant: str
    key: str
    task: asyncio.Task[Any] | None
    began: float
    moved_at: float
    bytes_moved: int = 0
    reason: str = ""

    def rate(self, now: float) -> float:
        """Bytes a second since it began."""
        return self.bytes_moved / max(1e-6, now - self.began)


class Transfers:
    """The transfers of one direction. Belongs to one event loop."""

    def __init__(self, bounds: Bounds | None = None, *, now: Callable[[], float] = time.monotonic) -> None:
        self._bounds = bounds or Bounds()
        self._now = now
        self._running: set[Transfer] = set()
        self._waiting = 0
        self._freed = asyncio.Condition()
        self._watch: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def slot(self, key: str) -> AsyncIterator[Transfer]:
        """A transfer of an object, once there is a slot for it.

        Raises Refused if no slot becomes free in time, and inside the block if the transfer is too slow.
        """
        tenant = tenant_of(key)
        await self._wait_for_room(tenant, key)
        now = self._now()
        transfer = Transfer(tenant, key, asyncio.current_task(), now, now)
        self._running.add(transfer)
        if self._watch is None or self._watch.done():
            self._watch = asyncio.create_task(self._end_slow_ones())
        try:
            yield transfer
        except asyncio.CancelledError:
            if not transfer.reason:
                raise
            if transfer.task is not None:
                transfer.task.uncancel()
            raise Refused(408, "RequestTimeout", f"the transfer was ended: {transfer.reason}") from None
        finally:
            self._running.discard(transfer)
            async with self._freed:
                self._freed.notify_all()

    def receiving(self, transfer: Transfer, receive: Receive) -> Receive:
        """A `receive` that counts the bytes of an upload."""

        async def receive_and_count() -> Message:
            message = await receive()
            self._moved(transfer, len(message.get("body", b"")))
            return message

        return receive_and_count

    def sending(self, transfer: Transfer, send: Send) -> Send:
        """A `send` that counts the bytes of a download."""

        async def send_and_count(message: Message) -> None:
            await send(message)
            self._moved(transfer, len(message.get("body", b"")))

        return send_and_count

    def _moved(self, transfer: Transfer, count: int) -> None:
        if count:
            transfer.bytes_moved += count
            transfer.moved_at = self._now()

    async def _wait_for_room(self, tenant: str, key: str) -> None:
        deadline = self._now() + self._bounds.waiting_s
        while not self._has_room(tenant, key):
            left_s = deadline - self._now()
            if left_s <= 0:
                raise Refused(503, "SlowDown", "too many transfers are running; try again in a moment")
            self._waiting += 1
            try:
                async with self._freed:
                    await asyncio.wait_for(self._freed.wait(), min(left_s, CHECK_S))
            except TimeoutError:
                continue
            finally:
                self._waiting -= 1

    def _has_room(self, tenant: str, key: str) -> bool:
        bounds = self._bounds
        return (
            len(self._running) < bounds.slots
            and sum(transfer.tenant == tenant for transfer in self._running) < bounds.slots_a_tenant
            and sum(transfer.key == key for transfer in self._running) < bounds.slots_an_object
        )

    async def _end_slow_ones(self) -> None:
        """End transfers that are too slow, once a second while there are any."""
        while self._running:
            now = self._now()
            for transfer, reason in self._too_slow(now):
                transfer.reason = reason
                if transfer.task is not None:
                    transfer.task.cancel()
            await asyncio.sleep(CHECK_S)

    def _too_slow(self, now: float) -> list[tuple[Transfer, str]]:
        bounds = self._bounds
        ended: list[tuple[Transfer, str]] = []
        slow: list[Transfer] = []
        for transfer in self._running:
            if transfer.reason:
                continue  # it is ending
            age_s = now - transfer.began
            if now - transfer.moved_at > bounds.pause_s:
                ended.append((transfer, f"no byte moved for {bounds.pause_s:g} s"))
            elif age_s > bounds.longest_s:
                ended.append((transfer, f"it took longer than {bounds.longest_s:g} s"))
            elif age_s > bounds.grace_s and transfer.rate(now) < bounds.least_bytes_s:
                ended.append((transfer, f"it moved less than {bounds.least_bytes_s:g} bytes a second"))
            elif age_s > bounds.grace_s and transfer.rate(now) < bounds.slow_bytes_s:
                slow.append(transfer)
        too_many = len(slow) - bounds.slots * 3 // 4
        if self._waiting and too_many > 0:
            slow.sort(key=lambda transfer: transfer.rate(now))
            ended += [(transfer, "faster transfers wait for its slot") for transfer in slow[:too_many]]
        return ended


def tenant_of(key: str) -> str:
    """The tenant of an object, from keys such as `originals/<tenant>/<file>`."""
    parts = key.split("/")
    return parts[1] if len(parts) > 2 else ""
