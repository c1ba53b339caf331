"""Starts processes, watches them, starts them again when they end, and stops them all, down to the last grandchild."""

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
FIRST_BACKOFF_S = 0.1
LONGEST_BACKOFF_S = 15.0
MOST_EARLY_ENDS = 3
SWEEP_S = 1.0
PR_SET_CHILD_SUBREAPER = 36


class StartFailed(Exception):
    """A process would not start. Carries the end of its log."""


@dataclass(slots=True)
class _Order:
    """Work for the supervisor's thread, and the sign that it was done."""

    do: Callable[[], None]
    done: threading.Event = field(default_factory=threading.Event)
    error: BaseException | None = None


class Supervisor:
    """One thread owns all children: the kernel ties their lives to the thread that made them, not to the process.

    With `adopts`, what a dead child leaves behind falls to this process and is ended; every stranger that comes
    to be its child counts as such, so only a process that exists for the supervisor's sake should ask for it.
    `on_change` hears of every start, with all that is kept.
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
        if adopts:
            ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)
        self._thread.start()

    def start(self, processes: Sequence[Process], timeout_s: float = 60.0) -> None:
        """Start these side by side and wait until every one is ready. Raises StartFailed."""
        self._generation += 1
        added = [Running(process, self._generation) for process in processes]
        self._order(lambda: self._add(added))
        deadline = time.monotonic() + timeout_s
        waiting = added
        while waiting := [one for one in waiting if not one.answers()]:
            for one in waiting:
                if one.early_ends >= MOST_EARLY_ENDS or time.monotonic() > deadline:
                    raise StartFailed(f"{one.process.name} did not start:\n{tail(self._log(one))}")
            if self._stopped.is_set():
                raise StartFailed("it was stopped while it started")
            time.sleep(PROBE_EVERY_S)

    def pids(self) -> dict[str, int]:
        return {one.process.name: one.pid for one in self._running if one.pid is not None}

    def stop(self) -> None:
        """Stop all: what was started last goes first, what was started together goes together."""
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
        # Were the thread to end of an error, the kernel would end every child with it.
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
        turns_logs = now >= self._next_rotation
        if turns_logs:
            self._next_rotation = now + ROTATE_EVERY_S
        for one in self._running:
            self._guarded(lambda one=one: self._tend(one, now, turns_logs))  # type: ignore[misc]

    def _tend(self, one: Running, now: float, turns_log: bool) -> None:
        if one.child is not None and (code := one.child.poll()) is not None:
            self._bury(one, one.child.pid, code, now)
        if one.child is None and now >= one.starts_at:
            self._launch(one)
        if turns_log:
            rotate(self._log(one))

    def _launch(self, one: Running) -> None:
        one.since = time.monotonic()
        try:
            one.process.before_start()
            one.child = spawn(one.process, self._log(one))
        except Exception as error:
            self._put_off(one, one.since)
            self._note(f"{one.process.name} could not be started: {error}")
            return
        found = process_table.entry(one.child.pid)
        one.started = found.started if found else 0
        self._on_change(self._running)

    def _bury(self, one: Running, pid: int, code: int, now: float) -> None:
        self._note(f"{one.process.name} (process {pid}) ended with {code}")
        kill_group(pid)
        one.child = None
        if now - one.since > SETTLED_S:
            one.early_ends = 0
        self._put_off(one, now)
        self._end_orphans()

    def _put_off(self, one: Running, now: float) -> None:
        one.starts_at = now + min(LONGEST_BACKOFF_S, FIRST_BACKOFF_S * 2**one.early_ends)
        one.early_ends += 1

    def _end_orphans(self) -> None:
        """End what fell to this process when its parent died, and all below it. Our own group's children are not ours."""
        if not self._adopts:
            return
        kept = {one.pid for one in self._running}
        me, group = os.getpid(), os.getpgrp()
        orphans = [
            one
            for one in process_table.entries()
            if one.parent == me and one.pid not in kept and one.group not in (group, me)
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
            time.sleep(process_table.LOOK_AGAIN_S)

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
