"""Real files through a cluster on this machine, compared with the embedded start: files a second, and seconds a file."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from fairway_client import Client

from benchmarks.chain import process, text
from benchmarks.starting import ROOT, start, stop

POLL_S = 0.01
MODULES = {"embedded topics": "infra.local", "Kafka": "infra.cluster"}


@contextmanager
def running(module: str) -> Iterator[Client]:
    """Start Fairway in a new home, warm it up, and stop it after the block."""
    with tempfile.TemporaryDirectory(prefix="fairway-bench-") as folder:
        home = Path(folder) / "home"
        started, _ = start([sys.executable, "-m", module], ROOT, home)
        try:
            endpoint = json.loads((home / "endpoint.json").read_text())
            client = Client(endpoint["api_url"], endpoint["api_key"])
            process(client, client.dataset("warm")["id"], [text(-1 - number) for number in range(20)])
            yield client
        finally:
            stop(started)


def throughput(pairs: int, files: int) -> list[dict[str, Any]]:
    """The rates of both starts for the same batches. They run one after the other, in alternating order."""
    rows: list[dict[str, Any]] = []
    for pair in range(pairs):
        rates: dict[str, float] = {}
        for name, module in sorted(MODULES.items(), reverse=pair % 2 == 1):
            with running(module) as client:
                _, took_s = process(client, client.dataset("pair")["id"], [text(number) for number in range(files)])
                rates[name] = round(files / took_s, 1)
        rows.append({"pair": pair + 1, **rates, "ratio": round(rates["Kafka"] / rates["embedded topics"], 3)})
    return [*rows, {"pair": "median", "ratio": median(row["ratio"] for row in rows)}]


def alone(files: int) -> dict[str, Any]:
    """Files that are sent one by one: the seconds from the beginning of the PUT until the record is shown."""
    with running(MODULES["Kafka"]) as client:
        dataset_id = client.dataset("alone")["id"]
        times = sorted(_until_record(client, dataset_id, text(1000 + number)) for number in range(files))
    return {
        "files": files,
        "PUT to record p50 s": round(median(times), 3),
        "p95 s": round(times[int(0.95 * (files - 1))], 3),
        "longest s": round(times[-1], 3),
    }


def _until_record(client: Client, dataset_id: str, content: bytes) -> float:
    described = [{"name": "alone.txt", "size_bytes": len(content)}]
    batch = client.call("POST", f"/datasets/{dataset_id}/batches", {"files": described, "allow_duplicates": True})
    (file,) = batch["files"]
    began = time.monotonic()
    client.put(file["upload"], content)
    while client.call("GET", f"/files/{file['id']}")["state"] in ("uploading", "processing"):
        time.sleep(POLL_S)
    return time.monotonic() - began
