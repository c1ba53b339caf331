"""What a user feels first: the start, the idle machine, one PDF, one photo.

    python -m benchmarks.first_steps [--cold]

Prints a table and keeps it in build/bench/first_steps.json. `--cold` also clones the repository and times
`make run` there to the moment when everything answers, dependencies installed from pip's cache or index.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from fairway_client import Client, is_settled
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "events" / "samples"
IDLE_S = 30
TURNS = 11
TICKS_A_S = os.sysconf("SC_CLK_TCK")


def start(argv: list[str], cwd: Path, home: Path) -> tuple[subprocess.Popen[bytes], float]:
    """A running start and the seconds until it wrote endpoint.json."""
    environment = {**os.environ, "FAIRWAY_HOME": str(home), "FAIRWAY_PORT": "0", "FAIRWAY_SAMPLES": "0"}
    began = time.monotonic()
    process = subprocess.Popen(argv, cwd=cwd, env=environment, stdout=subprocess.DEVNULL)
    while not (home / "endpoint.json").exists():
        if process.poll() is not None:
            raise SystemExit(f"it ended with {process.returncode} before it was ready")
        time.sleep(0.05)
    return process, time.monotonic() - began


def stop(process: subprocess.Popen[bytes]) -> float:
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.wait(60)
    return time.monotonic() - began


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


def cpu_s(pids: set[int]) -> float:
    total = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        total += sum(int(fields[place]) for place in (11, 12, 13, 14))
    return total / TICKS_A_S


def memory_mib(pids: set[int]) -> tuple[float, float]:
    """Resident memory in all: each process counted whole, and shared pages counted once."""
    rss = pss = 0
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        sizes = {line.split(":")[0]: int(line.split()[1]) for line in lines[1:] if line.endswith("kB")}
        rss, pss = rss + sizes.get("Rss", 0), pss + sizes.get("Pss", 0)
    return rss / 1024, pss / 1024


def upload_to_record_s(client: Client, dataset_id: str, path: Path) -> float:
    """Seconds from the PUT to the record's being shown."""
    content = path.read_bytes()
    body = {"files": [{"name": path.name, "size_bytes": len(content)}], "allow_duplicates": True}
    (file,) = client.call("POST", f"/datasets/{dataset_id}/batches", body)["files"]
    began = time.monotonic()
    client.put(file["upload"], content)
    while client.call("GET", f"/files/{file['id']}")["artifacts"]["record"] is None:
        time.sleep(0.01)
    took_s = time.monotonic() - began
    while not is_settled(client.call("GET", f"/files/{file['id']}")):
        time.sleep(0.02)
    return took_s


def measure(cold: bool) -> dict[str, Any]:
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="fairway-bench-") as folder:
        home = Path(folder) / "home"
        if cold:
            clone = Path(folder) / "clone"
            subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
            process, results["cold make run to ready, s"] = start(["make", "-s", "run"], clone, home)
            stop(process)
            shutil.rmtree(clone)
        argv = [sys.executable, "-m", "infra.local"]
        process, first_s = start(argv, ROOT, home)
        results["first start, parts installed, s"] = first_s
        results["stop, s"] = stop(process)
        process, results["second start, s"] = start(argv, ROOT, home)
        try:
            endpoint = json.loads((home / "endpoint.json").read_text())
            client = Client(endpoint["api_url"], endpoint["api_key"])
            dataset_id = client.dataset("bench")["id"]
            for what, name in (("text PDF", "Invoice INV-2023-03-0008.pdf"), ("receipt photo", "receipt-hardware.jpg")):
                upload_to_record_s(client, dataset_id, SAMPLES / name)
                times = [upload_to_record_s(client, dataset_id, SAMPLES / name) for _ in range(TURNS)]
                results[f"{what}, PUT to record, p50 s"] = statistics.median(times)
                results[f"{what}, PUT to record, worst of {TURNS} s"] = max(times)
            time.sleep(70)  # decoders that idle are retired after a minute
            before = cpu_s(family(process.pid))
            time.sleep(IDLE_S)
            results["idle, % of a core"] = (cpu_s(family(process.pid)) - before) / IDLE_S * 100
            results["idle, resident MiB"], results["idle, MiB with shared pages once"] = memory_mib(family(process.pid))
        finally:
            stop(process)
    return results


def main() -> None:
    results = {name: round(value, 2) for name, value in measure("--cold" in sys.argv).items()}
    table = Table("what", "measured")
    for name, value in results.items():
        table.add_row(name, str(value))
    Console().print(table)
    out = ROOT / "build" / "bench" / "first_steps.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
