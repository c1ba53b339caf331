"""The review loop on a real start: scans of five senders are corrected by the API, then others of them are uploaded.

    python -m benchmarks.learning.loop FOLDER ... [--level accurate] [--most N] [--others 20]

Each FOLDER, or a folder in it, has labelled scans. The first half of the scans of each sender is uploaded and corrected to the
labels; the records are then approved. The second half, and scans of other senders, are uploaded twice: into another dataset
without corrections, and into the corrected one. The table has the values of both. It starts an embedded Fairway with a
temporary home. The table is printed, and written to build/bench/loop.json with all values that are wrong.
"""

from __future__ import annotations

import argparse
import json
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
OUT = Path("build/bench/loop.json")
Scans = Sequence[Receipt]
Records = Sequence[dict[str, Any]]


def of_senders(scans: Scans, most: int | None, others: int) -> tuple[list[Receipt], list[Receipt], list[Receipt]]:
    """Every second scan of the most frequent senders, the others of them, both at most so many of each sender, and some scans of
    other senders."""
    by_sender: dict[str, list[Receipt]] = {}
    for scan in scans:
        by_sender.setdefault(letters_in(scan.fields["company"]), []).append(scan)
    groups = sorted(by_sender.values(), key=lambda group: (-len(group), group[0].path.name))
    chosen, rest = groups[:SENDERS], [scan for group in groups[SENDERS:] for scan in group]
    rest.sort(key=lambda scan: scan.path.name)
    spread = rest[:: max(1, len(rest) // max(1, others))][:others]
    first, second = ([scan for group in chosen for scan in group[start::2][:most]] for start in (0, 1))
    return first, second, spread


def records(client: Client, dataset_id: str, scans: Scans) -> list[dict[str, Any]]:
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


def row(scans: Scans, found: Records) -> dict[str, str]:
    """For each property: how many values are right, wrong, and named as doubtful. Then the same of whole records."""
    rights = [_rights(scan, record) for scan, record in zip(scans, found, strict=True)]
    cells = {}
    for name in FIELDS:
        right = sum(each[name] for each in rights)
        doubtful = sum(name in record["doubtful"] + record["missing"] for record in found)
        cells[f"{name}: right, wrong, doubtful"] = f"{right}, {len(scans) - right}, {doubtful}"
    sure = [all(each.values()) for each, record in zip(rights, found, strict=True) if record["review"] != "needed"]
    return cells | {
        "all four right": str(sum(all(each.values()) for each in rights)),
        "no review needed": str(len(sure)),
        "of these right": str(sum(sure)),
        "by memory": str(sum(by == "memory" for record in found for by in record["by"].values())),
    }


def wrong_values(scans: Scans, found: Records) -> list[dict[str, Any]]:
    """Each wrong value with the true one."""
    return [
        {
            "scan": scan.path.name,
            "property": name,
            "found": record["fields"].get(name),
            "true": scan.fields[name],
            "doubtful": name in record["doubtful"] + record["missing"],
            "probability": (record["evidence"].get(name) or {}).get("probability"),
        }
        for scan, record in zip(scans, found, strict=True)
        for name, is_right in _rights(scan, record).items()
        if not is_right
    ]


def _rights(scan: Receipt, record: dict[str, Any]) -> dict[str, bool]:
    return are_right(record["fields"], {name: scan.fields[name] for name in FIELDS})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--level", default="accurate")
    parser.add_argument("--most", type=int, help="scans of each sender, corrected ones and others")
    parser.add_argument("--others", type=int, default=20, help="scans of other senders")
    given = parser.parse_args()
    first, second, others = of_senders(receipts(given.folders), given.most, given.others)
    rows: dict[str, dict[str, str]] = {}
    wrong: dict[str, list[dict[str, Any]]] = {}

    def noted(what: str, scans: Scans, found: Records) -> None:
        rows[what], wrong[what] = row(scans, found), wrong_values(scans, found)

    with embedded() as measured:
        client = measured.client
        names = ("corrected", "not corrected")
        learning, untaught = (client.dataset(name, SCHEMA, reading=given.level) for name in names)
        taught = records(client, learning["id"], first)
        count = sum(correct(client, record, dict(scan.fields)) for scan, record in zip(first, taught, strict=True))
        noted(f"{len(first)} of {SENDERS} senders, before {count} corrections", first, taught)
        groups = {f"{len(second)} others of them": second, f"{len(others)} of other senders": others}
        for title, scans in ((title, scans) for title, scans in groups.items() if scans):
            noted(f"{title}, nothing learnt", scans, records(client, untaught["id"], scans))
            noted(f"{title}, learnt", scans, records(client, learning["id"], scans))
    table = Table("", *next(iter(rows.values())), title=f"reading {given.level}")
    for what, cells in rows.items():
        table.add_row(what, *cells.values())
    Console(width=220).print(table)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps({"rows": rows, "wrong": wrong}, indent=1))


if __name__ == "__main__":
    main()
