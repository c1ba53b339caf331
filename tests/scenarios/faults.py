"""Faults on command: a TCP proxy that cuts its connections, and a server that is killed and cannot restart."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from infra.local.ports import ADDRESS

CHUNK_BYTES = 1 << 16


class TcpProxy:
    """A proxy for a TCP port of this machine. While it is blocked, it cuts and refuses all connections."""

    def __init__(self, port: int) -> None:
        self._target_port = port
        self._loop = asyncio.new_event_loop()
        self._writers: set[asyncio.StreamWriter] = set()
        self._is_blocked = False
        threading.Thread(target=self._loop.run_forever, name="tcp-proxy", daemon=True).start()
        self._server = self._run(asyncio.start_server(self._forward, ADDRESS, 0))
        self.port: int = self._server.sockets[0].getsockname()[1]

    def block(self) -> None:
        self._is_blocked = True
        self._loop.call_soon_threadsafe(lambda: [writer.transport.abort() for writer in list(self._writers)])

    def unblock(self) -> None:
        self._is_blocked = False

    def close(self) -> None:
        self.block()
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _run(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_blocked:
            writer.transport.abort()
            return
        with suppress(OSError):
            target_reader, target_writer = await asyncio.open_connection(ADDRESS, self._target_port)
            self._writers |= {writer, target_writer}
            try:
                await asyncio.gather(_copy(reader, target_writer), _copy(target_reader, writer))
            finally:
                self._writers -= {writer, target_writer}
                for one in (writer, target_writer):
                    one.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await reader.read(CHUNK_BYTES):
            writer.write(chunk)
            await writer.drain()
        writer.write_eof()


@contextmanager
def killed_and_kept_down(pid: int, port: int) -> Iterator[None]:
    """Kill a server, and occupy its port during the block so that it cannot restart."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as occupant:
        occupant.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        os.kill(pid, signal.SIGKILL)
        while True:
            try:
                occupant.bind((ADDRESS, port))
                break
            except OSError:  # the server has not ended yet
                threading.Event().wait(0.005)
        occupant.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)  # from now on the server cannot bind the port
        yield
