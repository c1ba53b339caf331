"""The threads that serve the API's requests. `/health` never waits behind other requests, and each thread is watched."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from waitress.task import ThreadedTaskDispatcher
from waitress.utilities import Error

MOST_QUEUED = 1000  # requests that wait for a thread
HEALTH_PATH = "/health"
HEALTH_THREADS = 2


class ThreadsEnded(Exception):
    """Threads have ended although the server is running. Requests would wait for them forever."""


class Busy(Error):  # type: ignore[misc]
    """The error of a request that the server does not accept."""

    code = 503


class WatchedThreads(ThreadedTaskDispatcher):  # type: ignore[misc]
    """Threads that serve requests. `ended_threads` names those that have ended without being stopped."""

    def __init__(self) -> None:
        super().__init__()
        self._started: dict[int, threading.Thread] = {}

    def start_new_thread(self, target: Callable[[int], None], thread_no: int) -> None:
        thread = threading.Thread(target=target, args=(thread_no,), name=f"request-{thread_no}", daemon=True)
        thread.start()
        self._started[thread_no] = thread

    def ended_threads(self) -> list[str]:
        with self.lock:  # stopping a thread removes it from `threads` before it ends
            running = [thread for number, thread in self._started.items() if number in self.threads]
            return [thread.name for thread in running if not thread.is_alive()]


class Dispatcher(WatchedThreads):
    """Threads that serve requests. `/health` and refusals never wait behind other requests."""

    def __init__(self, threads: int) -> None:
        super().__init__()
        self.set_thread_count(threads)
        self._quick = WatchedThreads()
        self._quick.set_thread_count(HEALTH_THREADS)

    def add_task(self, task: Any) -> None:
        request = task.requests[0]
        if request.error or request.path == HEALTH_PATH:
            self._quick.add_task(task)
        elif task.is_extra or len(self.queue) >= MOST_QUEUED:
            request.error = Busy("")
            self._quick.add_task(task)
        else:
            super().add_task(task)

    def shutdown(self, cancel_pending: bool = True, timeout: float = 5) -> bool:
        self._quick.shutdown(cancel_pending, timeout=0)
        return bool(super().shutdown(cancel_pending, timeout))

    def ended_threads(self) -> list[str]:
        return super().ended_threads() + self._quick.ended_threads()
