"""What goes wrong on command: a way that is closed, a port that is taken, topics that lose everything."""

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

PIECE_BYTES = 1 << 16


class Gate:
    """A way to a port of this machine that can be shut: then nobody gets through, and whoever was, is cut off."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._loop = asyncio.new_event_loop()
        self._open: set[asyncio.StreamWriter] = set()
        self._is_shut = False
        threading.Thread(target=self._loop.run_forever, name="gate", daemon=True).start()
        self._server = self._do(asyncio.start_server(self._pass, ADDRESS, 0))
        self.port: int = self._server.sockets[0].getsockname()[1]

    def shut(self) -> None:
        self._is_shut = True
        self._loop.call_soon_threadsafe(lambda: [writer.transport.abort() for writer in list(self._open)])

    def open(self) -> None:
        self._is_shut = False

    def close(self) -> None:
        self.shut()
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _do(self, what: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(10)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_shut:
            writer.transport.abort()
            return
        with suppress(OSError):
            inner_reader, inner_writer = await asyncio.open_connection(ADDRESS, self._to)
            self._open |= {writer, inner_writer}
            try:
                await asyncio.gather(_pour(reader, inner_writer), _pour(inner_reader, writer))
            finally:
                self._open -= {writer, inner_writer}
                for one in (writer, inner_writer):
                    one.close()


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while piece := await reader.read(PIECE_BYTES):
            writer.write(piece)
            await writer.drain()
        writer.write_eof()


@contextmanager
def killed_and_kept_away(pid: int, port: int) -> Iterator[None]:
    """A server that is killed, and that can't come back while the block lasts: its port is taken."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        os.kill(pid, signal.SIGKILL)
        while True:
            try:
                taken.bind((ADDRESS, port))
                break
            except OSError:  # it has not quite ended
                threading.Event().wait(0.005)
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)  # now nobody else may have it
        yield
