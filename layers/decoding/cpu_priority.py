"""How far a process stands behind others where processors are short, and whether it can be brought forward again.

Linux lets anybody move a process back and only the privileged bring it forward: by its own niceness. Where the kernel
shares processors out among sessions first, what counts for one that leads a session is the session's niceness, which
its owner may set both ways, though not more often than ten times a second in all.
"""

from __future__ import annotations

import functools
import os
import threading
from pathlib import Path

SESSIONS_ARE_GROUPS = Path("/proc/sys/kernel/sched_autogroup_enabled")
OF_PROCESSES = Path("/proc/self/cgroup")
GROUPS = Path("/sys/fs/cgroup")


def move(leader: int, nice: int) -> bool:
    """Have a session, by its leader, stand so far behind others; whether it does now."""
    try:
        if can_lower_nice() or not sessions_are_groups():
            os.setpriority(os.PRIO_PGRP, leader, nice)
    except OSError:
        return False
    try:
        Path(f"/proc/{leader}/autogroup").write_text(str(nice))
    except FileNotFoundError:
        pass  # no such switch in this kernel
    except OSError:
        return not sessions_are_groups()  # too often, or it has just ended
    return True


@functools.cache
def goes_both_ways() -> bool:
    """Whether what was moved back can be brought forward again."""
    return sessions_are_groups() or can_lower_nice()


@functools.cache
def sessions_are_groups() -> bool:
    """Whether processors are shared out among sessions: so where the kernel does that at all, for the processes that
    no control group has a share for."""
    try:
        return SESSIONS_ARE_GROUPS.read_text().strip() == "1" and _is_in_the_first_group(OF_PROCESSES.read_text())
    except (OSError, LookupError):
        return False


def _is_in_the_first_group(membership: str) -> bool:
    """Whether no group has shares of its own, by /proc/self/cgroup. A container's path is `/` as well: its folder tells."""
    lines = [line.split(":", 2) for line in membership.splitlines()]
    paths = {name: path for _, names, path in lines for name in names.split(",")}
    if "cpu" in paths:
        return paths["cpu"] == "/" and (GROUPS / "cpu" / "release_agent").exists()
    outermost = GROUPS / paths[""].split("/")[1]
    return (GROUPS / "cgroup.controllers").exists() and not any(
        (one / "cpu.weight").exists() for one in (GROUPS, outermost)
    )


@functools.cache
def can_lower_nice() -> bool:
    """Tried with a thread of our own, which is gone afterwards."""
    tried: list[bool] = []
    thread = threading.Thread(target=lambda: tried.append(_moves_there_and_back(threading.get_native_id())))
    thread.start()
    thread.join()
    return tried[0]


def _moves_there_and_back(thread: int) -> bool:
    before = os.getpriority(os.PRIO_PROCESS, thread)
    if before >= 19:
        return False
    try:
        os.setpriority(os.PRIO_PROCESS, thread, before + 1)
        os.setpriority(os.PRIO_PROCESS, thread, before)
    except OSError:
        return False
    return True
