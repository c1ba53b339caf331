"""Measures processing a dataset again: a dry run over all files, apply, and rollback, with the differences that were expected.

    python -m benchmarks.reprocess [--receipts 1000]

The receipts are made, so the number of values that change, appear and vanish is known. The run ends with an error if the dry
run or apply finds other numbers, or if a record differs after the rollback. While the plan is applied, a file is uploaded to
another dataset of the tenant. It starts an embedded Fairway with a temporary home and saves its table in build/bench/reprocess.json.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fairway_client import Client

from benchmarks.starting import ROOT, cpu_s, family, keep, start, stop

Shown = dict[str, Any]
SETTLE_S = 1800
DATE = {"type": "string", "format": "date", "x-labels": ["Date"]}
OLD = {
    "type": "object",
    "properties": {
        "shop": {"type": "string", "x-labels": ["Shop"]},
        "date": DATE,
        "total": {"type": "number", "x-labels": ["Subtotal"]},
    },
}
NEW = {
    "type": "object",
    "properties": {
        "date": DATE,
        "total": {"type": "number", "x-labels": ["Total"]},
        "till": {"type": "integer", "x-labels": ["Till"]},
    },
}
TARGETS = {"apply, files a second": "20", "a new file during apply, s": "10"}


class Receipt:
    """A made receipt: every tenth has no tax, every second names its till, and each has another date."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.day, self.month = number % 28 + 1, number % 12 + 1
        self.subtotal = 10 + number / 100
        self.tax = 0.0 if number % 10 == 0 else 1.25
        self.names_till = number % 2 == 0

    @property
    def text(self) -> str:
        lines = [
            f"Shop: Corner {self.number}",
            f"Date: {self.day}/{self.month}/2024",
            f"Subtotal: {self.subtotal:.2f}",
            f"Total: {self.subtotal + self.tax:.2f}",
            *([f"Till: {self.number % 9 + 1}"] if self.names_till else []),
        ]
        return "\n".join(lines) + "\n"

    @property
    def date_changes(self) -> bool:
        """Whether its date is another one with the month first. A day after the 12th can be no month."""
        return self.day <= 12 and self.day != self.month


def expected(receipts: list[Receipt]) -> dict[str, dict[str, int]]:
    """How many values of each field are the same, change, appear and vanish."""
    count, dates = len(receipts), sum(receipt.date_changes for receipt in receipts)
    taxed, tills = sum(receipt.tax > 0 for receipt in receipts), sum(receipt.names_till for receipt in receipts)
    return {
        "shop": {"same": 0, "changed": 0, "appeared": 0, "vanished": count},
        "date": {"same": count - dates, "changed": dates, "appeared": 0, "vanished": 0},
        "total": {"same": count - taxed, "changed": taxed, "appeared": 0, "vanished": 0},
        "till": {"same": 0, "changed": 0, "appeared": tills, "vanished": 0},
    }


def check(what: str, comparison: Shown, wanted: dict[str, dict[str, int]]) -> None:
    found = {
        name: {kind: field[kind] for kind in ("same", "changed", "appeared", "vanished")}
        for name, field in comparison["fields"].items()
    }
    if found != wanted or comparison["failed"] or comparison["skipped"]:
        raise SystemExit(f"{what} found {found} in place of {wanted}; failed: {comparison['failed']}")


def wait(ask: Callable[[], Shown], state: str) -> Shown:
    deadline = time.monotonic() + SETTLE_S
    while (shown := ask())["state"] != state:
        if time.monotonic() > deadline:
            raise SystemExit(f"the plan is still {shown['state']} after {SETTLE_S} s")
        time.sleep(0.2)
    return shown


def records(client: Client, dataset_id: str) -> dict[str, Shown]:
    return {record["file_id"]: record["fields"] for record in client.records(dataset_id)}


def upload(client: Client, folder: Path, dataset_id: str, receipts: list[Receipt]) -> float:
    """Upload receipts. Returns the seconds until all are done."""
    paths = []
    for receipt in receipts:
        paths.append(folder / f"receipt-{receipt.number}.txt")
        paths[-1].write_text(receipt.text)
    began = time.monotonic()
    batch = client.upload(dataset_id, paths)
    *_, files = client.follow(dataset_id, batch["id"], within_s=SETTLE_S)
    if {file["state"] for file in files} != {"done"}:
        raise SystemExit(f"states after the upload: { {file['state'] for file in files} }")
    return time.monotonic() - began


def measure(client: Client, pids: Callable[[], set[int]], folder: Path, count: int) -> Shown:
    receipts = [Receipt(number) for number in range(count)]
    dataset = client.dataset("Receipts", OLD, date_order="day_first")
    results: Shown = {"receipts": count, "first time, s": round(upload(client, folder, dataset["id"], receipts), 1)}
    before, wanted = records(client, dataset["id"]), expected(receipts)

    body = {"schema": NEW, "extraction": {"date_order": "month_first"}, "sample": None}
    began, spent_s = time.monotonic(), cpu_s(pids())
    plan = client.call("POST", f"/datasets/{dataset['id']}/plans", body)
    show = lambda: client.call("GET", f"/plans/{plan['id']}")  # noqa: E731
    shown = wait(show, "planned")
    check("the dry run", shown["dry_run"], wanted)
    results["dry run, s"] = round(time.monotonic() - began, 1)
    results["dry run, CPU ms a file"] = round(1000 * (cpu_s(pids()) - spent_s) / count, 1)
    results["estimate for all files, s on one slot"] = shown["estimate"]["cost_s"]

    began, spent_s = time.monotonic(), cpu_s(pids())
    client.call("POST", f"/plans/{plan['id']}/apply", {})
    other = client.dataset("Other receipts", NEW)
    results["a new file during apply, s"] = round(upload(client, folder, other["id"], [Receipt(count)]), 1)
    shown = wait(show, "applied")
    check("apply", shown["applied"], wanted)
    took_s = time.monotonic() - began
    results["apply, s"], results["apply, files a second"] = round(took_s, 1), round(count / took_s, 1)
    results["apply, CPU ms a file"] = round(1000 * (cpu_s(pids()) - spent_s) / count, 1)
    for name, kinds in wanted.items():
        results[f"values of {name}"] = ", ".join(f"{number} {kind}" for kind, number in kinds.items() if number)

    began = time.monotonic()
    client.call("POST", f"/plans/{plan['id']}/rollback")
    wait(show, "rolled_back")
    results["rollback, s"] = round(time.monotonic() - began, 1)
    after = records(client, dataset["id"])
    different = [file_id for file_id, fields in before.items() if after.get(file_id) != fields]
    if different:
        raise SystemExit(f"{len(different)} records differ after the rollback, such as that of {different[0]}")
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--receipts", type=int, default=1000)
    count = parser.parse_args().receipts
    with tempfile.TemporaryDirectory(prefix="fairway-bench-") as name:
        folder, home = Path(name), Path(name) / "home"
        process, _ = start([sys.executable, "-m", "infra.local"], ROOT, home)
        try:
            endpoint = json.loads((home / "endpoint.json").read_text())
            client = Client(endpoint["api_url"], endpoint["api_key"])
            results = measure(client, lambda: family(process.pid), folder, count)
        finally:
            stop(process)
    keep("reprocess", results, TARGETS)


if __name__ == "__main__":
    main()
