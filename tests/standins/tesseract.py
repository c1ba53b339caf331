"""A stand-in for Tesseract's program: it reads no image and returns preset words at once.

Its path goes into FAIRWAY_TESSERACT. Decoders may read no other file of this machine, so the words are in the script
itself, which is rewritten in place at each change.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

Word = tuple[str, int]  # a word and its confidence
SURE: Sequence[Word] = (("Invoice", 96), ("of", 95), ("a", 95), ("standin", 96), ("Total", 96), ("9.00", 95))
UNSURE: Sequence[Word] = (("Invoice", 90), ("smudged", 12), ("blurred", 15), ("Total", 11), ("9.00", 10))
COLUMNS = [
    "level",
    "page_num",
    "block_num",
    "par_num",
    "line_num",
    "word_num",
    "left",
    "top",
    "width",
    "height",
    "conf",
    "text",
]
TRIES = 50


class Tesseract:
    """The program at a path. After `fail` it ends with an error on every page; after `read` it finds these words."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.read(SURE)
        path.chmod(0o755)

    def fail(self) -> None:
        self._write("echo 'failed on command' >&2; exit 1")

    def read(self, words: Sequence[Word]) -> None:
        rows = ["\t".join(COLUMNS)]
        for number, (text, confidence) in enumerate(words, 1):
            rows.append("\t".join(map(str, (5, 1, 1, 1, 1, number, 40 * number, 40, 36, 20, confidence, text))))
        table = "\\n".join(row.replace("\t", "\\t") for row in rows)
        self._write(f"printf '{table}\\n' > \"$2.tsv\"")

    def _write(self, on_a_page: str) -> None:
        script = f'#!/bin/sh\ncase "$1" in --version) echo "tesseract 5.5.0"; exit 0;; esac\n{on_a_page}\n'
        for _ in range(TRIES):
            try:
                with self.path.open("r+" if self.path.exists() else "w") as file:
                    file.write(script)
                    file.truncate()
                return
            except OSError:  # it is being executed (text file busy)
                time.sleep(0.01)
        raise TimeoutError(f"{self.path} could not be written")
