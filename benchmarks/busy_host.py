"""A host that other programs keep busy: scans and photos through the embedded start while a loop runs on each core.

    python -m benchmarks.busy_host [--scans 10] [--pages 4] [--photos 20] [--max-s 600] [--alone]

Good files must not fail because the host is busy; they may only take longer. `--alone` runs without the loops, for
comparison. Prints a table and saves it in build/bench/busy_host.json.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from fairway_client import Client, is_settled
from PIL import Image, ImageDraw, ImageFont

from benchmarks.starting import ROOT, keep, start, stop

A4_PX, PHOTO_PX = (1240, 1754), (1500, 2000)  # A4 at 150 dots an inch
WORDS = ("amount", "invoice", "river", "seven", "market", "under", "Tuesday", "blue", "delivery", "paper", "engine")
UPLOADS_AT_ONCE = 4
LOOP = """
import sys, time
until = time.monotonic() + float(sys.argv[1])
while time.monotonic() < until:
    for _ in range(100_000):
        pass
"""
SCHEMA = {"type": "object", "properties": {"total": {"type": "number", "x-labels": ["Total"]}}}


def page(seed: int, size: tuple[int, int], lines: int) -> Image.Image:
    """A printed page as an image, different for each seed."""
    chance = random.Random(seed)
    image = Image.new("L", size, 245)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(size=size[1] // 70)
    for line in range(lines):
        text = " ".join(chance.choices(WORDS, k=8)) if line else f"Total: {seed + 1}.50"
        draw.text((size[0] // 12, size[1] // 14 + line * size[1] // 50), text, fill=20, font=font)
    return image


def scan(seed: int, pages: int) -> bytes:
    """A scanned document: a PDF with pictures of pages."""
    images = [page(seed * 100 + number, A4_PX, 20) for number in range(pages)]
    out = io.BytesIO()
    images[0].save(out, "PDF", save_all=True, append_images=images[1:], resolution=150)
    return out.getvalue()


def photo(seed: int) -> bytes:
    out = io.BytesIO()
    page(seed, PHOTO_PX, 12).save(out, "JPEG", quality=85)
    return out.getvalue()


@contextmanager
def busy_cores(count: int, max_s: float) -> Iterator[None]:
    """A number of busy loops of ordinary priority, which end with the block, or after the longest run.

    Each is a program in a separate session, like other programs: it is not part of Fairway's share of the processors.
    """
    argv = [sys.executable, "-c", LOOP, str(max_s)]
    loops = [subprocess.Popen(argv, start_new_session=True) for _ in range(count)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def run(scans: int, pages: int, photos: int, max_s: float, loops: int) -> dict[str, Any]:
    files = {f"scan {number}.pdf": scan(number, pages) for number in range(scans)}
    files |= {f"photo {number}.jpg": photo(1000 + number) for number in range(photos)}
    with tempfile.TemporaryDirectory(prefix="fairway-bench-") as folder:
        home = Path(folder) / "home"
        process, _ = start([sys.executable, "-m", "infra.local"], ROOT, home, FAIRWAY_WORKERS="2")
        try:
            endpoint = json.loads((home / "endpoint.json").read_text())
            client = Client(endpoint["api_url"], endpoint["api_key"])
            dataset_id = client.dataset("busy host", SCHEMA)["id"]
            _settled(client, dataset_id, {"warm.pdf": scan(9999, 1), "warm.jpg": photo(9999)}, max_s)
            with busy_cores(loops, max_s):
                ended = _settled(client, dataset_id, files, max_s)
        finally:
            stop(process)
    return figures(ended)


def _settled(client: Client, dataset_id: str, files: dict[str, bytes], max_s: float) -> list[dict[str, Any]]:
    """Upload one batch and wait for its files, at most this many seconds."""
    body = {"files": [{"name": name, "size_bytes": len(content)} for name, content in files.items()]}
    described = client.call("POST", f"/datasets/{dataset_id}/batches", body)["files"]
    with ThreadPoolExecutor(UPLOADS_AT_ONCE) as pool:
        list(pool.map(lambda file: client.put(file["upload"], files[file["name"]]), described))
    deadline = time.monotonic() + max_s
    while True:
        ended = [client.call("GET", f"/files/{file['id']}") for file in described]
        if all(map(is_settled, ended)) or time.monotonic() > deadline:
            return ended
        time.sleep(1.0)


def figures(files: list[dict[str, Any]]) -> dict[str, Any]:
    states = Counter(str(file["error"]["code"] if file["state"] == "failed" else file["state"]) for file in files)
    took = {file["name"]: _ended_at(file) - _time(file["uploaded_at"]) for file in files}
    began = min(_time(file["uploaded_at"]) for file in files)
    results: dict[str, Any] = {"ended as": ", ".join(f"{state}: {count}" for state, count in sorted(states.items()))}
    results["all files, s"] = round(max(map(_ended_at, files)) - began, 1)
    for kind in ("scan", "photo"):
        of_kind = [seconds for name, seconds in took.items() if name.startswith(kind)]
        if of_kind:
            results[f"{kind}s, half of them within, s"] = round(statistics.median(of_kind), 1)
            results[f"{kind}s, the slowest, s"] = round(max(of_kind), 1)
    steps = [step for file in files for pipeline in file["pipelines"].values() for step in pipeline["steps"]]
    results["steps that failed"] = sum(step["state"] == "failed" for step in steps)
    return results


def _time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _ended_at(file: dict[str, Any]) -> float:
    if not is_settled(file):
        return float("inf")
    ends = [step.get("ended_at") for pipeline in file["pipelines"].values() for step in pipeline["steps"]]
    return max((_time(end) for end in ends if end), default=_time(file["updated_at"]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scans", type=int, default=10)
    parser.add_argument("--pages", type=int, default=4)
    parser.add_argument("--photos", type=int, default=20)
    parser.add_argument("--max-s", type=float, default=600.0, help="how long to wait for all files")
    parser.add_argument("--alone", action="store_true", help="without busy loops")
    options = parser.parse_args()
    loops = 0 if options.alone else os.cpu_count() or 1
    keep(
        "busy_host", run(options.scans, options.pages, options.photos, options.max_s, loops), {"steps that failed": "0"}
    )


if __name__ == "__main__":
    main()
