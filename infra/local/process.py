"""A supervised process: its declaration, its current state, and how it is started and stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.local import process_table
from infra.readiness import ReadyPipe

KILL_S = 1.0
LAUNCHER = Path(__file__).with_name("launch.py")


@dataclass(frozen=True, slots=True)
class Process:
    """A process to keep running.

    A process is ready when `is_ready` returns true and, if it `reports_ready`, when it has called `report_ready`. This
    is polled at the first start only; `before_start` runs before every start. `user` is the (uid, gid) to run as. The
    kernel sends `death_signal` when the supervisor dies.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: Path
    reports_ready: bool = False
    is_ready: Callable[[], bool] = lambda: True
    before_start: Callable[[], None] = lambda: None
    user: tuple[int, int] | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_s: float = 5.0
    death_signal: signal.Signals = signal.SIGKILL


@dataclass(slots=True)
class Running:
    """The state of a declared process: its current child, or the time of its next start."""

    process: Process
    generation: int
    child: subprocess.Popen[bytes] | None = None
    ready_pipe: ReadyPipe | None = None
    started: int = 0
    since: float = 0.0
    early_ends: int = 0
    starts_at: float = 0.0

    @property
    def pid(self) -> int | None:
        return self.child.pid if self.child else None

    def answers(self) -> bool:
        child, pipe = self.child, self.ready_pipe
        has_reported = not self.process.reports_ready or (pipe is not None and pipe.has_reported())
        return child is not None and has_reported and self.process.is_ready() and child.poll() is None

    def spawn(self, log_path: Path) -> subprocess.Popen[bytes]:
        """Start the process, with a new pipe for its report. Raises OSError."""
        self.close_pipe()
        self.ready_pipe = ReadyPipe() if self.process.reports_ready else None
        try:
            self.child = _spawn(self.process, log_path, self.ready_pipe)
        finally:
            if self.ready_pipe is not None:
                self.ready_pipe.started()
        return self.child

    def close_pipe(self) -> None:
        if self.ready_pipe is not None:
            self.ready_pipe.close()


def _spawn(process: Process, log_path: Path, ready_pipe: ReadyPipe | None) -> subprocess.Popen[bytes]:
    """Start a process in its own session; the kernel ends it when the calling thread ends."""
    user = "-" if process.user is None else f"{process.user[0]}:{process.user[1]}"
    launcher_arguments = [str(os.getpid()), str(int(process.death_signal)), user]
    with open(os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as log:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", "-B", str(LAUNCHER), *launcher_arguments, *process.argv],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=process.cwd,
            env={**process.env, **(ready_pipe.variables if ready_pipe else {})},
            pass_fds=(ready_pipe.writing,) if ready_pipe else (),
            start_new_session=True,
        )


def stop_together(all_running: Sequence[Running]) -> None:
    """Send each process its stop signal, kill those that do not end in time, and kill all their descendants."""
    descendants = process_table.descendants(running.pid for running in all_running if running.pid is not None)
    started = time.monotonic()
    for running in all_running:
        if running.child is not None and running.child.poll() is None:
            running.child.send_signal(running.process.stop_signal)
    for running in all_running:
        if running.child is not None:
            try:
                running.child.wait(max(0.0, started + running.process.stop_s - time.monotonic()))
            except subprocess.TimeoutExpired:
                pass
            kill_group(running.child.pid)
            running.child.wait()
    process_table.send(descendants, signal.SIGKILL)
    process_table.await_end(descendants, KILL_S)


def kill_group(leader: int) -> None:
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
