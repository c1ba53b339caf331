"""Structured logs: one line of JSON for each event, on standard error; on Lambda with metrics and traces.

Every event that is logged during an attempt has its file, step, part, attempt and tenant.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from contextvars import ContextVar
from typing import Any

ON_LAMBDA = "AWS_LAMBDA_FUNCTION_NAME"
_CONTEXT: ContextVar[dict[str, Any] | None] = ContextVar("about", default=None)


@contextmanager
def about(**fields: Any) -> Iterator[None]:
    """Add these fields to every event that this thread logs in this block."""
    before = _CONTEXT.set({**(_CONTEXT.get() or {}), **fields})
    try:
        yield
    finally:
        _CONTEXT.reset(before)


def log(event: str, *, error: BaseException | None = None, **fields: Any) -> None:
    """Log an event with its fields, and the traceback of an error. Fields that are None are left out.

    Never raises: an event that can't be written, for example on a full disk, is lost and counted.
    """
    try:
        _log(event, error, fields)
    except Exception:
        with suppress(Exception):  # a field that can't be turned into text, or a failure of the platform's library
            _LINES.write(json.dumps({"event": event, "fields_lost": sorted(map(str, fields))}))


def _log(event: str, error: BaseException | None, fields: dict[str, Any]) -> None:
    present = {name: value for name, value in {**(_CONTEXT.get() or {}), **fields}.items() if value is not None}
    if ON_LAMBDA in os.environ:
        from layers.telemetry import on_lambda

        on_lambda.log(event, error, present)
        return
    line: dict[str, Any] = {"at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "event": event} | present
    if error is not None:
        line["error"] = "".join(traceback.format_exception(error))
    _LINES.write(json.dumps(line, default=str))


class _Lines:
    """Writes complete lines to standard error, without a buffer: a line that can't be written must not delay the next."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_torn = False  # the last line was written incompletely
        self._lost = 0

    def write(self, line: str) -> None:
        """Write a line, or count it as lost."""
        with self._lock:
            if self._lost and self._is_written(json.dumps({"event": "log_lines_lost", "lines": self._lost})):
                self._lost = 0
            if self._lost or not self._is_written(line):
                self._lost += 1

    def _is_written(self, line: str) -> bool:
        text = f"\n{line}\n" if self._is_torn else f"{line}\n"
        try:
            descriptor = sys.stderr.fileno()
        except (OSError, ValueError, AttributeError):  # standard error was replaced by an object in memory, or closed
            return self._is_printed(text)
        left = text.encode()
        try:
            while left:
                left = left[os.write(descriptor, left) :]
                self._is_torn = bool(left)
        except OSError:
            return False
        return True

    def _is_printed(self, text: str) -> bool:
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except (OSError, ValueError, AttributeError):
            return False
        self._is_torn = False
        return True


_LINES = _Lines()


def traced(name: str, **notes: str) -> AbstractContextManager[None]:
    """A named segment of the trace; does nothing outside of Lambda."""
    if ON_LAMBDA not in os.environ:
        return nullcontext()
    from layers.telemetry import on_lambda

    return on_lambda.traced(name, **notes)
