"""The listening socket of the embedded object store."""

from __future__ import annotations

import asyncio
import socket

from infra.local.object_store import _bind


async def sends_at_once() -> bool:
    """Whether a connection that the server accepts sends small packets without delay (TCP_NODELAY)."""
    result: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def connected(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = writer.get_extra_info("socket")
        result.set_result(bool(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)))
        writer.close()

    listener = _bind(0)
    async with await asyncio.start_server(connected, sock=listener):
        _, writer = await asyncio.open_connection(*listener.getsockname())
        writer.close()
        return await result


def test_the_end_of_a_response_is_not_delayed() -> None:
    assert asyncio.run(sends_at_once())
