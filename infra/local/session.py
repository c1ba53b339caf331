"""The terminal session of `make run`: uploads files, shows their progress and prints the table of records."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fairway_client import Client, Refused, is_settled
from fairway_client.cli.progress import UploadProgress
from fairway_client.folder import Found, find
from fairway_client.memory import Memory
from fairway_client.uploading import Options, Report, Upload
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from infra.local.link import link
from layers.domain.page import property_of

SAMPLES = Path(__file__).resolve().parent.parent.parent / "events" / "samples"
SAMPLE_DATASET = "Samples"
IGNORED_NAMES = {"LICENSES.md"}
OTHER_COLUMNS = ("original", "text", "record")  # not in the column of artifacts
MAX_ROWS = 200
PLAIN_WIDTH = 140  # when the output is not a terminal


def run(endpoint: dict[str, Any], folder: Path | None, dataset_name: str | None) -> None:
    """Process the samples or the user's folder, and print the records."""
    console = Console(width=None if os.isatty(1) else PLAIN_WIDTH)
    client = Client(endpoint["api_url"], endpoint["api_key"])
    if folder is not None or os.environ.get("FAIRWAY_SAMPLES", "1") != "0":
        _process(console, client, folder, dataset_name)
    _print_status(console, endpoint)


def _process(console: Console, client: Client, folder: Path | None, dataset_name: str | None) -> None:
    found = [each for each in find(folder or SAMPLES) if each.path.name not in IGNORED_NAMES]
    if not found:
        console.print(f"[yellow]There are no files in {folder}.[/]")
        return
    name = folder.resolve().name if folder else SAMPLE_DATASET
    dataset = client.dataset(dataset_name or name)
    if folder is None and dataset["counts"]["files"]:
        console.print("The samples were processed by an earlier start:")
        _print_table(console, list(client.files(dataset["id"])))
        return
    report = _upload(console, client, dataset["id"], found, name[:200])
    _print_table(console, _follow(console, client, dataset["id"], report))


def _upload(console: Console, client: Client, dataset_id: str, found: list[Found], name: str) -> Report:
    """Upload files as `fairway upload` does; an upload that was interrupted continues at the next start."""
    state = Path(os.environ.get("FAIRWAY_HOME") or ".fairway") / "uploads" / f"{dataset_id}.sqlite3"
    with Memory(state) as memory, UploadProgress(console) as progress:
        report = Upload(client, dataset_id, memory, progress, Options(name=name)).run(found)
    if report.duplicates:
        console.print(f"Skipped {report.duplicates} files that the dataset already has.")
    return report


def _follow(console: Console, client: Client, dataset_id: str, report: Report) -> list[dict[str, Any]]:
    """Show how the files of an upload are processed. Returns them."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    ended: list[dict[str, Any]] = []
    with Progress(*columns, console=console) as progress:
        settled = progress.add_task("processing", total=report.sent)
        for batch_id in report.batch_ids:
            files: list[dict[str, Any]] = []
            for files in client.follow(dataset_id, batch_id):
                stages = Counter(file["stage"] for file in files if file["stage"])
                running = ", ".join(f"{stage} {count}" for stage, count in stages.most_common())
                progress.update(
                    settled,
                    completed=len(ended) + sum(is_settled(file) for file in files),
                    description=f"processing: {running or 'previews, thumbnails'}",
                )
            ended += files
        progress.update(settled, description="processed")
    return ended


def _print_table(console: Console, files: list[dict[str, Any]]) -> None:
    files = sorted(files, key=lambda file: file["name"].lower())
    names = list(dict.fromkeys(name for file in files for record in _records(file) for name in record["fields"]))
    table = Table(title="Records", title_justify="left", header_style="bold")
    table.add_column("file", overflow="fold", max_width=36)
    table.add_column("state")
    table.add_column("text from")
    for name in names:
        table.add_column(name, overflow="fold", max_width=34)
    table.add_column("artifacts", overflow="fold")
    colours = {"done": "green", "partial": "yellow", "failed": "red"}
    for file in files[:MAX_ROWS]:
        state = file["state"]
        kinds = [kind for kind, artifact in file["artifacts"].items() if artifact and kind not in OTHER_COLUMNS]
        source = (file["artifacts"]["text"] or {}).get("source") or ""
        first, *further = _records(file)
        colour = colours.get(state, "white")
        values = _cells(first, names)
        table.add_row(escape(file["name"]), f"[{colour}]{state}[/]", source, *values, ", ".join(kinds))
        for number, record in enumerate(further, 2):
            table.add_row(f"  its document {number}", "", "", *_cells(record, names), "")
    console.print(table)
    if count := sum(bool(record["doubtful"]) for file in files for record in _records(file)):
        records = "1 record has values" if count == 1 else f"{count} records have values"
        console.print(f"  [yellow]?[/] {records} that may be wrong; the page shows them beside the file")
    for file in files[:MAX_ROWS]:
        if file["error"]:
            console.print(
                f"  [red]{escape(file['name'])}[/]: {escape(file['error']['detail'])} ({file['error']['code']})"
            )
    counts = Counter(file["state"] for file in files)
    rest = f" (only the first {MAX_ROWS} are shown)" if len(files) > MAX_ROWS else ""
    console.print(", ".join(f"{count} {state}" for state, count in counts.most_common()) + rest)


def _records(file: dict[str, Any]) -> list[dict[str, Any]]:
    """The record of each document of a file; an empty one for a file without a record."""
    return list(file["records"]) or [{"fields": {}, "doubtful": []}]


def _cells(record: dict[str, Any], names: Sequence[str]) -> list[str]:
    """The values of a record; those that may be wrong have a question mark."""
    fields, doubtful = record["fields"], set(map(property_of, record["doubtful"]))
    marks = {name: " [yellow]?[/]" if name in doubtful else "" for name in names}
    return [escape(str(fields[name])) + marks[name] if name in fields else "" for name in names]


def _print_status(console: Console, endpoint: dict[str, Any]) -> None:
    try:
        state = Client(endpoint["api_url"], endpoint["api_key"]).call("GET", "/health")["status"]
    except Refused as refusal:
        state = str(refusal)
    home = os.environ.get("FAIRWAY_HOME", ".fairway")
    page = link(endpoint)
    console.print(f"\n[bold]Fairway is running[/] (health: {state}) at {endpoint['api_url']}", highlight=False)
    if page:
        console.print(f"Open {page} (for 5 minutes; `make link` prints another)", highlight=False, soft_wrap=True)
    console.print(
        f"API key and addresses: {home}/endpoint.json   Logs: {home}/logs   Stop with Ctrl-C", highlight=False
    )
