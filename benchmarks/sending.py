"""Measures sending: a manifest of 100,000 lines, `fairway upload` of files that the dataset has, and of many small files,
killed in the middle, and again. Meanwhile workers are killed.

    python -m benchmarks.sending [--lines 100000] [--known 10000] [--files 3000]

It starts an embedded Fairway with a temporary home. The command runs as a process of its own, as a person runs it. The
table is printed and written to build/bench/sending.json; build/bench/sending.svg shows rates and memory over time.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from fairway_client import Client
from fairway_client.folder import checksum, find

from benchmarks.progress import Progress, draw, growth, with_descendants
from benchmarks.starting import ROOT, children_of, cpu_s, family, keep, start, stop

TARGETS = {
    "manifest of 100,000 lines, s": "20",
    "10,000 known files, s": "15",
    "10,000 known files again, s": "15",
    "known files: sent": "0",
    "most memory of an API process, MiB": "200",
    "files twice": "0",
    "files lost": "0",
    "files not done": "0",
    "files sent a second": "25",
    "files settled a second": "25",
    "known files again: sent": "0",
}
SETTLE_S = 3600.0
UNSETTLED = ("uploading", "processing")
LEAST_SAMPLES = 8
WORKERS_KILLED = 4  # one after the other, while files are processed


@contextmanager
def embedded() -> Iterator[tuple[dict[str, Any], Path]]:
    """The endpoint of an embedded start, and a folder for files."""
    with tempfile.TemporaryDirectory(prefix="fairway-bench-") as folder:
        home = Path(folder) / "home"
        process, _ = start([sys.executable, "-m", "infra.local"], ROOT, home)
        try:
            yield json.loads((home / "endpoint.json").read_text()), Path(folder)
        finally:
            stop(process)


def manifest(endpoint: dict[str, Any], lines: int) -> dict[str, Any]:
    """Send a manifest twice, and sign all its uploads."""
    client = Client(endpoint["api_url"], endpoint["api_key"])
    dataset_id = client.dataset("manifest")["id"]
    described = [
        json.dumps(
            {
                "name": f"scans/{number // 1000:03}/{number:06}.pdf",
                "size_bytes": 10_000 + number,
                "sha256": uuid.uuid4().hex + uuid.uuid4().hex,
                "modified_at": "2026-01-15T09:30:00Z",
            }
        )
        for number in range(lines)
    ]
    key, results = str(uuid.uuid4()), {}
    for name in (f"manifest of {lines:,} lines", "the same request again"):
        began, cpu_before = time.perf_counter(), spent_s(endpoint)
        made = client.send_manifest(dataset_id, described, key)
        results[f"{name}, s"] = round(time.perf_counter() - began, 2)
        for process, before in cpu_before.items():
            results[f"{name}: CPU of {process}, s"] = round(spent_s(endpoint)[process] - before, 2)
    began, signed, cursor = time.perf_counter(), 0, ""
    while cursor is not None:
        page = client.manifest_uploads(made["id"], 1000, cursor or None)
        signed, cursor = signed + len(page["uploads"]), page["next_cursor"]
    assert signed == made["files"] == lines, (signed, made)
    results[f"signing {lines:,} uploads, s"] = round(time.perf_counter() - began, 2)
    results["most memory of an API process, MiB"] = round(most_memory_mib(endpoint["processes"]["api"]))
    client.call("POST", f"/batches/{made['batch_id']}/cancel")
    return results


def spent_s(endpoint: dict[str, Any]) -> dict[str, float]:
    """The CPU seconds of the API and of PostgreSQL so far, with those of processes of theirs that have ended."""
    return {name: cpu_s(family(endpoint["processes"][name])) for name in ("api", "postgres")}


def most_memory_mib(pid: int) -> float:
    """The most resident memory that a process or a child of it ever had."""
    most = 0
    for each in {pid, *children_of(pid)}:
        for line in Path(f"/proc/{each}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                most = max(most, int(line.split()[1]))
    return most / 1024


def known(endpoint: dict[str, Any], folder: Path, files: int) -> dict[str, Any]:
    """Upload a folder whose files the dataset has: by a command that knows no checksums yet, and by one that does."""
    inbox = small_files(folder / "known", files)
    client = Client(endpoint["api_url"], endpoint["api_key"])
    dataset_id = client.dataset("known")["id"]
    lines = [json.dumps(found.line(checksum(found.path))) for found in find(inbox)]
    made = client.send_manifest(dataset_id, lines, str(uuid.uuid4()))
    # As if they were uploaded and read, which takes minutes.
    with psycopg.connect(endpoint["database_url"]) as connection:
        connection.execute(
            "UPDATE files SET sha256 = declared_sha256, state = 'done' WHERE batch_id = %s", (made["batch_id"],)
        )
    results: dict[str, Any] = {"known files: sent": 0}
    for name in (f"{files:,} known files", f"{files:,} known files again"):
        began, cpu_before = time.perf_counter(), os.times()
        report = ended(fairway(endpoint, folder, inbox, "known"))
        results[f"{name}, s"] = round(time.perf_counter() - began, 2)
        spent = os.times()
        cpu = spent.children_user + spent.children_system - cpu_before.children_user - cpu_before.children_system
        results[f"{name}: CPU of the command, s"] = round(cpu, 2)
        results["known files: sent"] += report["sent"]
        assert (report["duplicates"], report["failed"]) == (files, []), report
    return results


def small_files(folder: Path, count: int) -> Path:
    """A new folder with different small texts."""
    folder.mkdir()
    for number in range(count):
        (folder / f"{number:06}.txt").write_text(f"Receipt {number}\nDate 2026-01-15\nTotal {number}.50 EUR\n")
    return folder


def upload(endpoint: dict[str, Any], folder: Path, files: int) -> dict[str, Any]:
    """Upload a folder by the command: killed in the middle, continued, and again once all is known."""
    inbox = small_files(folder / "inbox", files)
    client = Client(endpoint["api_url"], endpoint["api_key"])
    dataset_id = client.dataset("uploaded")["id"]
    progress = Progress(lambda: with_descendants(processes(folder)), lambda: settled(client, dataset_id))
    began = time.perf_counter()
    command = fairway(endpoint, folder, inbox)
    while arrived(client, dataset_id) < files // 3:
        time.sleep(0.1)
    command.send_signal(signal.SIGKILL)
    command.wait()
    killed_at = arrived(client, dataset_id)
    report = ended(fairway(endpoint, folder, inbox))
    sent_s = time.perf_counter() - began
    assert report["failed"] == [], report
    killed = 0
    while any(counts(client, dataset_id).get(state) for state in UNSETTLED):
        if time.perf_counter() - began > SETTLE_S:
            raise SystemExit(f"the files did not settle: {counts(client, dataset_id)}")
        if killed < WORKERS_KILLED and settled(client, dataset_id) > files * (killed + 1) // (WORKERS_KILLED + 1):
            os.kill(processes(folder)[f"worker-{killed % 2 + 1}"], signal.SIGKILL)
            killed += 1
        time.sleep(1)
    settled_s = time.perf_counter() - began
    progress.end()
    by_state = counts(client, dataset_id)
    began = time.perf_counter()
    again = ended(fairway(endpoint, folder, inbox))
    again_s = time.perf_counter() - began
    audit = client.call("GET", "/operations/audit")
    return {
        **memory_over_time(progress),
        "files": files,
        "arrived when the command was killed": killed_at,
        "files sent a second": round(files / sent_s, 1),
        "files settled a second": round(files / settled_s, 1),
        "workers killed": killed,
        "files by state": by_state,
        "files not done": files - by_state.get("done", 0),
        "files twice": sum(by_state.values()) - files + audit["doubled"],
        "files lost": audit["lost"],
        f"{files:,} known files again, s": round(again_s, 1),
        "known files again: sent": again["sent"],
    }


def processes(folder: Path) -> dict[str, int]:
    """The pid of each process of the embedded start, as it is now."""
    found: dict[str, int] = json.loads((folder / "home" / "endpoint.json").read_text())["processes"]
    return found


def memory_over_time(progress: Progress) -> dict[str, Any]:
    """The memory of each process early, at the end and at most; also as a picture."""
    if len(progress.samples) < LEAST_SAMPLES:
        return {}
    draw(progress.samples, ROOT / "build" / "bench" / "sending.svg")
    return {
        f"MiB of {name}: second tenth, last tenth, most": ", ".join(f"{mib:.0f}" for mib in figures)
        for name, figures in growth(progress.samples).items()
    }


def fairway(endpoint: dict[str, Any], folder: Path, inbox: Path, dataset: str = "uploaded") -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "FAIRWAY_API_URL": endpoint["api_url"],
        "FAIRWAY_API_KEY": endpoint["api_key"],
        "XDG_STATE_HOME": str(folder / "state"),
    }
    command = [sys.executable, "-m", "fairway_client", "upload", str(inbox), "--dataset", dataset, "--json", "--quiet"]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def ended(command: subprocess.Popen[str]) -> dict[str, Any]:
    output, _ = command.communicate()
    report: dict[str, Any] = json.loads(output)
    return report


def counts(client: Client, dataset_id: str) -> dict[str, int]:
    by_state: dict[str, int] = client.call("GET", f"/datasets/{dataset_id}")["counts"]["by_state"]
    return by_state


def arrived(client: Client, dataset_id: str) -> int:
    return not_in(client, dataset_id, ("uploading",))


def settled(client: Client, dataset_id: str) -> int:
    return not_in(client, dataset_id, UNSETTLED)


def not_in(client: Client, dataset_id: str, states: Sequence[str]) -> int:
    return sum(files for state, files in counts(client, dataset_id).items() if state not in states)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--lines", type=int, default=100_000)
    arguments.add_argument("--known", type=int, default=10_000)
    arguments.add_argument("--files", type=int, default=3_000)
    chosen = arguments.parse_args()
    with embedded() as (endpoint, folder):
        results = manifest(endpoint, chosen.lines) if chosen.lines else {}
        results |= known(endpoint, folder, chosen.known) if chosen.known else {}
        results |= upload(endpoint, folder, chosen.files) if chosen.files else {}
    keep("sending", results, TARGETS)
    if wrong := [name for name, target in TARGETS.items() if target == "0" and results.get(name)]:
        raise SystemExit(f"not zero: {', '.join(wrong)}")


if __name__ == "__main__":
    main()
