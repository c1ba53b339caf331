"""What a person sees in the terminal: a batch on its way, live, and the table of records that came of it."""

from __future__ import annotations

import os
import threading
from collections import Counter
from pathlib import Path
from typing import Any

from fairway_client import Client, Refused, is_settled
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

SAMPLES = Path(__file__).resolve().parent.parent.parent / "events" / "samples"
SAMPLE_DATASET = "Samples"
NOT_SAMPLES = {"LICENSES.md"}
NOT_SHOWN = ("original", "text", "record")  # of `artifacts`: the upload itself, and kinds with columns of their own
MOST_ROWS = 200
PLAIN_WIDTH = 140  # of what goes to a file


def run(endpoint: dict[str, Any], folder: Path | None, dataset_name: str | None) -> None:
    """Process the samples, or a folder of the user's, and print what came of it."""
    console = Console(width=None if os.isatty(1) else PLAIN_WIDTH)
    client = Client(endpoint["api_url"], endpoint["api_key"])
    if folder is not None or os.environ.get("FAIRWAY_SAMPLES", "1") != "0":
        _process(console, client, folder, dataset_name)
    _say_where(console, endpoint)


def _process(console: Console, client: Client, folder: Path | None, dataset_name: str | None) -> None:
    paths = _paths(folder or SAMPLES)
    if not paths:
        console.print(f"[yellow]There are no files in {folder}.[/]")
        return
    dataset = client.dataset(dataset_name or (folder.resolve().name if folder else SAMPLE_DATASET))
    if folder is None and dataset["counts"]["files"]:
        console.print("The samples were processed before; here is what stands.")
        _print_table(console, list(client.files(dataset["id"])))
        return
    files = _follow(console, client, dataset["id"], paths)
    _print_table(console, files)


def _paths(folder: Path) -> list[Path]:
    if folder.is_file():
        return [folder]
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in NOT_SAMPLES)


def _follow(console: Console, client: Client, dataset_id: str, paths: list[Path]) -> list[dict[str, Any]]:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        uploads = progress.add_task("uploading", total=len(paths))
        settled = progress.add_task("processing", total=len(paths))
        batch: dict[str, Any] = {}
        failure: list[BaseException] = []

        def upload() -> None:
            try:
                batch.update(client.upload(dataset_id, paths, on_upload=lambda _: progress.advance(uploads)))
            except BaseException as error:
                failure.append(error)

        thread = threading.Thread(target=upload, daemon=True)
        thread.start()
        while thread.is_alive():
            thread.join(0.1)
        if failure:
            raise failure[0]
        new = [file for file in batch["files"] if file["id"]]
        progress.update(settled, total=len(new))
        files: list[dict[str, Any]] = []
        for files in client.follow(dataset_id, batch["id"]):
            stages = Counter(file["stage"] for file in files if file["stage"])
            doing = ", ".join(f"{stage} {count}" for stage, count in stages.most_common()) or "previews and thumbnails"
            progress.update(
                settled, completed=sum(is_settled(file) for file in files), description=f"processing: {doing}"
            )
        progress.update(settled, description="processed")
    if len(new) < len(paths):
        console.print(f"{len(paths) - len(new)} files were in the dataset already and were not taken twice.")
    return files


def _print_table(console: Console, files: list[dict[str, Any]]) -> None:
    files = sorted(files, key=lambda file: file["name"].lower())
    names = list(dict.fromkeys(name for file in files for name in _fields(file)))
    table = Table(title="Records", title_justify="left", header_style="bold")
    table.add_column("file", overflow="fold", max_width=36)
    table.add_column("state")
    table.add_column("text by")
    for name in names:
        table.add_column(name, overflow="fold", max_width=34)
    table.add_column("shown as", overflow="fold")
    colours = {"done": "green", "partial": "yellow", "failed": "red"}
    for file in files[:MOST_ROWS]:
        state = file["state"]
        made = [kind for kind, artifact in file["artifacts"].items() if artifact and kind not in NOT_SHOWN]
        source = (file["artifacts"]["text"] or {}).get("source") or ""
        values = [str(_fields(file).get(name, "")) for name in names]
        colour = colours.get(state, "white")
        table.add_row(escape(file["name"]), f"[{colour}]{state}[/]", source, *map(escape, values), ", ".join(made))
    console.print(table)
    for file in files[:MOST_ROWS]:
        if file["error"]:
            console.print(
                f"  [red]{escape(file['name'])}[/]: {escape(file['error']['detail'])} ({file['error']['code']})"
            )
    counts = Counter(file["state"] for file in files)
    rest = f", the first {MOST_ROWS} shown" if len(files) > MOST_ROWS else ""
    console.print(", ".join(f"{count} {state}" for state, count in counts.most_common()) + rest)


def _fields(file: dict[str, Any]) -> dict[str, Any]:
    return dict((file["artifacts"]["record"] or {}).get("fields", {}))


def _say_where(console: Console, endpoint: dict[str, Any]) -> None:
    try:
        state = Client(endpoint["api_url"], endpoint["api_key"]).call("GET", "/health")["status"]
    except Refused as refusal:
        state = str(refusal)
    home = os.environ.get("FAIRWAY_HOME", ".fairway")
    console.print(f"\n[bold]Fairway is up[/] ({state})  API {endpoint['api_url']}", highlight=False)
    console.print(f"Key and addresses: {home}/endpoint.json   Logs: {home}/logs   Stop: Ctrl-C", highlight=False)
