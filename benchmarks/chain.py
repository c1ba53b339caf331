"""Measures the whole chain: many small text files from PUT to record, preview and thumbnail, with CPU time by process.

    python -m benchmarks.chain [--files 500]

Prints a table and saves it in build/bench/chain.json.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from fairway_client import Client, is_settled

from benchmarks.starting import ROOT, TICKS_A_S, family, keep, start, stop

TEXT_BYTES = 20_000
UPLOADS_AT_ONCE = 4
WORDS = ("total", "amount", "invoice", "river", "seven", "market", "under", "Tuesday", "blue", "12.50")
TARGETS = {"files per second": "30"}


def text(number: int) -> bytes:
    """A unique text of about 20 kB."""
    chance = random.Random(number)
    words = [chance.choice(WORDS) for _ in range(4000)]
    lines = [" ".join(words[start : start + 12]) for start in range(0, len(words), 12)]
    return (
        f"Invoice {number}\nDate: 2026-03-{number % 28 + 1:02}\nTotal: {number}.50\n\n".encode()
        + "\n".join(lines).encode()[:TEXT_BYTES]
    )


def cpu_by_process(root: int, names: dict[int, str]) -> dict[str, float]:
    """CPU seconds so far of each named process; decoders are counted separately from their workers."""
    spent: dict[str, float] = defaultdict(float)
    for pid, name in names.items():
        for member in family(pid):
            try:
                line = Path(f"/proc/{member}/stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            own = sum(int(line[index]) for index in (11, 12)) / TICKS_A_S
            ended = sum(int(line[index]) for index in (13, 14)) / TICKS_A_S
            kind = name.split("-")[0]
            spent["decoders" if member != pid and kind == "worker" else kind] += own
            spent["decoders" if kind == "worker" else kind] += ended
    return spent


def run(count: int) -> dict[str, Any]:
    contents = [text(number) for number in range(count)]
    with tempfile.TemporaryDirectory(prefix="fairway-bench-") as folder:
        home = Path(folder) / "home"
        running, _ = start([sys.executable, "-m", "infra.local"], ROOT, home)
        try:
            endpoint = json.loads((home / "endpoint.json").read_text())
            names = {pid: name for name, pid in endpoint["processes"].items()}
            client = Client(endpoint["api_url"], endpoint["api_key"])
            dataset_id = client.dataset("chain")["id"]
            process(client, dataset_id, [text(-1 - number) for number in range(20)])  # warm up
            before, client_before_s = cpu_by_process(running.pid, names), time.process_time()
            uploaded_s, took_s = process(client, dataset_id, contents)
            spent = cpu_by_process(running.pid, names)
            spent = {name: spent_s - before.get(name, 0.0) for name, spent_s in spent.items()}
            client_s = time.process_time() - client_before_s
        finally:
            stop(running)
    results = {
        "files per second": round(count / took_s, 1),
        "all uploaded after, s": round(uploaded_s, 1),
        "all settled after, s": round(took_s, 1),
        "CPU ms per file, total": round(sum(spent.values()) / count * 1000, 1),
    }
    for name, spent_s in sorted(spent.items(), key=lambda item: -item[1]):
        results[f"CPU ms per file, {name}"] = round(spent_s / count * 1000, 1)
    return results | {"CPU ms per file, client (not in the total)": round(client_s / count * 1000, 1)}


def process(client: Client, dataset_id: str, contents: list[bytes]) -> tuple[float, float]:
    """Upload files as one batch and wait until each has a record; the seconds until all were uploaded and settled."""
    started = time.monotonic()
    described = [{"name": f"{index}.txt", "size_bytes": len(content)} for index, content in enumerate(contents)]
    batch = client.call("POST", f"/datasets/{dataset_id}/batches", {"files": described, "allow_duplicates": True})
    with ThreadPoolExecutor(UPLOADS_AT_ONCE) as pool:
        list(pool.map(lambda pair: client.put(pair[0]["upload"], pair[1]), zip(batch["files"], contents, strict=True)))
    uploaded_s = time.monotonic() - started
    while True:  # rare and cheap polls, because the client uses the same cores
        time.sleep(0.5)
        counts = client.call("GET", f"/batches/{batch['id']}")["counts"]["by_state"]
        if not counts.get("processing") and not counts.get("uploading"):
            files = list(client.files(dataset_id, batch=batch["id"]))
            if all(is_settled(file) for file in files):
                break
    states = Counter(file["state"] for file in files)
    if set(states) - {"done", "partial"}:
        raise SystemExit(f"not every file got a record: {dict(states)}")
    return uploaded_s, time.monotonic() - started


def main() -> None:
    count = int(sys.argv[sys.argv.index("--files") + 1]) if "--files" in sys.argv else 500
    keep("chain", run(count), TARGETS)


if __name__ == "__main__":
    main()
