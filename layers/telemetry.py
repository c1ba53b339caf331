"""Structured logs: one line of JSON an event, on standard error."""

from __future__ import annotations

import json
import sys
import time
import traceback
from typing import Any


def log(event: str, *, error: BaseException | None = None, **fields: Any) -> None:
    """Write an event with its fields; an error comes with its traceback. None values are left out."""
    line: dict[str, Any] = {"at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "event": event}
    line |= {name: value for name, value in fields.items() if value is not None}
    if error is not None:
        line["error"] = "".join(traceback.format_exception(error))
    sys.stderr.write(json.dumps(line, default=str) + "\n")
    sys.stderr.flush()
