"""Limits on uploads and downloads of the embedded object store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any

import pytest

from infra.local.objects import transfers as module
from infra.local.objects.transfers import Bounds, Transfers
from infra.local.signatures import Refused

KEY = "originals/tenant/file"


@pytest.fixture(autouse=True)
def _quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHECK_S", 0.01)


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def run(scene: Callable[[Clock], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(scene(Clock()), 10))


def key(tenant: str, file: int = 0) -> str:
    return f"originals/{tenant}/{file}"


async def refused(transfers: Transfers, of: str) -> str:
    with pytest.raises(Refused) as caught:
        async with transfers.slot(of):
            pass
    return caught.value.code


def test_one_object_has_no_more_transfers_than_it_may() -> None:
    async def scene(clock: Clock) -> None:
        transfers = Transfers(Bounds(slots_an_object=2, waiting_s=0), now=clock)
        async with transfers.slot(KEY), transfers.slot(KEY):
            assert await refused(transfers, KEY) == "SlowDown"
            async with transfers.slot(key("tenant", 1)):
                pass
        async with transfers.slot(KEY):
            pass

    run(scene)


def test_one_tenant_leaves_slots_to_others() -> None:
    async def scene(clock: Clock) -> None:
        transfers = Transfers(Bounds(slots=4, slots_a_tenant=2, waiting_s=0), now=clock)
        async with transfers.slot(key("a", 1)), transfers.slot(key("a", 2)):
            assert await refused(transfers, key("a", 3)) == "SlowDown"
            async with transfers.slot(key("b")):
                pass

    run(scene)


def test_a_transfer_waits_for_a_slot_to_become_free() -> None:
    async def scene(clock: Clock) -> None:
        transfers = Transfers(Bounds(slots=1), now=clock)
        async with transfers.slot(key("a")):

            async def second() -> None:
                async with transfers.slot(key("b")):
                    pass

            waiting = asyncio.create_task(second())
            await asyncio.sleep(0.05)
            assert not waiting.done()
        await waiting

    run(scene)


async def held(transfers: Transfers, of: str, begun: list[str]) -> None:
    """A transfer that moves no byte by itself."""
    async with transfers.slot(of):
        begun.append(of)
        await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("after_s", "moved", "reason"),
    [(31, 0, "no byte moved"), (11, 11 * 4095, "less than 4096 bytes"), (3601, 10**9, "longer than 3600 s")],
)
def test_a_transfer_that_is_too_slow_is_ended_with_the_reason(after_s: float, moved: int, reason: str) -> None:
    async def scene(clock: Clock) -> None:
        transfers = Transfers(now=clock)
        task = asyncio.create_task(held(transfers, KEY, []))
        await asyncio.sleep(0.02)
        (transfer,) = transfers._running
        transfer.bytes_moved, clock.now_s = moved, after_s
        transfer.moved_at = after_s if moved else 0.0
        with pytest.raises(Refused, match=reason):
            await task
        assert not transfers._running

    run(scene)


def test_a_transfer_that_keeps_up_is_left_alone() -> None:
    async def scene(clock: Clock) -> None:
        transfers = Transfers(now=clock)
        task = asyncio.create_task(held(transfers, KEY, []))
        await asyncio.sleep(0.02)
        (transfer,) = transfers._running
        transfer.bytes_moved, transfer.moved_at, clock.now_s = 4096 * 60, 60.0, 60.0
        await asyncio.sleep(0.05)
        assert not task.done()
        task.cancel()

    run(scene)


def test_slow_transfers_never_hold_the_last_quarter_of_the_slots_while_others_wait() -> None:
    async def scene(clock: Clock) -> None:
        transfers = Transfers(Bounds(slots=8, slots_a_tenant=8), now=clock)
        begun: list[str] = []
        slow = [asyncio.create_task(held(transfers, key("slow", number), begun)) for number in range(8)]
        await asyncio.sleep(0.02)
        clock.now_s = 11.0
        for number, transfer in enumerate(transfers._running, 1):
            transfer.bytes_moved, transfer.moved_at = 11 * (5000 + number), 11.0
        async with AsyncExitStack() as stack:
            for number in range(2):
                await stack.enter_async_context(transfers.slot(key("quick", number)))
            assert sum(future.done() for future in slow) == 2
        for future in slow:
            future.cancel()
        await asyncio.gather(*slow, return_exceptions=True)

    run(scene)


def test_a_client_that_leaves_frees_its_slot() -> None:
    async def scene(clock: Clock) -> None:
        transfers = Transfers(Bounds(slots=1, waiting_s=0), now=clock)
        task = asyncio.create_task(held(transfers, KEY, []))
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with transfers.slot(key("other")):
            pass

    run(scene)


def test_bytes_are_counted_in_both_directions() -> None:
    async def scene(clock: Clock) -> None:
        transfers = Transfers(now=clock)

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"12345"}

        async def send(message: Any) -> None:
            pass

        async with transfers.slot(KEY) as transfer:
            await transfers.receiving(transfer, receive)()
            await transfers.sending(transfer, send)({"type": "http.response.body", "body": b"123"})
            assert transfer.bytes_moved == 8

    run(scene)
