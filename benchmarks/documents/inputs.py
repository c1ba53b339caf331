"""The documents to read, with their known text, or values that a person sees on them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.starting import ROOT

CASES = ROOT / "tests" / "samples" / "cases"
SAMPLES = Path(__file__).with_name("samples.json")
NO_DOCUMENTS = {"LICENSE.md", "README.md"}
FOLDERS_OF_SAMPLES = (ROOT / "events" / "samples", ROOT / "tests" / "samples")
MADE_OF_ONE_TEXT = {"eng_spa_mult"}
NO_SAMPLES = {"LICENSES.md", "order-review.ppt.gz"}


@dataclass(frozen=True, slots=True)
class Document:
    """A file to read. `text` is its text if that is known. `values` are sets of right values, of which the best match
    counts; `never` are values that would be wrong."""

    path: Path
    text: str | None = None
    values: Sequence[Mapping[str, Any]] = ()
    never: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_known(self) -> bool:
        return self.text is not None or bool(self.values or self.never)


def documents(data: Path | None) -> list[Document]:
    """The cases, the project's samples and, if a folder is given, the files in its `documents`."""
    return [*_cases(), *_samples(), *(_of_folder(data / "documents") if data else ())]


def _cases() -> Iterator[Document]:
    for name, case in json.loads((CASES / "expected.json").read_text()).items():
        expected = case["expect"]
        choices = [choice for choice in (expected, *expected.get("any_of", ())) if choice.get("fields")]
        text = "\n".join(expected.get("text_contains", ())) or None
        yield Document(CASES / name, text, [choice["fields"] for choice in choices], expected.get("never", {}))


def _samples() -> Iterator[Document]:
    known = json.loads(SAMPLES.read_text())
    for folder in FOLDERS_OF_SAMPLES:
        for path in sorted(folder.iterdir()):
            if path.is_file() and path.name not in NO_SAMPLES:
                values = known.get(str(path.relative_to(ROOT)))
                yield Document(path, None, [values] if values else ())


def _of_folder(folder: Path) -> Iterator[Document]:
    names = {path.name for path in folder.iterdir()}
    for name in sorted(names - NO_DOCUMENTS):
        if not _is_expectation(name, names):
            yield Document(folder / name, _expected_text(folder, name, names))


def _is_expectation(name: str, names: set[str]) -> bool:
    """Whether a file is the text of another: `a.pdf.json` and `a.pdf.txt` are that of `a.pdf`, even if it is missing."""
    stem, _, ending = name.rpartition(".")
    return ending in ("json", "txt") and "." in stem and (stem in names or stem.rpartition(".")[2].isalpha())


def _expected_text(folder: Path, name: str, names: set[str]) -> str | None:
    """The text of a file: from `NAME.txt`, else from `NAME.json`, else the text from which several files were made."""
    if f"{name}.txt" in names:
        return (folder / f"{name}.txt").read_text()
    if f"{name}.json" in names:
        elements = json.loads((folder / f"{name}.json").read_text())
        return "\n".join(str(element.get("text", "")) for element in elements)
    stem, _, ending = name.rpartition(".")
    return (folder / f"{stem}.txt").read_text() if stem in MADE_OF_ONE_TEXT and ending != "txt" else None
