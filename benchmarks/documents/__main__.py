"""How well documents of many kinds are read, compared with Apache Tika, markitdown, unstructured and kreuzberg.

    python -m benchmarks.documents [DATA_FOLDER] [--known] [--only NAME ...]

It reads the cases in `tests/samples/cases`, the project's samples and, where DATA_FOLDER is given, the files in its
`documents/`, some of which have their text beside them as `NAME.txt` or `NAME.json`. Peers are installed into
`~/.cache/fairway/document-peers`; Tika needs Java and Maven. The table is printed; details of each document are written
to build/bench/documents.json.
"""

from __future__ import annotations

import argparse
import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.documents.inputs import Document, documents
from benchmarks.documents.readers import READERS, NotInstalled, Reading, read
from benchmarks.documents.scoring import details, row, scores

OUT = Path("build/bench/documents.json")


def main() -> None:
    arguments = _arguments()
    wanted = documents(arguments.data)
    if arguments.known:
        wanted = [document for document in wanted if document.is_known]
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
    parser.add_argument(
        "--only",
        nargs="*",
        help="run only the readers whose names begin so, and take the results of the others from an earlier run",
    )
    parser.add_argument("--known", action="store_true", help="only documents whose text or values are known")
    return parser.parse_args()


def _readings(wanted: list[Document], only: list[str] | None) -> tuple[dict[str, Reading], dict[str, str]]:
    """The results of each reader, from this run or, with `--only`, from an earlier run of the same documents; and for
    the others, why they were not measured."""
    readings: dict[str, Reading] = {}
    missing: dict[str, str] = {}
    paths = [document.path for document in wanted]
    for reader in READERS:
        stored = OUT.parent / f"documents-{reader.program.partition('_')[0].partition('.')[0]}.json"
        if only and not any(reader.name.lower().startswith(name.lower()) for name in only):
            if (kept := _stored(stored, paths)) is not None:
                readings[reader.name] = kept
            continue
        try:
            readings[reader.name] = read(reader, paths)
        except NotInstalled as reason:
            missing[reader.name] = str(reason)
            continue
        OUT.parent.mkdir(parents=True, exist_ok=True)
        stored.write_text(json.dumps({"paths": list(map(str, paths)), "reading": asdict(readings[reader.name])}))
    return readings, missing


def _stored(file: Path, paths: list[Path]) -> Reading | None:
    content = json.loads(file.read_text()) if file.exists() else {}
    return Reading(**content["reading"]) if content.get("paths") == list(map(str, paths)) else None


def _show(rows: list[dict[str, str]]) -> None:
    table = Table("", *list(rows[0])[1:])
    for cells in rows:
        table.add_row(*cells.values())
    Console(width=150).print(table)


if __name__ == "__main__":
    main()
