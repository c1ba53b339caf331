"""What an earlier run left behind: its processes are written down while they run, and ended if they outlived it."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path

from infra.local import process_table
from infra.local.home import read_json, write_json
from infra.local.process import Running
from infra.local.process_table import Entry

MARK = "FAIRWAY_RUN"
ASKED_S = 2.0
FORCED_S = 3.0
# PostgreSQL's own children would outlive a killed parent; this signal takes them along.
GENTLY = {"postgres": signal.SIGQUIT}


def note_run(path: Path, run_id: str, running: Sequence[Running]) -> None:
    """Write down the present processes by number and start time, which together name one process for good."""
    write_json(
        path,
        {
            "boot_id": process_table.boot_id(),
            "run_id": run_id,
            "supervisor": os.getpid(),
            "processes": [
                {"name": one.process.name, "pid": one.pid, "started": one.started} for one in running if one.pid
            ],
        },
    )


def end_leftovers(path: Path) -> list[str]:
    """End what the run noted at `path` left behind, and only what is provably its own; the names of what was ended.

    Call it under the home's lock: whoever holds that knows that the earlier run's supervisor is gone.
    """
    noted = read_json(path)
    if not noted:
        return []
    ended: list[str] = []
    found: list[Entry] = []
    if noted.get("boot_id") == process_table.boot_id():
        for one in noted.get("processes", ()):
            if process_table.lives(one["pid"], one["started"]) and (entry := process_table.entry(one["pid"])):
                ended.append(one["name"])
                found += [entry, *process_table.descendants([entry.pid])]
                process_table.send([entry], GENTLY.get(one["name"], signal.SIGKILL))
        marked = process_table.marked_with(f"{MARK}={noted['run_id']}")
        process_table.send(marked, signal.SIGKILL)
        found += marked
    left = process_table.await_end(found, ASKED_S)
    process_table.send(left, signal.SIGKILL)
    process_table.await_end(left, FORCED_S)
    path.unlink(missing_ok=True)
    return ended
