"""Starts processes, restarts those that end, and stops them all with their descendants."""

from __future__ import annotations

import ctypes
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from infra.local import process_table
from infra.local.logs import rotate, tail
from infra.local.process import Process, Running, kill_group, stop_together

TICK_S = 0.25
PROBE_EVERY_S = 0.05
ROTATE_EVERY_S = 10.0
SETTLED_S = 20.0
MIN_BACKOFF_S = 0.1
MAX_BACKOFF_S = 15.0
MAX_EARLY_ENDS = 3
SWEEP_S = 1.0
PR_SET_CHILD_SUBREAPER = 36


class StartFailed(Exception):
    """A process did not start. The message has the last lines of its log."""


@dataclass(slots=True)
class _Order:
    """A call for the supervisor's thread, and the event that is set when it has returned."""

    do: Callable[[], None]
    done: threading.Event = field(default_factory=threading.Event)
    error: BaseException | None = None


class Supervisor:
    """Keeps processes running. One thread starts them all, because the kernel sends the death signal when it ends.

    With `adopts`, this process becomes the parent of orphaned descendants (a subreaper) and kills them. It can't tell
    them from other child processes, so only a process that does nothing else may use it. `on_change` is called at
    every start with the state of all processes.
    """

    def __init__(
        self, logs: Path, *, adopts: bool = False, on_change: Callable[[Sequence[Running]], None] = lambda running: None
    ) -> None:
        self._logs = logs
        self._adopts = adopts
        self._on_change = on_change
        self._running: list[Running] = []
        self._generation = 0
        self._orders: queue.SimpleQueue[_Order] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._next_rotation = 0.0
        self._is_unannounced = False  # the last change could not be reported, for example on a full disk
        if adopts:
            ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)
        self._thread.start()

    def start(self, processes: Sequence[Process], timeout_s: float = 60.0) -> None:
        """Start these processes in parallel and wait until all are ready. Raises StartFailed."""
        self._generation += 1
        added = [Running(process, self._generation) for process in processes]
        self._order(lambda: self._add(added))
        deadline = time.monotonic() + timeout_s
        waiting = added
        while waiting := [running for running in waiting if not running.answers()]:
            for running in waiting:
                if running.early_ends >= MAX_EARLY_ENDS or time.monotonic() > deadline:
                    raise StartFailed(
                        f"{running.process.name} did not start. The end of its log:\n{tail(self._log(running))}"
                    )
            if self._stopped.is_set():
                raise StartFailed("Fairway was stopped while it was starting.")
            time.sleep(PROBE_EVERY_S)

    def is_alive(self) -> bool:
        """Whether the supervisor's thread is running. If not, the kernel has ended all processes."""
        return self._thread.is_alive()

    def pids(self) -> dict[str, int]:
        return {running.process.name: running.pid for running in self._running if running.pid is not None}

    def stop(self) -> None:
        """Stop all processes in the reverse order of their starts; those that were started together stop together."""
        if not self._stopped.is_set():
            self._order(self._stop_all)
        self._thread.join()

    def _order(self, do: Callable[[], None]) -> None:
        order = _Order(do)
        self._orders.put(order)
        while not order.done.wait(TICK_S):
            if not self._thread.is_alive():
                return
        if order.error is not None:
            raise order.error

    def _watch(self) -> None:
        while not self._stopped.is_set():
            try:
                order = self._orders.get(timeout=TICK_S)
            except queue.Empty:
                self._tick()
                continue
            order.error = self._guarded(order.do)
            order.done.set()

    def _guarded(self, do: Callable[[], None]) -> BaseException | None:
        # If an error ended this thread, the kernel would end every child.
        try:
            do()
        except BaseException as error:
            self._note(f"{type(error).__name__}: {error}")
            return error
        return None

    def _add(self, added: list[Running]) -> None:
        self._running += added
        for running in added:
            self._launch(running)

    def _tick(self) -> None:
        now = time.monotonic()
        rotates_logs = now >= self._next_rotation
        if rotates_logs:
            self._next_rotation = now + ROTATE_EVERY_S
        for running in self._running:
            self._guarded(lambda running=running: self._check(running, now, rotates_logs))  # type: ignore[misc]
        if self._is_unannounced and rotates_logs:
            self._guarded(self._announce)

    def _check(self, running: Running, now: float, rotates_log: bool) -> None:
        if running.child is not None and (code := running.child.poll()) is not None:
            self._handle_end(running, running.child.pid, code, now)
        if running.child is None and now >= running.starts_at:
            self._launch(running)
        if rotates_log:
            rotate(self._log(running))

    def _launch(self, running: Running) -> None:
        running.since = time.monotonic()
        try:
            running.process.before_start()
            child = running.spawn(self._log(running))
        except Exception as error:
            self._delay_start(running, running.since)
            self._note(f"{running.process.name} could not be started: {error}")
            return
        found = process_table.entry(child.pid)
        running.started = found.started if found else 0
        self._announce()

    def _announce(self) -> None:
        """Report the state of all processes. After a failure this is repeated later."""
        self._is_unannounced = True
        self._on_change(self._running)
        self._is_unannounced = False

    def _handle_end(self, running: Running, pid: int, code: int, now: float) -> None:
        self._note(f"{running.process.name} (process {pid}) ended with exit code {code}")
        kill_group(pid)
        running.child = None
        if now - running.since > SETTLED_S:
            running.early_ends = 0
        self._delay_start(running, now)
        self._end_orphans()

    def _delay_start(self, running: Running, now: float) -> None:
        running.starts_at = now + min(MAX_BACKOFF_S, MIN_BACKOFF_S * 2**running.early_ends)
        running.early_ends += 1

    def _end_orphans(self) -> None:
        """Kill orphaned processes that this process has adopted, with their descendants.

        Children in this process's own group were not started by the supervisor and are left alone.
        """
        if not self._adopts:
            return
        supervised = {running.pid for running in self._running}
        me, group = os.getpid(), os.getpgrp()
        orphans = [
            entry
            for entry in process_table.entries()
            if entry.parent == me and entry.pid not in supervised and entry.group not in (group, me)
        ]
        process_table.send([*orphans, *process_table.descendants(orphan.pid for orphan in orphans)], signal.SIGKILL)
        for orphan in orphans:
            self._guarded(lambda orphan=orphan: _reap(orphan.pid))  # type: ignore[misc]

    def _stop_all(self) -> None:
        self._stopped.set()
        for generation in sorted({running.generation for running in self._running}, reverse=True):
            stop_together([running for running in self._running if running.generation == generation])
        for running in self._running:
            running.child = None
            running.close_pipe()
        deadline = time.monotonic() + SWEEP_S
        while self._adopts and self._has_strays() and time.monotonic() < deadline:
            self._end_orphans()
            time.sleep(process_table.POLL_S)

    def _has_strays(self) -> bool:
        return any(entry.group != os.getpgrp() for entry in process_table.descendants([os.getpid()]))

    def _log(self, running: Running) -> Path:
        return self._logs / f"{running.process.name}.log"

    def _note(self, line: str) -> None:
        try:
            with open(self._logs / "supervisor.log", "a") as log:
                log.write(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {line}\n")
        except OSError:
            return


def _reap(pid: int) -> None:
    os.waitpid(pid, os.WNOHANG)
