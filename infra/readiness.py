"""How a process tells the one that started it that it is ready: over a pipe that it inherits, never by its log.

The pipe belongs to one start of one process, so that a report can't be that of an earlier life, and a report of a few
bytes is written whole or not at all.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress

VARIABLE = "FAIRWAY_READY_DESCRIPTOR"
REPORT = b"ready\n"


class ReadyPipe:
    """The pipe of one start. The parent passes `writing` on, calls `started`, asks `has_reported`, and closes it.

    Threads may share it.
    """

    def __init__(self) -> None:
        self._reading, self.writing = os.pipe()
        os.set_blocking(self._reading, False)
        self._received = b""
        self._lock = threading.Lock()
        self._is_closed = False

    @property
    def variables(self) -> dict[str, str]:
        """What the child's environment must have."""
        return {VARIABLE: str(self.writing)}

    def started(self) -> None:
        """The child has its copy of the writing end, or there is no child."""
        os.close(self.writing)

    def has_reported(self) -> bool:
        with self._lock, suppress(BlockingIOError):
            if not self._is_closed and self._received != REPORT:
                self._received += os.read(self._reading, len(REPORT))
        return self._received == REPORT

    def close(self) -> None:
        with self._lock:
            if not self._is_closed:
                self._is_closed = True
                os.close(self._reading)


def report_ready() -> None:
    """Report that this process is ready, where the process that started it waits for that. Later calls do nothing."""
    text = os.environ.pop(VARIABLE, "")
    if not text.isdigit():
        return
    with suppress(OSError):  # the parent waits no longer
        os.write(int(text), REPORT)
        os.close(int(text))
