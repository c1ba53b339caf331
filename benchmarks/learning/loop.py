"""The review loop on a real start: scans of five senders are corrected by the API, then others of them are uploaded.

    python -m benchmarks.learning.loop FOLDER ...

Each FOLDER, or a folder in it, has labelled scans. The first half of the scans of each sender is uploaded and corrected to the
labels; the records are then approved. The second half is uploaded twice: into another dataset without corrections, and into
the corrected one. The table has the right values of both. It starts an embedded Fairway with a temporary home.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fairway_client import Client
from rich.console import Console
from rich.table import Table

from benchmarks.api import embedded
from benchmarks.learning.samples import FIELDS, SCHEMA
from benchmarks.reading.truth import Receipt, are_right, receipts
from layers.domain.learning.likeness import letters_in

SENDERS = 5


def of_senders(scans: Sequence[Receipt]) -> tuple[list[Receipt], list[Receipt]]:
    """Every second scan of the most frequent senders, and the others."""
    by_sender: dict[str, list[Receipt]] = {}
    for scan in scans:
        by_sender.setdefault(letters_in(scan.fields["company"]), []).append(scan)
    chosen = sorted(by_sender.values(), key=lambda group: (-len(group), group[0].path.name))[:SENDERS]
    return [scan for group in chosen for scan in group[::2]], [scan for group in chosen for scan in group[1::2]]


def records(client: Client, dataset_id: str, scans: Sequence[Receipt]) -> list[dict[str, Any]]:
    """Upload scans. Returns their records, in order, with the ids of their files."""
    batch = client.upload(dataset_id, [scan.path for scan in scans], allow_duplicates=True)
    for _ in client.follow(dataset_id, batch["id"]):
        pass
    return [client.record(file["id"]) | {"file_id": file["id"]} for file in batch["files"]]


def correct(client: Client, record: dict[str, Any], truth: dict[str, Any]) -> int:
    """Correct the wrong values of a record, and approve it. Returns how many were wrong."""
    right = are_right(record["fields"], truth)
    wrong = {name: truth[name] for name in FIELDS if not right[name]}
    if wrong:
        client.correct(record["file_id"], wrong, version=record["version"])
    client.review(record["file_id"], "approved")
    return len(wrong)


def row(scans: Sequence[Receipt], found: Sequence[dict[str, Any]]) -> list[str]:
    rights = [are_right(record["fields"], dict(scan.fields)) for scan, record in zip(scans, found, strict=True)]
    by_memory = sum(by == "memory" for record in found for by in record["by"].values())
    counts = [sum(right[name] for right in rights) for name in FIELDS]
    return [*map(str, counts), str(sum(all(right.values()) for right in rights)), str(by_memory)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--level", default="balanced")
    given = parser.parse_args()
    first, second = of_senders(receipts(given.folders))
    with embedded() as measured:
        client = measured.client
        names = ("corrected", "not corrected")
        learning, untaught = (client.dataset(name, SCHEMA, reading=given.level) for name in names)
        corrected = records(client, learning["id"], first)
        wrong = sum(correct(client, record, dict(scan.fields)) for scan, record in zip(first, corrected, strict=True))
        table = Table("", *FIELDS, "all four", "by memory", title=f"{SENDERS} senders")
        table.add_row(f"first {len(first)}, before {wrong} corrections", *row(first, corrected))
        table.add_row(f"other {len(second)}, nothing learnt", *row(second, records(client, untaught["id"], second)))
        table.add_row(f"other {len(second)}, learnt", *row(second, records(client, learning["id"], second)))
    Console(width=160).print(table)


if __name__ == "__main__":
    main()
