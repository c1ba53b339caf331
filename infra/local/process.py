"""A process that the supervisor keeps: what to run, how to treat it, and how one life of it begins and ends."""

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

FORCED_S = 1.0
LAUNCHER = Path(__file__).with_name("launch.py")


@dataclass(frozen=True, slots=True)
class Process:
    """`is_ready` is asked with the pid until it says yes, at the first start only; `before_start` runs at every one.

    `user` is the (uid, gid) to become. `death_signal` is what the kernel sends when the supervisor itself dies.
    """

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


@dataclass(slots=True)
class Running:
    """One declared process as it stands: its present life, or the time of its next one."""

    process: Process
    generation: int
    child: subprocess.Popen[bytes] | None = None
    started: int = 0
    since: float = 0.0
    early_ends: int = 0
    starts_at: float = 0.0

    @property
    def pid(self) -> int | None:
        return self.child.pid if self.child else None

    def answers(self) -> bool:
        child = self.child
        return child is not None and self.process.is_ready(child.pid) and child.poll() is None


def spawn(process: Process, log_path: Path) -> subprocess.Popen[bytes]:
    """Start it in a session of its own, its life tied to the calling thread's."""
    user = "-" if process.user is None else f"{process.user[0]}:{process.user[1]}"
    tie = [str(os.getpid()), str(int(process.death_signal)), user]
    with open(os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as log:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", "-B", str(LAUNCHER), *tie, *process.argv],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=process.cwd,
            env=dict(process.env),
            start_new_session=True,
        )


def stop_together(running: Sequence[Running]) -> None:
    """Ask each to stop, end by force what is left after its time, and all that they had started."""
    below = process_table.descendants(one.pid for one in running if one.pid is not None)
    begun = time.monotonic()
    for one in running:
        if one.child is not None and one.child.poll() is None:
            one.child.send_signal(one.process.stop_signal)
    for one in running:
        if one.child is not None:
            try:
                one.child.wait(max(0.0, begun + one.process.stop_s - time.monotonic()))
            except subprocess.TimeoutExpired:
                pass
            kill_group(one.child.pid)
            one.child.wait()
    process_table.send(below, signal.SIGKILL)
    process_table.await_end(below, FORCED_S)


def kill_group(leader: int) -> None:
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
