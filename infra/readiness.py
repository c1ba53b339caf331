"""Lets a process report to its parent that it is ready, over an inherited pipe.

Each start of a process has a new pipe, so a report can't come from an earlier start. A report of a few bytes is written
completely or not at all.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress

VARIABLE = "FAIRWAY_READY_DESCRIPTOR"
REPORT = b"ready\n"


class ReadyPipe:
    """The pipe of one start. The parent passes `writing` to the child, calls `started`, polls `has_reported`, and closes.

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
        """The variables for the child's environment."""
        return {VARIABLE: str(self.writing)}

    def started(self) -> None:
        """Close the writing end here: the child has its copy, or could not be started."""
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
    """Report to the parent that this process is ready, if the parent waits for it. Later calls do nothing."""
    text = os.environ.pop(VARIABLE, "")
    if not text.isdigit():
        return
    with suppress(OSError):  # the parent no longer waits
        os.write(int(text), REPORT)
        os.close(int(text))
