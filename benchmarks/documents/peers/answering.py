"""Answers each path on standard input with a line of JSON: what `readers.py` expects of a reader written in Python."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any


def answer_each(read: Callable[[str], dict[str, Any]]) -> None:
    for line in sys.stdin:
        try:
            answer = read(line.rstrip("\n"))
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"[:300]}
        print("@@ " + json.dumps(answer), flush=True)
