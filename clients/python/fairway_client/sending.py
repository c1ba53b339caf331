"""Sends the files of one manifest side by side, and notes which were sent."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from fairway_client.client import Client, Refused
from fairway_client.memory import SENT, KeptLine, Memory
from fairway_client.transfer import NotSent, Patience, Stopped, send

SENT_AT_ONCE = 8
SIGNED_AT_ONCE = 500
MARKED_AT_ONCE = 50
POLL_S = 0.2


class Sending:
    """Sends lines of a manifest in several threads. Everything else is done in the thread that runs it.

    `paths` are those of the files, by name. `on_sent` and `on_failed` are called for each line.
    """

    def __init__(
        self,
        client: Client,
        memory: Memory,
        patience: Patience,
        paths: Mapping[str, Path],
        on_sent: Callable[[KeptLine], None],
        on_failed: Callable[[KeptLine, NotSent], None],
    ) -> None:
        self._client, self._memory, self._patience, self._paths = client, memory, patience, paths
        self._on_sent, self._on_failed = on_sent, on_failed
        self._results: queue.Queue[tuple[int, BaseException | None]] = queue.Queue()
        self._slots = threading.Semaphore(2 * SENT_AT_ONCE)
        self._lines: dict[int, KeptLine] = {}
        self._sending: set[int] = set()
        self._marked: list[int] = []
        self._number = 0

    def run(self, number: int, manifest_id: str, lines: Mapping[int, KeptLine]) -> None:
        """Send these lines of a manifest. Raises Stopped."""
        self._number, self._lines = number, dict(lines)
        try:
            with ThreadPoolExecutor(SENT_AT_ONCE) as pool:
                try:
                    self._send_all(pool, manifest_id)
                except BaseException:
                    self._patience.stopping.set()  # or the pool would wait until all are sent
                    raise
        finally:
            self._take_results()
            self._mark()
        if self._patience.stopping.is_set():
            raise Stopped
        # The API awaits no more of them: they arrived in an earlier run, which was ended before it noted that.
        for line in list(self._lines):
            self._done(line)
        self._mark()

    def _send_all(self, pool: ThreadPoolExecutor, manifest_id: str) -> None:
        for file in self._signed(manifest_id):
            line = self._lines.get(file["line"])
            if line is None or line.line in self._sending:
                continue
            while not self._slots.acquire(timeout=POLL_S):
                self._take_results()
            self._sending.add(line.line)
            pool.submit(self._send, line, file)
            self._take_results()
        while self._sending and not self._patience.stopping.is_set():
            self._take_results(POLL_S)

    def _signed(self, manifest_id: str) -> Iterator[dict[str, Any]]:
        cursor: str | None = ""
        while self._lines and cursor is not None:
            sign = partial(self._client.manifest_uploads, manifest_id, SIGNED_AT_ONCE, cursor or None)
            page = self._patience.insist(sign)
            yield from page["uploads"]
            cursor = page["next_cursor"]

    def _send(self, line: KeptLine, file: dict[str, Any]) -> None:
        """In a thread of the pool."""
        error: BaseException | None = None
        try:
            send(self._client, self._paths[line.name], file, line.size_bytes, self._patience)
        except Refused as refusal:
            error = NotSent(str(refusal), may_try_again=False)
        except BaseException as raised:
            error = raised
        self._results.put((line.line, error))
        self._slots.release()

    def _take_results(self, wait_s: float = 0.0) -> None:
        while True:
            try:
                number, error = self._results.get(timeout=wait_s) if wait_s else self._results.get_nowait()
            except queue.Empty:
                return
            wait_s = 0.0
            self._sending.discard(number)
            if error is None:
                self._done(number)
            elif isinstance(error, NotSent):
                self._on_failed(self._lines.pop(number), error)
            elif not isinstance(error, Stopped):
                raise error

    def _done(self, number: int) -> None:
        line = self._lines.pop(number)
        self._marked.append(number)
        if len(self._marked) >= MARKED_AT_ONCE:
            self._mark()
        self._on_sent(line)

    def _mark(self) -> None:
        marked, self._marked = self._marked, []
        self._memory.mark(self._number, marked, SENT)
