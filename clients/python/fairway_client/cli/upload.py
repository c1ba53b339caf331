"""`fairway upload`: sends a folder or files into a dataset, and continues where an interrupted run has ended."""

from __future__ import annotations

import argparse
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from fairway_client.access import Access
from fairway_client.cli.output import Output, files, in_words
from fairway_client.cli.progress import UploadProgress
from fairway_client.client import Client
from fairway_client.folder import Found, find
from fairway_client.memory import Memory, path_of
from fairway_client.transfer import Patience, Stopped
from fairway_client.uploading import Options, Report, Silent, Upload, Watcher

SETTLE_POLL_S = 2.0
MOST_SHOWN = 200
INTERRUPTED = 130
UNSETTLED = ("uploading", "processing")


def run(arguments: argparse.Namespace, access: Access, output: Output) -> int:
    """Upload. Returns 0 if the dataset has every file, 1 if some failed, 130 if it was interrupted."""
    client = access.client()
    found = _found(arguments.paths)
    if not found:
        output.note("There are no files to upload.")
        return 0
    dataset = client.dataset(arguments.dataset or _default_name(arguments.paths))
    folder = arguments.paths[0] if len(arguments.paths) == 1 else Path.cwd()
    options = Options(
        name=arguments.name or _default_name(arguments.paths)[:200],
        allow_duplicates=arguments.allow_duplicates,
        expand_archives=arguments.expand_archives,
        separators=arguments.separate,
        blank_pages=arguments.blank_pages,
        labels=tuple(arguments.label),
        priority="low" if arguments.low_priority else "normal",
        deadline_s=arguments.deadline_s,
    )
    patience = Patience(arguments.patience_s)
    shown: AbstractContextManager[Watcher] = nullcontext(Silent()) if arguments.quiet else UploadProgress(output.notes)
    with (
        Memory(path_of(access.api_url, dataset["id"], folder)) as memory,
        stopped_by_signals(patience.stopping),
        shown as watcher,
    ):
        upload = Upload(client, dataset["id"], memory, watcher, options, patience)
        try:
            report = upload.run(found)
        except Stopped:
            return _interrupted(upload.report, output)
    processed = _wait(client, report, patience) if arguments.wait else []
    return _show(client, dataset, report, processed, output)


def _found(paths: Sequence[Path]) -> list[Found]:
    """The files of all paths. Of several paths, names begin with that of the path."""
    if len(paths) == 1:
        return find(paths[0])
    several = [(path, each) for path in paths for each in find(path)]
    return [
        Found(f"{path.name}/{each.name}" if path.is_dir() else each.name, each.path, each.size_bytes, each.modified_ns)
        for path, each in several
    ]


def _default_name(paths: Sequence[Path]) -> str:
    return paths[0].resolve().name or "uploads"


@contextmanager
def stopped_by_signals(stopping: threading.Event) -> Iterator[None]:
    """Ctrl-C or SIGTERM sets `stopping`: an upload ends after the files that are being sent. A second one ends it at once."""

    def stop(*_: Any) -> None:
        if stopping.is_set():
            raise KeyboardInterrupt
        stopping.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupted(report: Report, output: Output) -> int:
    output.note(f"Stopped after {report.sent:,} files. The same command continues.")
    if output.as_json:
        output.result(report.as_json() | {"interrupted": True})
    return INTERRUPTED


def _wait(client: Client, report: Report, patience: Patience) -> list[dict[str, Any]]:
    """Wait until the files of all batches are processed. Returns the counts of each batch by state."""
    counts: dict[str, dict[str, int]] = {}
    while not patience.stopping.is_set():
        for batch_id in report.batch_ids:
            if batch_id not in counts or any(counts[batch_id].get(state) for state in UNSETTLED):
                counts[batch_id] = client.call("GET", f"/batches/{batch_id}")["counts"]["by_state"]
        if not any(by_state.get(state) for by_state in counts.values() for state in UNSETTLED):
            break
        time.sleep(SETTLE_POLL_S)
    return [{"batch_id": batch_id, "by_state": by_state} for batch_id, by_state in counts.items()]


def _show(
    client: Client, dataset: dict[str, Any], report: Report, processed: Sequence[dict[str, Any]], output: Output
) -> int:
    failed = [(failure.name, "upload", failure.reason) for failure in report.failures]
    for batch in processed:
        for file in client.files(dataset["id"], batch=batch["batch_id"], state="failed"):
            failed.append((file["name"], file["error"]["step"] or "processing", file["error"]["detail"]))
    if output.as_json:
        output.result(
            report.as_json()
            | {
                "dataset": {"id": dataset["id"], "name": dataset["name"]},
                "failed": [{"name": name, "at": at, "reason": reason} for name, at, reason in failed],
                "processed": list(processed),
            }
        )
    else:
        if failed:
            output.table("Failed", ("file", "at", "why"), failed[:MOST_SHOWN])
        output.note(
            f"{files(report.sent)} sent into {dataset['name']!r}, {report.duplicates:,} were there already, "
            f"{len(failed):,} failed."
        )
        for batch in processed:
            output.note(f"Processed: {in_words(batch['by_state'])}.")
    return 1 if failed else 0
