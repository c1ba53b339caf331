"""Starts Fairway for benchmarks, measures its processes, and prints and saves results."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
TICKS_A_S = os.sysconf("SC_CLK_TCK")


def start(argv: list[str], cwd: Path, home: Path, **settings: str) -> tuple[subprocess.Popen[bytes], float]:
    """Start Fairway; returns its process and the seconds until it was ready."""
    environment = {**os.environ, "FAIRWAY_HOME": str(home), "FAIRWAY_PORT": "0", "FAIRWAY_SAMPLES": "0", **settings}
    started = time.monotonic()
    process = subprocess.Popen(argv, cwd=cwd, env=environment, stdout=subprocess.DEVNULL)
    while not (home / "endpoint.json").exists():
        if process.poll() is not None:
            raise SystemExit(f"Fairway ended with exit code {process.returncode} before it was ready.")
        time.sleep(0.05)
    return process, time.monotonic() - started


def stop(process: subprocess.Popen[bytes]) -> float:
    started = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.wait(60)
    return time.monotonic() - started


def family(root: int) -> set[int]:
    """A process and all its descendants."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        parents[int(stat.parent.name)] = int(fields[1])
    found = {root}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def children_of(pid: int) -> set[int]:
    """The child processes of a process."""
    try:
        return set(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))
    except OSError:
        return set()


def cpu_s(pids: set[int]) -> float:
    total = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        total += sum(int(fields[index]) for index in (11, 12, 13, 14))
    return total / TICKS_A_S


def memory_mib(pids: set[int]) -> tuple[float, float]:
    """Resident memory of these processes in MiB: the sum for each process, and the sum with shared pages counted once."""
    rss = pss = 0
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        sizes = {line.split(":")[0]: int(line.split()[1]) for line in lines[1:] if line.endswith("kB")}
        rss, pss = rss + sizes.get("Rss", 0), pss + sizes.get("Pss", 0)
    return rss / 1024, pss / 1024


def keep(name: str, results: Mapping[str, Any], targets: Mapping[str, str]) -> None:
    """Print results next to their targets, and save them in build/bench/<name>.json."""
    _print(
        ("metric", "measured", "target"),
        [(metric, value, targets.get(metric, "")) for metric, value in results.items()],
    )
    _save(name, dict(results))


def keep_table(name: str, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Print rows, and save them in build/bench/<name>.json."""
    _print(columns, [[row.get(column, "") for column in columns] for row in rows])
    _save(name, list(rows))


def _print(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    table = Table(*columns)
    for row in rows:
        table.add_row(*map(str, row))
    Console(width=150).print(table)


def _save(name: str, results: Any) -> None:
    out = ROOT / "build" / "bench" / f"{name}.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(results, indent=1, ensure_ascii=False))
