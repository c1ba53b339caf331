"""Runs Fairway on the files as `make run` does: a fresh start with two workers, then one upload of the whole folder."""

from __future__ import annotations

import io
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pypdfium2
from fairway_client import Client, is_settled
from PIL import Image

from benchmarks.contest.measuring import Measured
from benchmarks.contest.peer_runs import Run
from benchmarks.starting import ROOT, start, stop
from tests.acceptance.expectations import SCHEMA

SETTLES_WITHIN_S = 3600.0


@dataclass(slots=True)
class FairwayRun(Run):
    """Also how many files have a preview and a thumbnail that can be opened, and how many were never settled."""

    previews: int = 0
    thumbnails: int = 0
    unsettled: int = 0
    ready_s: float = 0.0
    files: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Started:
    """A running Fairway: its client, and the endpoint file, which names its processes."""

    client: Client
    endpoint: Path
    pid: int
    ready_s: float

    def kill_a_worker(self) -> None:
        processes = json.loads(self.endpoint.read_text())["processes"]
        os.kill(processes["worker-1"], signal.SIGKILL)

    def client_of_new_tenant(self, name: str) -> Client:
        key = self.client.call("POST", "/operations/tenants", {"name": name})["api_key"]
        return Client(json.loads(self.endpoint.read_text())["api_url"], key)


@contextmanager
def running(folder: Path) -> Iterator[Started]:
    """A fresh start in a folder, stopped at the end."""
    process, ready_s = start([sys.executable, "-m", "infra.local"], ROOT, folder / "home")
    try:
        endpoint = json.loads((folder / "home" / "endpoint.json").read_text())
        client = Client(endpoint["api_url"], endpoint["api_key"])
        yield Started(client, folder / "home" / "endpoint.json", process.pid, ready_s)
    finally:
        stop(process)


def read(
    fairway: Started, paths: Sequence[Path], on_progress: Callable[[Started, int], None] = lambda fairway, done: None
) -> FairwayRun:
    """Upload the files as one batch and wait until each has settled, with the previews and thumbnails."""
    run = FairwayRun(ready_s=fairway.ready_s)
    with Measured(lambda: {fairway.pid}) as measured:
        dataset_id = fairway.client.dataset("contest", SCHEMA)["id"]
        batch = fairway.client.upload(dataset_id, paths)
        following = fairway.client.follow(dataset_id, batch["id"], within_s=SETTLES_WITHIN_S)
        for run.files in following:
            on_progress(fairway, sum(map(is_settled, run.files)))
    run.wall_s, run.cpu_s, run.peak_mib = measured.wall_s, measured.cpu_s, measured.peak_mib
    run.unsettled = sum(not is_settled(file) for file in run.files)
    by_name = {file["name"]: file for file in run.files}
    for path in paths:
        if file := by_name.get(path.name):
            run.answers[path] = _answer(fairway.client, file)
            artifacts = file["artifacts"]
            run.previews += _opens(fairway.client, artifacts["preview"])
            run.thumbnails += _opens(fairway.client, artifacts["thumbnail"])
    return run


def single_file_s(fairway: Started, client: Client, path: Path) -> float:
    """The seconds in which a tenant's only file has a record."""
    began = time.monotonic()
    dataset_id = client.dataset("alone", SCHEMA)["id"]
    batch = client.upload(dataset_id, [path])
    for files in client.follow(dataset_id, batch["id"], within_s=SETTLES_WITHIN_S):
        if all(file["state"] not in ("uploading", "processing") for file in files):
            break
    return time.monotonic() - began


def in_background(act: Callable[[], float], into: list[float]) -> threading.Thread:
    thread = threading.Thread(target=lambda: into.append(act()), daemon=True)
    thread.start()
    return thread


def _answer(client: Client, file: dict[str, Any]) -> dict[str, Any]:
    """The text and the values of a file. Of a file with several documents, the values that all records share."""
    text = file["artifacts"]["text"]
    records = [dict(record["fields"]) for record in file["records"]] or [{}]
    shared = {name: value for name, value in records[0].items() if all(other.get(name) == value for other in records)}
    error = (file["error"] or {}).get("code")
    content = client.fetch(text["url"]).decode("utf-8", "replace") if text else ""
    return {"text": content, "values": shared, **({"error": error} if error else {})}


def _opens(client: Client, artifact: dict[str, Any] | None) -> bool:
    """Whether an artifact is a picture, a PDF file or a page that a browser shows."""
    if not artifact:
        return False
    content, media_type = client.fetch(artifact["url"]), str(artifact["media_type"])
    if media_type.startswith(("image/svg", "text/")):
        return bool(content.strip())
    try:
        if media_type == "application/pdf":
            return len(pypdfium2.PdfDocument(content)) > 0
        Image.open(io.BytesIO(content)).load()
    except Exception:
        return False
    return True
