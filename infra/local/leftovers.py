"""Ends the processes that a killed run left behind. Each run records its processes in a file."""

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
STOP_S = 2.0
KILL_S = 3.0
# PostgreSQL's children would outlive a killed parent; with SIGQUIT the server ends them too.
STOP_SIGNALS = {"postgres": signal.SIGQUIT}


def note_run(path: Path, run_id: str, running: Sequence[Running]) -> None:
    """Record the current processes by pid and start time, which together identify a process."""
    write_json(
        path,
        {
            "boot_id": process_table.boot_id(),
            "run_id": run_id,
            "supervisor": os.getpid(),
            "processes": [
                {"name": state.process.name, "pid": state.pid, "started": state.started}
                for state in running
                if state.pid
            ],
        },
    )


def end_leftovers(path: Path) -> list[str]:
    """End the processes of the run that is recorded at `path`; returns their names.

    Only processes that certainly belong to that run are ended. The caller holds the home's lock, which proves that the
    supervisor of that run has ended.
    """
    record = read_json(path)
    if not record:
        return []
    ended: list[str] = []
    found: list[Entry] = []
    if record.get("boot_id") == process_table.boot_id():
        for recorded in record.get("processes", ()):
            if process_table.lives(recorded["pid"], recorded["started"]) and (
                entry := process_table.entry(recorded["pid"])
            ):
                ended.append(recorded["name"])
                found += [entry, *process_table.descendants([entry.pid])]
                process_table.send([entry], STOP_SIGNALS.get(recorded["name"], signal.SIGKILL))
        marked = process_table.marked_with(f"{MARK}={record['run_id']}")
        process_table.send(marked, signal.SIGKILL)
        found += marked
    alive = process_table.await_end(found, STOP_S)
    process_table.send(alive, signal.SIGKILL)
    process_table.await_end(alive, KILL_S)
    path.unlink(missing_ok=True)
    return ended
