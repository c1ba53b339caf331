"""Measures the start, one PDF, one photo, and the resources used while idle.

    python -m benchmarks.first_steps [--cold]

Prints a table and saves it in build/bench/first_steps.json. `--cold` also clones the repository and times its first
`make run` until everything is ready, including the installation of packages from pip's cache or index.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from fairway_client import Client, is_settled

from benchmarks.starting import ROOT, cpu_s, family, keep, memory_mib, start, stop

SAMPLES = ROOT / "events" / "samples"
IDLE_S = 30
TURNS = 11
TARGETS = {
    "cold make run to ready, s": "20",
    "30 s after the start, all, MiB": "500",
    "second start, s": "10",
    "text PDF, PUT to record, p50 s": "0.6",
    "receipt photo, PUT to record, p50 s": "1.5",
    "idle, % of a core": "3",
    "idle, resident MiB": "900 MB",
}


def upload_to_record_s(client: Client, dataset_id: str, path: Path) -> float:
    """Seconds from the PUT until the API shows the record."""
    content = path.read_bytes()
    body = {"files": [{"name": path.name, "size_bytes": len(content)}], "allow_duplicates": True}
    (file,) = client.call("POST", f"/datasets/{dataset_id}/batches", body)["files"]
    started = time.monotonic()
    client.put(file["upload"], content)
    while client.call("GET", f"/files/{file['id']}")["artifacts"]["record"] is None:
        time.sleep(0.01)
    took_s = time.monotonic() - started
    while not is_settled(client.call("GET", f"/files/{file['id']}")):
        time.sleep(0.02)
    return took_s


def idle_memory(root: int, processes: dict[str, int]) -> dict[str, float]:
    """Memory with shared pages once, in MiB, of each process with its children, and of all."""
    what, rest = f"{IDLE_S} s after the start", family(root)
    found = {}
    for name, pid in processes.items():
        found[f"{what}, {name}, MiB"] = memory_mib(family(pid))[1]
        rest -= family(pid)
    return found | {
        f"{what}, the command and others, MiB": memory_mib(rest)[1],
        f"{what}, all, MiB": memory_mib(family(root))[1],
    }


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
            time.sleep(IDLE_S)
            results |= idle_memory(process.pid, endpoint["processes"])
            client = Client(endpoint["api_url"], endpoint["api_key"])
            dataset_id = client.dataset("bench")["id"]
            for what, name in (("text PDF", "Invoice INV-2023-03-0008.pdf"), ("receipt photo", "receipt-hardware.jpg")):
                upload_to_record_s(client, dataset_id, SAMPLES / name)
                times = [upload_to_record_s(client, dataset_id, SAMPLES / name) for _ in range(TURNS)]
                results[f"{what}, PUT to record, p50 s"] = statistics.median(times)
                results[f"{what}, PUT to record, worst of {TURNS} s"] = max(times)
            time.sleep(70)  # idle decoders end after a minute
            before = cpu_s(family(process.pid))
            time.sleep(IDLE_S)
            results["idle, % of a core"] = (cpu_s(family(process.pid)) - before) / IDLE_S * 100
            results["idle, resident MiB"], results["idle, MiB with shared pages once"] = memory_mib(family(process.pid))
        finally:
            stop(process)
    return results


def main() -> None:
    keep("first_steps", {name: round(value, 2) for name, value in measure("--cold" in sys.argv).items()}, TARGETS)


if __name__ == "__main__":
    main()
