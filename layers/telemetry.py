"""Structured logs: one line of JSON an event, on standard error; on Lambda with metrics and traces beside them."""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from contextlib import AbstractContextManager, nullcontext
from typing import Any

ON_LAMBDA = "AWS_LAMBDA_FUNCTION_NAME"


def log(event: str, *, error: BaseException | None = None, **fields: Any) -> None:
    """Write an event with its fields; an error comes with its traceback. None values are left out."""
    if ON_LAMBDA in os.environ:
        from layers import lambda_telemetry

        lambda_telemetry.log(event, error, {name: value for name, value in fields.items() if value is not None})
        return
    line: dict[str, Any] = {"at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "event": event}
    line |= {name: value for name, value in fields.items() if value is not None}
    if error is not None:
        line["error"] = "".join(traceback.format_exception(error))
    sys.stderr.write(json.dumps(line, default=str) + "\n")
    sys.stderr.flush()


def traced(name: str, **notes: str) -> AbstractContextManager[None]:
    """A named part of a trace, where the host traces."""
    if ON_LAMBDA not in os.environ:
        return nullcontext()
    from layers import lambda_telemetry

    return lambda_telemetry.traced(name, **notes)
