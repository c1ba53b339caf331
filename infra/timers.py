"""Threads that repeat a task, and tasks that are repeated until they succeed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from layers.telemetry.log import log


def every(
    seconds: float, stop: threading.Event, name: str, do: Callable[[], Any], *, first_s: float = 0.0
) -> threading.Thread:
    """Call `do` at this interval in a new thread. Returns the thread."""

    def repeat() -> None:
        wait_s = first_s
        while not stop.wait(wait_s):
            started = time.monotonic()
            try:
                do()
            except Exception as error:
                log("timer_failed", timer=name, detail=str(error))
            wait_s = max(0.0, seconds - (time.monotonic() - started))

    timer = threading.Thread(target=repeat, name=name, daemon=True)
    timer.start()
    return timer


def ended(threads: Iterable[threading.Thread]) -> list[str]:
    """The names of the threads that have ended."""
    return [thread.name for thread in threads if not thread.is_alive()]


def keep_trying(stop: threading.Event, do: Callable[[], Any]) -> None:
    """Call `do` until it succeeds, once a second."""
    while not stop.is_set():
        try:
            do()
            return
        except Exception as error:
            log("startup_task_failed", detail=str(error))
            stop.wait(1.0)
