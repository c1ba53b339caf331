"""Readers of an API at a steady rate, with little CPU time: connections stay open, and nobody parses the answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

TOO_LATE_S = 60.0


@dataclass
class Read:
    """What the readers of pages saw. Times are from when a request was due, so that a late answer delays none of the others."""

    times_ms: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    took_s: float = 0.0


class Connections:
    """Connections to an API, each of which is used again."""

    def __init__(self, api_url: str, key: str) -> None:
        self._host, self._port = urlsplit(api_url).hostname or "", urlsplit(api_url).port or 80
        self._headers = f"Host: {self._host}\r\nAuthorization: Bearer {key}\r\nAccept-Encoding: gzip\r\n\r\n"
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def get(self, path: str) -> tuple[int, bytes]:
        """The status and the body as it was sent. Raises OSError and asyncio.IncompleteReadError."""
        reader, writer = self._idle.pop() if self._idle else await asyncio.open_connection(self._host, self._port)
        writer.write(f"GET {path} HTTP/1.1\r\n{self._headers}".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = next(int(line[15:]) for line in head.split("\r\n") if line.startswith("content-length:"))
        body = await reader.readexactly(length)
        self._idle.append((reader, writer))
        return int(head.split(" ", 2)[1]), body

    def close(self) -> None:
        for _, writer in self._idle:
            writer.close()


def read_steadily(
    api_url: str, key: str, *, page: str, a_second: int, for_s: int, watched: str, watchers: int, started: Any
) -> Read:
    """Request a page so many times a second, while other calls wait for changes. `started` is called before the first page."""
    return asyncio.run(_read(Connections(api_url, key), page, a_second, for_s, watched, watchers, started))


async def _read(
    connections: Connections, page: str, a_second: int, for_s: int, watched: str, watchers: int, started: Any
) -> Read:
    found = Read()
    watching = [asyncio.create_task(_watch(connections, watched, found)) for _ in range(watchers)]
    await asyncio.sleep(3)
    started()
    began = time.perf_counter()
    requests = []
    for index in range(a_second * for_s):
        due = began + index / a_second
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        requests.append(asyncio.create_task(_ask(connections, page, due, found)))
    await asyncio.gather(*requests)
    found.took_s = time.perf_counter() - began
    for task in watching:
        task.cancel()
    await asyncio.gather(*watching, return_exceptions=True)
    connections.close()
    return found


async def _watch(connections: Connections, path: str, found: Read) -> None:
    while True:
        await _noted(connections.get(path), found)


async def _ask(connections: Connections, path: str, due: float, found: Read) -> None:
    await _noted(asyncio.wait_for(connections.get(path), TOO_LATE_S), found)
    found.times_ms.append((time.perf_counter() - due) * 1000)


async def _noted(call: Coroutine[Any, Any, tuple[int, bytes]], found: Read) -> None:
    try:
        status, body = await call
    except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
        found.errors.append(f"{type(error).__name__}: {error}")
        await asyncio.sleep(0.1)
    else:
        if status != 200:
            found.errors.append(f"{status}: {body[:100]!r}")


def with_query(path: str, **query: Any) -> str:
    return f"{path}?{urlencode(query)}"
