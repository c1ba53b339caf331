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
from infra.local.process import Process, Running, kill_group, spawn, stop_together

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
    """A call for the supervisor's thread, and the event that it has returned."""

    do: Callable[[], None]
    done: threading.Event = field(default_factory=threading.Event)
    error: BaseException | None = None


class Supervisor:
    """Keeps processes running. One thread starts them all, because the kernel's death signal follows that thread.

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
        while waiting := [one for one in waiting if not one.answers()]:
            for one in waiting:
                if one.early_ends >= MAX_EARLY_ENDS or time.monotonic() > deadline:
                    raise StartFailed(f"{one.process.name} did not start. The end of its log:\n{tail(self._log(one))}")
            if self._stopped.is_set():
                raise StartFailed("Fairway was stopped while it was starting.")
            time.sleep(PROBE_EVERY_S)

    def pids(self) -> dict[str, int]:
        return {one.process.name: one.pid for one in self._running if one.pid is not None}

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
        for one in added:
            self._launch(one)

    def _tick(self) -> None:
        now = time.monotonic()
        rotates_logs = now >= self._next_rotation
        if rotates_logs:
            self._next_rotation = now + ROTATE_EVERY_S
        for one in self._running:
            self._guarded(lambda one=one: self._check(one, now, rotates_logs))  # type: ignore[misc]
        if self._is_unannounced and rotates_logs:
            self._guarded(self._announce)

    def _check(self, one: Running, now: float, rotates_log: bool) -> None:
        if one.child is not None and (code := one.child.poll()) is not None:
            self._handle_end(one, one.child.pid, code, now)
        if one.child is None and now >= one.starts_at:
            self._launch(one)
        if rotates_log:
            rotate(self._log(one))

    def _launch(self, one: Running) -> None:
        one.since = time.monotonic()
        try:
            one.process.before_start()
            one.child = spawn(one.process, self._log(one))
        except Exception as error:
            self._delay_start(one, one.since)
            self._note(f"{one.process.name} could not be started: {error}")
            return
        found = process_table.entry(one.child.pid)
        one.started = found.started if found else 0
        self._announce()

    def _announce(self) -> None:
        """Report the state of all processes; after a failure it is repeated later."""
        self._is_unannounced = True
        self._on_change(self._running)
        self._is_unannounced = False

    def _handle_end(self, one: Running, pid: int, code: int, now: float) -> None:
        self._note(f"{one.process.name} (process {pid}) ended with exit code {code}")
        kill_group(pid)
        one.child = None
        if now - one.since > SETTLED_S:
            one.early_ends = 0
        self._delay_start(one, now)
        self._end_orphans()

    def _delay_start(self, one: Running, now: float) -> None:
        one.starts_at = now + min(MAX_BACKOFF_S, MIN_BACKOFF_S * 2**one.early_ends)
        one.early_ends += 1

    def _end_orphans(self) -> None:
        """Kill orphaned processes that this process has adopted, with their descendants.

        Children in this process's own group were not started by the supervisor and are left alone.
        """
        if not self._adopts:
            return
        supervised = {one.pid for one in self._running}
        me, group = os.getpid(), os.getpgrp()
        orphans = [
            one
            for one in process_table.entries()
            if one.parent == me and one.pid not in supervised and one.group not in (group, me)
        ]
        process_table.send([*orphans, *process_table.descendants(one.pid for one in orphans)], signal.SIGKILL)
        for one in orphans:
            self._guarded(lambda one=one: _reap(one.pid))  # type: ignore[misc]

    def _stop_all(self) -> None:
        self._stopped.set()
        for generation in sorted({one.generation for one in self._running}, reverse=True):
            stop_together([one for one in self._running if one.generation == generation])
        for one in self._running:
            one.child = None
        deadline = time.monotonic() + SWEEP_S
        while self._adopts and self._has_strays() and time.monotonic() < deadline:
            self._end_orphans()
            time.sleep(process_table.POLL_S)

    def _has_strays(self) -> bool:
        return any(one.group != os.getpgrp() for one in process_table.descendants([os.getpid()]))

    def _log(self, one: Running) -> Path:
        return self._logs / f"{one.process.name}.log"

    def _note(self, line: str) -> None:
        try:
            with open(self._logs / "supervisor.log", "a") as log:
                log.write(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {line}\n")
        except OSError:
            return


def _reap(pid: int) -> None:
    os.waitpid(pid, os.WNOHANG)
