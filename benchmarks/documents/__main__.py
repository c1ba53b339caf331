"""How well documents of many kinds are read, compared with Apache Tika, markitdown, unstructured and kreuzberg.

    python -m benchmarks.documents [DATA_FOLDER] [--only NAME ...] [--limit COUNT]

It reads the cases in `tests/samples/cases`, the project's samples and, where DATA_FOLDER is given, the files in its
`documents/`, some of which have their text beside them as `NAME.txt` or `NAME.json`. Peers are installed into
`~/.cache/fairway/document-peers`; Tika needs Java and Maven. The table is printed; details of each document are written
to build/bench/documents.json.
"""

from __future__ import annotations

import argparse
import json
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.documents.inputs import documents
from benchmarks.documents.readers import READERS, NotInstalled, Reading, read
from benchmarks.documents.scoring import details, row, scores

OUT = Path("build/bench/documents.json")


def main() -> None:
    arguments = _arguments()
    wanted = documents(arguments.data)[: arguments.limit]
    readings, missing = _readings(wanted, arguments.only)
    with ProcessPoolExecutor(1) as pool:
        scored = {name: scores(wanted, reading, pool) for name, reading in readings.items()}
    read_by_any = [any(score.has_text for score in own) for own in zip(*scored.values(), strict=True)]
    rows = [row(name, readings[name], own, read_by_any) for name, own in scored.items()]
    _show(rows)
    for name, reason in missing.items():
        print(f"{name} was not measured: {reason}")
    OUT.parent.mkdir(parents=True, exist_ok=True)
    found = {name: details(wanted, readings[name], own) for name, own in scored.items()}
    OUT.write_text(json.dumps({"table": rows, "not measured": missing, "documents": found}, indent=1))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="?", help="a folder with documents/")
    parser.add_argument("--only", nargs="*", help="read with these only: the beginnings of their names")
    parser.add_argument("--limit", type=int, help="read so many documents only")
    return parser.parse_args()


def _readings(wanted: list[Any], only: list[str] | None) -> tuple[dict[str, Reading], dict[str, str]]:
    """What each reader read, and why the others were not measured."""
    readings: dict[str, Reading] = {}
    missing: dict[str, str] = {}
    for reader in READERS:
        if only and not any(reader.name.lower().startswith(name.lower()) for name in only):
            continue
        try:
            readings[reader.name] = read(reader, [document.path for document in wanted])
        except NotInstalled as reason:
            missing[reader.name] = str(reason)
    return readings, missing


def _show(rows: list[dict[str, str]]) -> None:
    table = Table("", *list(rows[0])[1:])
    for one in rows:
        table.add_row(*one.values())
    Console(width=150).print(table)


if __name__ == "__main__":
    main()
