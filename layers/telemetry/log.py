"""Structured logs: one line of JSON for each event, on standard error; on Lambda with metrics and traces.

Every event that is logged during an attempt has its file, step, part, attempt and tenant.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
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
    """Log an event with its fields, and the traceback of an error. Fields that are None are left out."""
    present = {name: value for name, value in {**(_CONTEXT.get() or {}), **fields}.items() if value is not None}
    if ON_LAMBDA in os.environ:
        from layers.telemetry import on_lambda

        on_lambda.log(event, error, present)
        return
    line: dict[str, Any] = {"at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "event": event} | present
    if error is not None:
        line["error"] = "".join(traceback.format_exception(error))
    sys.stderr.write(json.dumps(line, default=str) + "\n")
    sys.stderr.flush()


def traced(name: str, **notes: str) -> AbstractContextManager[None]:
    """A named segment of the trace; does nothing outside of Lambda."""
    if ON_LAMBDA not in os.environ:
        return nullcontext()
    from layers.telemetry import on_lambda

    return on_lambda.traced(name, **notes)
