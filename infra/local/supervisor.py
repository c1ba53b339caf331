"""Starts processes, watches them, starts them again when they end, and stops them all, down to the last grandchild."""

from __future__ import annotations

import ctypes
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from infra.local import process_table
from infra.local.logs import rotate, tail

TICK_S = 0.25
PROBE_EVERY_S = 0.05
ROTATE_EVERY_S = 10.0
SETTLED_S = 20.0
FIRST_BACKOFF_S = 0.1
LONGEST_BACKOFF_S = 15.0
MOST_EARLY_ENDS = 3
SWEEP_S = 1.0
PR_SET_CHILD_SUBREAPER = 36
LAUNCHER = Path(__file__).with_name("launch.py")


@dataclass(frozen=True, slots=True)
class Process:
    """What to run and how to treat it. `is_ready` is asked with the pid until it says yes, at the first start only."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: Path
    is_ready: Callable[[int], bool] = lambda pid: True
    before_start: Callable[[], None] = lambda: None
    user: tuple[int, int] | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_s: float = 5.0
    death_signal: signal.Signals = signal.SIGKILL
    """Sent to it when the supervisor itself dies."""


class StartFailed(Exception):
    """A process would not start. Carries the end of its log."""


@dataclass(slots=True)
class Running:
    """One declared process as it stands: its present life, or the time of its next one."""

    process: Process
    child: subprocess.Popen[bytes] | None = None
    started: int = 0
    since: float = 0.0
    early_ends: int = 0
    starts_at: float = 0.0

    @property
    def pid(self) -> int | None:
        return self.child.pid if self.child else None


@dataclass(slots=True)
class _Order:
    """Work for the supervisor's thread, and the sign that it was done."""

    do: Callable[[], None]
    done: threading.Event = field(default_factory=threading.Event)
    error: BaseException | None = None


class Supervisor:
    """One thread owns all children: the kernel ties their lives to the thread that made them, not to the process.

    Each child leads a session of its own. What a dead child leaves behind falls to this process and is ended.
    `on_change` hears of every start, with all that runs.
    """

    def __init__(self, logs: Path, on_change: Callable[[Sequence[Running]], None] = lambda running: None) -> None:
        self._logs = logs
        self._on_change = on_change
        self._running: list[Running] = []
        self._orders: queue.Queue[_Order] = queue.Queue()
        self._stopped = threading.Event()
        self._next_rotation = 0.0
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)
        _become_subreaper()
        self._thread.start()

    def start(self, processes: Sequence[Process], timeout_s: float = 60.0) -> None:
        """Start these side by side and wait until every one is ready. Raises StartFailed."""
        added = [Running(process) for process in processes]
        self._order(lambda: self._add(added))
        deadline = time.monotonic() + timeout_s
        waiting = list(added)
        while waiting:
            waiting = [one for one in waiting if not _answers(one)]
            for one in waiting:
                if one.early_ends >= MOST_EARLY_ENDS or time.monotonic() > deadline:
                    raise StartFailed(f"{one.process.name} did not start:\n{tail(self._log(one))}")
            if self._stopped.is_set():
                raise StartFailed("stopped while starting")
            if waiting:
                time.sleep(PROBE_EVERY_S)

    def pids(self) -> dict[str, int]:
        return {one.process.name: one.pid for one in self._running if one.pid is not None}

    def stop(self) -> None:
        """Stop all: what was started last goes first, what was started together goes together. May be called twice."""
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
                self._guarded(self._tick)
                continue
            order.error = self._guarded(order.do)
            order.done.set()

    def _guarded(self, do: Callable[[], None]) -> BaseException | None:
        # Were this thread to end, the kernel would end every child with it.
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
        for one in self._running:
            if one.child is not None and (code := one.child.poll()) is not None:
                self._bury(one, code, now)
            if one.child is None and now >= one.starts_at:
                self._launch(one)
        if now >= self._next_rotation:
            self._next_rotation = now + ROTATE_EVERY_S
            for one in self._running:
                rotate(self._log(one))

    def _launch(self, one: Running) -> None:
        process = one.process
        one.since = time.monotonic()
        try:
            process.before_start()
            one.child = self._spawn(process)
        except OSError as error:
            one.early_ends += 1
            one.starts_at = one.since + _backoff_s(one.early_ends)
            self._note(f"{process.name} could not be started: {error}")
            return
        found = process_table.entry(one.child.pid)
        one.started = found.started if found else 0
        self._on_change(self._running)

    def _spawn(self, process: Process) -> subprocess.Popen[bytes]:
        user = "-" if process.user is None else f"{process.user[0]}:{process.user[1]}"
        bound = [str(os.getpid()), str(int(process.death_signal)), user, *process.argv]
        with open(self._logs / f"{process.name}.log", "ab") as log:
            return subprocess.Popen(
                [sys.executable, "-I", "-S", "-B", str(LAUNCHER), *bound],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=process.cwd,
                env=dict(process.env),
                start_new_session=True,
            )

    def _bury(self, one: Running, code: int, now: float) -> None:
        assert one.child is not None
        self._note(f"{one.process.name} (process {one.child.pid}) ended with {code}")
        _kill_group(one.child.pid)
        one.early_ends = 1 if now - one.since > SETTLED_S else one.early_ends + 1
        one.starts_at = now + _backoff_s(one.early_ends)
        one.child = None
        self._end_orphans()

    def _end_orphans(self) -> None:
        """End the processes that fell to this one when their parent died, and what descends from them."""
        ours = {one.pid for one in self._running}
        orphans = [
            one
            for one in process_table.entries()
            if one.parent == os.getpid() and one.pid not in ours and one.group != os.getpgrp()
        ]
        process_table.send([*orphans, *process_table.descendants(one.pid for one in orphans)], signal.SIGKILL)
        for one in orphans:
            _reap(one.pid)

    def _stop_all(self) -> None:
        self._stopped.set()
        remaining = list(self._running)
        while remaining:
            latest = max(_generation(one, self._running) for one in remaining)
            together = [one for one in remaining if _generation(one, self._running) == latest]
            remaining = [one for one in remaining if one not in together]
            _stop(together)
        deadline = time.monotonic() + SWEEP_S
        while (left := self._strays()) and time.monotonic() < deadline:
            process_table.send(left, signal.SIGKILL)
            self._end_orphans()
            time.sleep(process_table.LOOK_AGAIN_S)

    def _strays(self) -> list[process_table.Entry]:
        below = process_table.descendants([os.getpid()])
        return [one for one in below if one.group != os.getpgrp()]

    def _log(self, one: Running) -> Path:
        return self._logs / f"{one.process.name}.log"

    def _note(self, line: str) -> None:
        with open(self._logs / "supervisor.log", "a") as log:
            log.write(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {line}\n")
