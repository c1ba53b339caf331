"""Fairway beside what people would use instead: the same mixed files, each system in bulk with two workers, a fresh start.

    python -m benchmarks.contest DATA_FOLDER [--files 200] [--only NAME ...] [--survival-files 40]

DATA_FOLDER has `receipts/`, `invoices/` and `documents/`. Peers are installed into `~/.cache/fairway/document-peers`; Tika needs Java and
Maven, OCRmyPDF needs `pdftotext`. The table is printed and saved in build/bench/contest.json, with the results for each
file. With `--only`, the results of the other systems are taken from that file.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.contest import fairway_run, survival
from benchmarks.contest.inputs import Entry, build, pages_of
from benchmarks.contest.peer_runs import Bulk, Run
from benchmarks.contest.scoring import Score, scores
from benchmarks.documents.readers import READERS, NotInstalled, Reader
from benchmarks.starting import ROOT
from layers.version import VERSION

OUT = ROOT / "build" / "bench" / "contest.json"
FAIRWAY = f"Fairway {VERSION}"
OCRMYPDF = Reader(
    "OCRmyPDF 17.13, pdftotext and invoice2data 1.0.1",
    "ocrmypdf_reader.py",
    "requirements-ocrmypdf.txt",
)
PEERS = [reader for reader in READERS if reader.packages or reader.is_java] + [OCRMYPDF]


def main() -> None:
    arguments = _arguments()
    rows: dict[str, dict[str, Any]] = json.loads(OUT.read_text())["systems"] if arguments.only and OUT.exists() else {}
    with tempfile.TemporaryDirectory(prefix="fairway-bench-") as name:
        folder = Path(name)
        entries = build(arguments.data, folder / "files", arguments.files)
        pages = sum(map(pages_of, entries))
        troubled = entries[:: max(1, len(entries) // arguments.survival_files)]
        for system in [FAIRWAY, *(peer.name for peer in PEERS)]:
            if arguments.only and not any(system.lower().startswith(part.lower()) for part in arguments.only):
                continue
            try:
                rows[system] = (
                    _fairway(entries, troubled, folder) if system == FAIRWAY else _peer(system, entries, troubled)
                )
            except NotInstalled as reason:
                rows[system] = {"not measured": str(reason)}
            print(
                system, json.dumps({name: value for name, value in rows[system].items() if name != "files"}), flush=True
            )
            _save(rows, entries)
    _show(rows, len(entries), pages)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="a folder with receipts/, invoices/ and documents/")
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--only", nargs="*", help="only the systems whose names begin so")
    parser.add_argument("--survival-files", type=int, default=40, help="files in the run with a killed worker")
    return parser.parse_args()


def _fairway(entries: Sequence[Entry], troubled: Sequence[Entry], folder: Path) -> dict[str, Any]:
    (folder / "fairway").mkdir()
    with fairway_run.running(folder / "fairway") as fairway:
        run = fairway_run.read(fairway, [entry.path for entry in entries])
    judged = scores(entries, run.answers)
    survived = survival.of_fairway(troubled, _usable_of(troubled, entries, judged))
    return {
        **_row(entries, run, judged),
        "previews": run.previews,
        "thumbnails": run.thumbnails,
        "ready after, s": round(run.ready_s, 1),
        "survival": asdict(survived),
    }


def _peer(name: str, entries: Sequence[Entry], troubled: Sequence[Entry]) -> dict[str, Any]:
    reader = next(peer for peer in PEERS if peer.name == name)
    run = Bulk(reader, [entry.path for entry in entries]).work()
    judged = scores(entries, run.answers)
    survived = survival.of_peer(reader, troubled, _usable_of(troubled, entries, judged))
    return {**_row(entries, run, judged), "previews": None, "thumbnails": None, "survival": asdict(survived)}


def _usable_of(troubled: Sequence[Entry], entries: Sequence[Entry], judged: Sequence[Score]) -> list[bool]:
    by_path = {entry.path: score.is_usable for entry, score in zip(entries, judged, strict=True)}
    return [by_path[entry.path] for entry in troubled]


def _row(entries: Sequence[Entry], run: Run, judged: Sequence[Score]) -> dict[str, Any]:
    return {
        "usable": sum(score.is_usable for score in judged),
        "right": sum(score.right for score in judged),
        "wrong": sum(score.wrong for score in judged),
        "expected": sum(score.expected for score in judged),
        "died": sum(bool(answer.get("died")) for answer in run.answers.values()),
        "wall_s": round(run.wall_s, 1),
        "cpu_s": round(run.cpu_s, 1),
        "peak_mib": round(run.peak_mib),
        "files": [
            {"name": entry.path.name, "kind": entry.kind, **asdict(score), "error": _error(run, entry)}
            for entry, score in zip(entries, judged, strict=True)
        ],
    }


def _error(run: Run, entry: Entry) -> str | None:
    answer = run.answers.get(entry.path, {"error": "no answer"})
    return "died" if answer.get("died") else answer.get("error")


def _save(rows: Mapping[str, Any], entries: Sequence[Entry]) -> None:
    OUT.parent.mkdir(parents=True, exist_ok=True)
    about = {
        "date": str(date.today()),
        "machine": platform.platform(),
        "processors": os.cpu_count(),
        "files": len(entries),
    }
    OUT.write_text(json.dumps({**about, "systems": rows}, indent=1))


def _show(rows: Mapping[str, Mapping[str, Any]], files: int, pages: int) -> None:
    measured = {name: row for name, row in rows.items() if "not measured" not in row}
    table = Table(f"{files} files, {pages} pages", *measured)
    lines = {
        "files with usable text": lambda row: row["usable"],
        "values right, of those known": lambda row: f"{row['right']} of {row['expected']}",
        "values wrong": lambda row: row["wrong"],
        "previews, thumbnails": lambda row: (
            f"{row['previews']}, {row['thumbnails']}" if row["previews"] is not None else "none"
        ),
        "files a CPU second": lambda row: f"{files / row['cpu_s']:.2f}",
        "pages a CPU second": lambda row: f"{pages / row['cpu_s']:.2f}",
        "wall time, s": lambda row: row["wall_s"],
        "peak memory, MiB": lambda row: row["peak_mib"],
        "worker killed: files lost, hung": lambda row: f"{row['survival']['lost']}, {row['survival']['hung']}",
        "decompression bomb": lambda row: row["survival"]["bomb"],
        "the same file sent again": lambda row: row["survival"]["twice"],
        "another tenant's file, s": lambda row: f"{row['survival']['single_file_s']:.1f}",
    }
    for title, cell in lines.items():
        table.add_row(title, *(str(cell(row)) for row in measured.values()))
    Console(width=200).print(table)
    for name, row in rows.items():
        if "not measured" in row:
            print(f"{name} was not measured: {row['not measured']}")


if __name__ == "__main__":
    main()
