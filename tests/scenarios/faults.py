"""Faults on command: a TCP proxy that cuts or delays its connections, and a server that is killed and cannot restart."""

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
    """A proxy for a TCP port of this machine, `target_port`.

    While it is blocked, it resets and refuses all connections. While it is silent, it accepts connections and forwards
    nothing, as if the other end had vanished. `delay` delays all data.
    """

    def __init__(self, port: int) -> None:
        self.target_port = port
        self._loop = asyncio.new_event_loop()
        self._writers: set[asyncio.StreamWriter] = set()
        self._is_blocked = False
        self._delay_s = 0.0
        self._passes, self._is_prompt = asyncio.Event(), asyncio.Event()
        self._passes.set()
        self._is_prompt.set()
        threading.Thread(target=self._loop.run_forever, name="tcp-proxy", daemon=True).start()
        self._server = self._run(asyncio.start_server(self._forward, ADDRESS, 0))
        self.port: int = self._server.sockets[0].getsockname()[1]

    def cut(self) -> None:
        """Reset all connections; new ones are accepted."""
        self._loop.call_soon_threadsafe(lambda: [writer.transport.abort() for writer in list(self._writers)])

    def block(self) -> None:
        self._is_blocked = True
        self.cut()

    def unblock(self) -> None:
        self._is_blocked = False

    def silence(self) -> None:
        self._loop.call_soon_threadsafe(self._passes.clear)

    def unsilence(self) -> None:
        self._loop.call_soon_threadsafe(self._passes.set)

    def delay(self, seconds: float) -> None:
        self._delay_s = seconds
        self._loop.call_soon_threadsafe(self._is_prompt.clear)

    def undelay(self) -> None:
        self._loop.call_soon_threadsafe(self._is_prompt.set)

    def close(self) -> None:
        self.block()
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)

    async def _end(self) -> None:
        forwarding = asyncio.all_tasks() - {asyncio.current_task()}
        for task in forwarding:
            task.cancel()
        await asyncio.gather(*forwarding, return_exceptions=True)

    def _run(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_blocked:
            writer.transport.abort()
            return
        with suppress(OSError, asyncio.CancelledError):
            try:
                target_reader, target_writer = await asyncio.open_connection(ADDRESS, self.target_port)
            except OSError:
                writer.transport.abort()
                return
            self._writers |= {writer, target_writer}
            try:
                await asyncio.gather(self._copy(reader, target_writer), self._copy(target_reader, writer))
            finally:
                self._writers -= {writer, target_writer}
                for target in (writer, target_writer):
                    target.close()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward everything until the end of the stream. If either end fails, both are closed. Raises OSError."""
        while chunk := await reader.read(CHUNK_BYTES):
            await self._passes.wait()
            if not self._is_prompt.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._is_prompt.wait(), self._delay_s)
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
