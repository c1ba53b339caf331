"""The commands that show and change what is in datasets."""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from fairway_client.access import Access
from fairway_client.cli.output import Output, files, in_words
from fairway_client.client import Client

MOST_ROWS = 1000


class NoSuchDataset(Exception):
    """There is no dataset with this name or id."""


def dataset_of(client: Client, name: str) -> dict[str, Any]:
    """The newest dataset with this name, or the one with this id. Raises NoSuchDataset."""
    for dataset in client.datasets():
        if name in (dataset["name"], dataset["id"]):
            return dataset
    raise NoSuchDataset(f"there is no dataset named {name!r}; `fairway status` lists them")


def status(arguments: argparse.Namespace, access: Access, output: Output) -> int:
    """All datasets with their counts; or the files of one that are in a state, or need attention."""
    client = access.client()
    if arguments.dataset:
        return _files(arguments, client, output)
    found = list(client.datasets())
    if output.as_json:
        output.result(found)
    else:
        rows = [
            (each["name"], each["id"], str(each["counts"]["files"]), in_words(each["counts"]["by_state"]))
            for each in found
        ]
        output.table("Datasets", ("name", "id", "files", "by state"), rows)
    return 0


def _files(arguments: argparse.Namespace, client: Client, output: Output) -> int:
    dataset = dataset_of(client, arguments.dataset)
    rows = islice(client.rows(dataset["id"], state=arguments.state), arguments.limit)
    if output.as_json:
        for row in rows:
            output.result(row)
        return 0
    output.table(
        f"{dataset['name']}: {in_words(dataset['counts']['by_state'])}",
        ("file", "id", "state", "why"),
        ((row["name"], row["id"], row["state"], _reason(row)) for row in rows),
    )
    return 0


def _reason(row: dict[str, Any]) -> str:
    for part in ("error", "waiting"):
        if row.get(part):
            return str(row[part].get("detail") or row[part].get("reason") or row[part].get("code"))
    return ""


def records(arguments: argparse.Namespace, access: Access, output: Output) -> int:
    """The records of a dataset, as a table, JSON lines or CSV."""
    client = access.client()
    dataset = dataset_of(client, arguments.dataset)
    found = islice(client.records(dataset["id"]), arguments.limit)
    names = list(dataset["schema"].get("properties", {}))
    if output.as_json or arguments.format == "jsonl":
        for record in found:
            output.result(record)
    elif arguments.format == "csv":
        writer = csv.writer(sys.stdout)
        writer.writerow(["file", *names])
        writer.writerows(_values(found, names))
    else:
        output.table(dataset["name"], ("file", *names), _values(found, names))
    return 0


def _values(found: Iterator[dict[str, Any]], names: list[str]) -> Iterator[list[Any]]:
    for record in found:
        yield [record["file_name"], *(record["fields"].get(name) for name in names)]


def export(arguments: argparse.Namespace, access: Access, output: Output) -> int:
    """A dataset as one file, or its originals as zip files in a folder."""
    client = access.client()
    dataset = dataset_of(client, arguments.dataset)
    plain = dataset["name"].replace("/", "_")
    if arguments.format == "zip":
        return _export_originals(arguments, client, dataset, arguments.output or Path(plain), output)
    path: Path = arguments.output or Path(f"{plain}.{arguments.format}")
    content = client.export(dataset["id"], arguments.format, sort=arguments.sort)
    path.write_bytes(content)
    if output.as_json:
        output.result({"path": str(path), "size_bytes": len(content)})
    else:
        output.note(f"Wrote {path} ({len(content):,} bytes).")
    return 0


def _export_originals(
    arguments: argparse.Namespace, client: Client, dataset: dict[str, Any], folder: Path, output: Output
) -> int:
    done = client.export_originals(dataset["id"], folder, arguments.names, sort=arguments.sort)
    names = [archive["name"] for archive in done["archives"]]
    count = sum(archive["files"] for archive in done["archives"])
    if output.as_json:
        output.result({"path": str(folder), "size_bytes": done["size_bytes"], "files": count, "archives": names})
    else:
        output.note(f"Wrote {files(count)} in {', '.join(names)}, and manifest.csv, to {folder}.")
    return 0


def remove(arguments: argparse.Namespace, access: Access, output: Output) -> int:
    """Remove files, a batch or a whole dataset. Prints the id of the removal, by which it can be undone."""
    client = access.client()
    if arguments.whole_dataset:
        dataset = dataset_of(client, arguments.dataset)
        removal = client.call("DELETE", f"/datasets/{dataset['id']}")
    else:
        dataset = dataset_of(client, arguments.dataset)
        body = {"batch_id": arguments.batch} if arguments.batch else {"file_ids": arguments.files}
        removal = client.call("POST", f"/datasets/{dataset['id']}/removals", body)
    if output.as_json:
        output.result(removal)
        return 0
    for file_id in removal.get("not_found", ()):
        output.note(f"{file_id} is not in the dataset, or was removed before.")
    output.note(f"Removed {files(removal['count'])}. To undo: fairway undo {removal['id']}")
    return 0


def undo(arguments: argparse.Namespace, access: Access, output: Output) -> int:
    """Undo a removal."""
    removal = access.client().call("POST", f"/removals/{arguments.removal}/undo")
    if output.as_json:
        output.result(removal)
    else:
        output.note("All files of this removal are back.")
    return 0


def move(arguments: argparse.Namespace, access: Access, output: Output) -> int:
    """Move files to another dataset, or move those of a former move back."""
    client = access.client()
    if arguments.undo:
        moved = client.undo_move(arguments.undo)
    else:
        source, target = dataset_of(client, arguments.dataset), dataset_of(client, arguments.to)
        moved = client.move(source["id"], arguments.files, target["id"], arguments.kind)
    if output.as_json:
        output.result(moved)
        return 0
    for refused in moved["not_moved"]:
        output.note(f"{refused['id']} was not moved: {refused['reason']}")
    how = "" if arguments.undo or not moved["count"] else f" To undo: fairway move --undo {moved['id']}"
    output.note(f"Moved {files(moved['count'])}{' back' if arguments.undo else ''}.{how}")
    return 0


def route(arguments: argparse.Namespace, access: Access, output: Output) -> int:
    """Set to which datasets files of each kind are sent, or show it with what moves have taught."""
    client = access.client()
    dataset = dataset_of(client, arguments.dataset)
    if arguments.none or arguments.rules:
        rules = dict(rule.split("=", 1) for rule in arguments.rules)
        client.set_routing(dataset["id"], {kind: dataset_of(client, name)["id"] for kind, name in rules.items()})
    routing = client.routing(dataset["id"])
    if output.as_json:
        output.result(routing)
        return 0
    taught = routing["taught"]
    rows = [[kind, rule["name"] or "removed", taught.get(kind, 0)] for kind, rule in routing["rules"].items()]
    output.table(f"{dataset['name']} sends", ["kind", "to", "taught by"], rows)
    if routing["model"]["is_used"]:
        output.note("What moves have taught is used.")
    return 0


def redrive(arguments: argparse.Namespace, access: Access, output: Output) -> int:
    """Run failed files again: those that are named, or all of a dataset with a state and an error code."""
    client = access.client()
    count, has_more = 0, not arguments.files
    for file_id in arguments.files:
        client.call("POST", f"/files/{file_id}/redrive", {"step": arguments.step} if arguments.step else {})
        count += 1
    while has_more:
        dataset = dataset_of(client, arguments.dataset)
        body = {"state": arguments.state} | ({"code": arguments.code} if arguments.code else {})
        answer = client.call("POST", f"/datasets/{dataset['id']}/redrive", body)
        count, has_more = count + answer["count"], answer["has_more"] and answer["count"] > 0
    if output.as_json:
        output.result({"count": count})
    else:
        output.note(f"{files(count)} to run again.")
    return 0
