"""Measures the memory of workers and their decoders over thousands of mixed files: growth and maximum.

    python -m benchmarks.endurance [--files 2000] [FOLDER ...]

The files of the folders (or the samples) are uploaded repeatedly, in rounds with the same mixture; each round begins when
the last one has settled. Prints a table and saves it in build/bench/endurance.json.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from fairway_client import Client, is_settled

from benchmarks.progress import Progress, Sample
from benchmarks.starting import ROOT, family, keep_table, memory_mib, start, stop

SAMPLES = (ROOT / "events" / "samples", ROOT / "tests" / "samples")
ROUND = 100  # files
# Slow kinds of files, and how many of each are in a round; the rest are mails, web pages, tables and texts.
SLOW = {
    "photograph": ({".jpg", ".jpeg", ".png", ".tiff", ".tif", ".heic", ".bmp"}, 1),
    "pdf": ({".pdf"}, 4),
    "office": ({".docx", ".xlsx", ".pptx", ".doc", ".xls", ".ppt", ".odt", ".ods", ".odp", ".rtf"}, 10),
}
LARGEST_BYTES = 2_000_000
LOOK_S = 1.0
COLUMNS = ("process", "MiB after a tenth", "after half", "in the end", "at most", "to reach")
REACH = "flat, 300"


def with_largest_decoder(workers: dict[str, int]) -> dict[str, float]:
    """The memory of each worker and of its largest decoder, in MiB."""
    found = {}
    for name, pid in workers.items():
        found[name] = memory_mib({pid})[0]
        decoders = [memory_mib({decoder})[0] for decoder in family(pid) - {pid}]
        found[f"{name}'s largest decoder"] = max(decoders, default=0.0)
    return found


def chosen(folders: list[Path], count: int) -> list[Path]:
    """A number of files, in rounds with the same mixture."""
    files = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    left = [path for path in files if 0 < path.stat().st_size <= LARGEST_BYTES and path.suffix != ".gz"]
    kinds: list[list[Path]] = []
    for suffixes, in_a_round in SLOW.values():
        of_kind = [path for path in left if path.suffix.lower() in suffixes]
        kinds += [of_kind] * in_a_round if of_kind else []
        left = [path for path in left if path not in of_kind]
    kinds += [left] * (ROUND - len(kinds))
    chance = random.Random(1)
    return [chance.choice(kinds[index % ROUND]) for index in range(count)]


def through(client: Client, dataset_id: str, files: list[Path]) -> dict[str, int]:
    """The number of files in each state at their end."""
    described = [{"name": path.name, "size_bytes": path.stat().st_size} for path in files]
    batch = client.call("POST", f"/datasets/{dataset_id}/batches", {"files": described, "allow_duplicates": True})
    for described, path in zip(batch["files"], files, strict=True):
        client.put(described["upload"], path.read_bytes())
    while True:
        time.sleep(1)
        listed = list(client.files(dataset_id, batch=batch["id"]))
        if all(map(is_settled, listed)):
            states: dict[str, int] = defaultdict(int)
            for file in listed:
                states[file["state"]] += 1
            return states


def rows_of(samples: Sequence[Sample]) -> list[dict[str, Any]]:
    rows = []
    for name in sorted(samples[0].memory_mib):
        looks = [sample.memory_mib[name] for sample in samples]
        figures = (_around(looks, 0.1), _around(looks, 0.5), _around(looks, 1.0), max(looks))
        rows.append(dict(zip(COLUMNS, (name, *(round(figure) for figure in figures), REACH), strict=True)))
    return rows


def _around(looks: list[float], part: float) -> float:
    """The median of some samples up to a share of the run."""
    end = max(1, round(part * len(looks)))
    some = sorted(looks[max(0, end - max(3, len(looks) // 20)) : end])
    return some[len(some) // 2]


def main() -> None:
    words = sys.argv[1:]
    count = int(words[words.index("--files") + 1]) if "--files" in words else 2000
    folders = [Path(word) for word in words if Path(word).is_dir()] or list(SAMPLES)
    files = chosen(folders, count)
    with tempfile.TemporaryDirectory(prefix="fairway-bench-") as folder:
        home = Path(folder) / "home"
        process, _ = start([sys.executable, "-m", "infra.local"], ROOT, home)
        try:
            endpoint = json.loads((home / "endpoint.json").read_text())
            client = Client(endpoint["api_url"], endpoint["api_key"])
            dataset_id = client.dataset("endurance")["id"]
            workers = {name: pid for name, pid in endpoint["processes"].items() if name.startswith("worker")}
            states: dict[str, int] = defaultdict(int)
            progress = Progress(lambda: with_largest_decoder(workers), lambda: sum(states.values()), LOOK_S)
            with suppress(KeyboardInterrupt):  # it still reports what it measured so far
                for at in range(0, count, ROUND):
                    for state, ended in through(client, dataset_id, files[at : at + ROUND]).items():
                        states[state] += ended
                    print(f"{at + ROUND} of {count}: {dict(states)}", file=sys.stderr, flush=True)
            progress.end()
            lived_on = all(Path(f"/proc/{pid}").exists() for pid in endpoint["processes"].values())
        finally:
            stop(process)
    keep_table("endurance", COLUMNS, rows_of(progress.samples))
    print(f"{sum(states.values())} files: {dict(states)}; every process lived on: {lived_on}")


if __name__ == "__main__":
    main()
