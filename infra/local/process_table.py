"""Reads Linux's process table: running processes, their descendants, and whether a pid still belongs to the same
process."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class Entry:
    """A process. `started` is in clock ticks since boot and distinguishes a process from a later one with the same
    pid."""

    pid: int
    name: str
    parent: int
    group: int
    started: int
    is_zombie: bool


def entry(pid: int) -> Entry | None:
    """The process with this pid, if there is one."""
    try:
        text = (PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return None
    # The name is in parentheses and may itself contain any character.
    head, _, tail = text.rpartition(")")
    fields = tail.split()
    return Entry(pid, head.partition("(")[2], int(fields[1]), int(fields[2]), int(fields[19]), fields[0] in "ZX")


def entries() -> Iterator[Entry]:
    for name in os.listdir(PROC):
        if name.isdigit() and (found := entry(int(name))) is not None:
            yield found


def lives(pid: int, started: int) -> bool:
    """Whether the process with this pid and start time still runs."""
    found = entry(pid)
    return found is not None and found.started == started and not found.is_zombie


def descendants(roots: Iterable[int]) -> list[Entry]:
    """All descendants of these processes, without the processes themselves."""
    children: dict[int, list[Entry]] = {}
    for entry in entries():
        children.setdefault(entry.parent, []).append(entry)
    found: list[Entry] = []
    waiting = list(roots)
    while waiting:
        direct = children.get(waiting.pop(), [])
        found += direct
        waiting += [entry.pid for entry in direct]
    return found


def working_in(folder: Path) -> list[Entry]:
    """The processes whose working directory is this folder."""
    target = os.stat(folder)
    return [entry for entry in entries() if _is_same_file(PROC / str(entry.pid) / "cwd", target)]


def marked_with(marker: str) -> list[Entry]:
    """The processes that have this `NAME=value` in their environment."""
    variable = marker.encode()
    return [entry for entry in entries() if variable in _environment(entry.pid)]


def send(targets: Iterable[Entry], number: signal.Signals) -> None:
    """Send a signal to those that are still running."""
    for entry in targets:
        if lives(entry.pid, entry.started):
            try:
                os.kill(entry.pid, number)
            except (ProcessLookupError, PermissionError):
                continue


def await_end(targets: Iterable[Entry], within_s: float) -> list[Entry]:
    """Wait until all have ended. Returns those that have not ended in time."""
    deadline = time.monotonic() + within_s
    while alive := [entry for entry in targets if lives(entry.pid, entry.started)]:
        if time.monotonic() >= deadline:
            break
        time.sleep(POLL_S)
    return alive


def boot_id() -> str:
    """Identifies the current boot of the machine: pids and start times are valid within one boot only."""
    try:
        return (PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return "unknown"


def _is_same_file(link: Path, target: os.stat_result) -> bool:
    try:
        return os.path.samestat(os.stat(link), target)
    except OSError:
        return False


def _environment(pid: int) -> list[bytes]:
    try:
        return (PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        return []
