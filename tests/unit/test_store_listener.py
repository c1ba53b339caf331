"""The object store's listener."""

from __future__ import annotations

import asyncio
import socket

from infra.local.object_store import _bind


async def sends_at_once() -> bool:
    """Whether the server's end of a connection sends small pieces without waiting for the last to be acknowledged."""
    told: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def connected(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = writer.get_extra_info("socket")
        told.set_result(bool(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)))
        writer.close()

    listener = _bind(0)
    async with await asyncio.start_server(connected, sock=listener):
        _, writer = await asyncio.open_connection(*listener.getsockname())
        writer.close()
        return await told


def test_the_end_of_an_answer_is_not_held_back() -> None:
    assert asyncio.run(sends_at_once())
