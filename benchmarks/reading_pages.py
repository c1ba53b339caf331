"""How well OCR reads labelled receipts: word recall, fields found, CPU seconds a page.

    python -m benchmarks.reading_pages DATA_FOLDER

DATA_FOLDER holds `receipts/` with labels.json and words/*.csv. Tesseract alone reads them, as the OCR step has it.
"""

from __future__ import annotations

import csv
import json
import re
import resource
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.extraction_fields import SCHEMA, receipt_scores
from layers.decoders import ocr
from layers.domain.extraction.rules import extract
from layers.domain.page import Page, Word


def words_of(text: str) -> Counter[str]:
    return Counter(re.findall(r"[A-Z0-9]+", text.upper()))


def read(path: Path) -> tuple[str, dict[str, Any], float]:
    """The file's name, its page as read, and the CPU seconds that took, Tesseract's included."""
    before = _cpu_s()
    page = ocr.read_pages(str(path), "image/jpeg", [1], ["eng"])[0]
    return path.name, page, _cpu_s() - before


def _cpu_s() -> float:
    own, below = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + below.ru_utime + below.ru_stime


def main() -> None:
    receipts = Path(sys.argv[1]) / "receipts"
    labels = json.loads((receipts / "labels.json").read_text())
    found, wanted, cpu_s = 0, 0, 0.0
    fields: Counter[str] = Counter()
    with ProcessPoolExecutor(2) as pool:
        for name, page, took_s in pool.map(read, sorted(receipts.glob("*.jpg"))):
            truth: Counter[str] = Counter()
            for row in csv.reader((receipts / "words" / f"{Path(name).stem}.csv").open(), quoting=csv.QUOTE_NONE):
                truth += words_of(",".join(row[8:]))
            found += sum((truth & words_of(page["text"])).values())
            wanted += sum(truth.values())
            cpu_s += took_s
            words = tuple(Word(*word) for word in page["words"])
            read_page = Page(1, page["text"], words, "ocr", page["confidence"], page["width"], page["height"])
            for field, right in receipt_scores(labels[name], extract([read_page], SCHEMA).fields).items():
                fields[field] += right
    result = {
        "recall": round(found / wanted, 3),
        **fields,
        "of": len(labels),
        "cpu_s_page": round(cpu_s / len(labels), 3),
    }
    print(result)
    out = Path("build/bench/reading_pages.json")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
