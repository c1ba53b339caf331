"""Structured logs: one line of JSON an event, on standard error; on Lambda with metrics and traces beside them.

Whatever is logged while an attempt runs bears its file, step, part, attempt and tenant, wherever it is logged.
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
_ABOUT: ContextVar[dict[str, Any] | None] = ContextVar("about", default=None)


@contextmanager
def about(**fields: Any) -> Iterator[None]:
    """Everything that is logged in this block, in this thread, bears these fields too."""
    before = _ABOUT.set({**(_ABOUT.get() or {}), **fields})
    try:
        yield
    finally:
        _ABOUT.reset(before)


def log(event: str, *, error: BaseException | None = None, **fields: Any) -> None:
    """Write an event with its fields; an error comes with its traceback. None values are left out."""
    told = {name: value for name, value in {**(_ABOUT.get() or {}), **fields}.items() if value is not None}
    if ON_LAMBDA in os.environ:
        from layers.telemetry import on_lambda

        on_lambda.log(event, error, told)
        return
    line: dict[str, Any] = {"at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "event": event} | told
    if error is not None:
        line["error"] = "".join(traceback.format_exception(error))
    sys.stderr.write(json.dumps(line, default=str) + "\n")
    sys.stderr.flush()


def traced(name: str, **notes: str) -> AbstractContextManager[None]:
    """A named part of a trace, where the host traces."""
    if ON_LAMBDA not in os.environ:
        return nullcontext()
    from layers.telemetry import on_lambda

    return on_lambda.traced(name, **notes)
