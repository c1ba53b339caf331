"""What the kernel's process table says: who lives, who descends from whom, and whether a process is still the one we knew."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
LOOK_AGAIN_S = 0.02


@dataclass(frozen=True, slots=True)
class Entry:
    """A process: `started` is in clock ticks since boot, so that a recycled number is not taken for it."""

    pid: int
    name: str
    parent: int
    group: int
    started: int
    is_zombie: bool


def entry(pid: int) -> Entry | None:
    """The process of this number, if there is one."""
    try:
        text = (PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return None
    # The name stands in parentheses and may itself hold any character.
    head, _, tail = text.rpartition(")")
    fields = tail.split()
    return Entry(pid, head.partition("(")[2], int(fields[1]), int(fields[2]), int(fields[19]), fields[0] in "ZX")


def entries() -> Iterator[Entry]:
    for name in os.listdir(PROC):
        if name.isdigit() and (found := entry(int(name))) is not None:
            yield found


def lives(pid: int, started: int) -> bool:
    """Whether this very process still runs."""
    found = entry(pid)
    return found is not None and found.started == started and not found.is_zombie


def descendants(roots: Iterable[int]) -> list[Entry]:
    """All that descend from these processes, without them."""
    children: dict[int, list[Entry]] = {}
    for one in entries():
        children.setdefault(one.parent, []).append(one)
    found: list[Entry] = []
    waiting = list(roots)
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += [one.pid for one in below]
    return found


def working_in(folder: Path) -> list[Entry]:
    """The processes whose working directory is this folder."""
    wanted = os.stat(folder)
    return [one for one in entries() if _is_same(PROC / str(one.pid) / "cwd", wanted)]


def marked_with(marker: str) -> list[Entry]:
    """The processes that were started with this `NAME=value` in their environment."""
    wanted = marker.encode()
    return [one for one in entries() if wanted in _environment(one.pid)]


def send(targets: Iterable[Entry], number: signal.Signals) -> None:
    """Signal those that are still the processes they were."""
    for one in targets:
        if lives(one.pid, one.started):
            try:
                os.kill(one.pid, number)
            except (ProcessLookupError, PermissionError):
                continue


def await_end(targets: Iterable[Entry], within_s: float) -> list[Entry]:
    """Wait until all have ended; those that have not."""
    deadline = time.monotonic() + within_s
    while left := [one for one in targets if lives(one.pid, one.started)]:
        if time.monotonic() >= deadline:
            break
        time.sleep(LOOK_AGAIN_S)
    return left


def boot_id() -> str:
    """Names this boot of the machine: process numbers and start times mean nothing in another."""
    try:
        return (PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return "unknown"


def _is_same(link: Path, wanted: os.stat_result) -> bool:
    try:
        return os.path.samestat(os.stat(link), wanted)
    except OSError:
        return False


def _environment(pid: int) -> list[bytes]:
    try:
        return (PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        return []
