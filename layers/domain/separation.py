"""Batch separation: which pages of a scan become files of their own, from the barcodes and the ink on each page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any, Literal, NamedTuple

from layers.domain.page import Box

BlankPages = Literal["keep", "drop", "separate"]
PATCH_T = "PATCHT"  # the text of the barcodes on common separator sheets
ANY_ENDING = "*"
MOST_SEPARATED_PAGES = 300  # a page takes 0.2 s: they fit into the time limit of intake
SEPARABLE = frozenset({"application/pdf", "image/tiff"})
MOST_NAMED_PAGES = 20


class Barcode(NamedTuple):
    """A barcode on a page, numbered from 1; its box is in fractions of the page as it is shown."""

    page: int
    format: str
    text: str
    box: Box

    def starts(self, pattern: str) -> bool:
        """Whether it has this text, or begins with it if the pattern ends with `*`."""
        if pattern.endswith(ANY_ENDING):
            return self.text.startswith(pattern[: -len(ANY_ENDING)])
        return self.text == pattern


def barcodes_of(rows: Iterable[Sequence[Any]] | None) -> tuple[Barcode, ...]:
    """Barcodes as they were stored. A newer release may store more of a barcode, which is ignored."""
    return tuple(Barcode(int(page), str(name), str(text), tuple(box)) for page, name, text, box, *_ in rows or ())


@dataclass(frozen=True, slots=True)
class PageMarks:
    """What tells pages apart: the barcodes, and the share of the page (0 to 1) that has ink. `is_blank`: nothing is on
    it."""

    number: int
    barcodes: tuple[Barcode, ...]
    ink: float
    is_blank: bool


@dataclass(frozen=True, slots=True)
class Separation:
    """How a batch separates scans.

    `separators` are the texts of barcodes on separator sheets, which are left out. A page with a barcode of `first_pages`
    begins a file and stays in it. A text that ends with `*` stands for all that begin like it. `blank_pages`: `keep` them,
    `drop` them from the files that a scan is split into, or `separate` there, without them.
    """

    separators: tuple[str, ...] = (PATCH_T,)
    first_pages: tuple[str, ...] = ()
    blank_pages: BlankPages = "keep"

    def as_json(self) -> dict[str, Any]:
        return {
            "separators": list(self.separators),
            "first_pages": list(self.first_pages),
            "blank_pages": self.blank_pages,
        }


def separation_from_json(stored: Mapping[str, Any] | None) -> Separation | None:
    if stored is None:
        return None
    return Separation(tuple(stored["separators"]), tuple(stored["first_pages"]), stored["blank_pages"])


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A page that is in none of the files. `ink` is its share of ink; `text` is that of the separator's barcode."""

    page: int
    why: Literal["separator", "blank"]
    ink: float
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Separated:
    """What a scan was separated into: the pages of each file, and the pages that were left out. Without `files` it stays
    one file, for the `reason`."""

    files: tuple[tuple[int, ...], ...]
    left_out: tuple[LeftOut, ...] = ()
    reason: str = ""

    def as_json(self) -> dict[str, Any]:
        return {
            "files": [list(pages) for pages in self.files],
            "left_out": [asdict(page) for page in self.left_out],
            "reason": self.reason,
        }


def separated_from_json(stored: Mapping[str, Any] | None) -> Separated | None:
    if stored is None:
        return None
    left_out = tuple(LeftOut(page["page"], page["why"], page["ink"], page["text"]) for page in stored["left_out"])
    return Separated(tuple(tuple(pages) for pages in stored["files"]), left_out, stored["reason"])


def separate(pages: Sequence[PageMarks], how: Separation) -> Separated:
    """The files that a scan is split into. Every page is in exactly one file or left out, in order."""
    files: list[list[int]] = [[]]
    left_out: list[LeftOut] = []
    is_split = False
    for page in pages:
        separator = _first(page, how.separators)
        begins = separator is not None or (page.is_blank and how.blank_pages == "separate")
        if begins or _first(page, how.first_pages) is not None:
            is_split = True
            files.append([])
        if separator is not None:
            left_out.append(LeftOut(page.number, "separator", page.ink, separator.text))
        elif page.is_blank and how.blank_pages != "keep":
            left_out.append(LeftOut(page.number, "blank", page.ink))
        else:
            files[-1].append(page.number)
    whole = tuple(tuple(numbers) for numbers in files if numbers)
    if not is_split:
        return Separated((), reason=_unsplit_reason(left_out))
    if not whole:
        return Separated((), reason="it has separator pages only, so it stays one file")
    return Separated(whole, tuple(left_out), _reason(whole, left_out))


def _first(page: PageMarks, patterns: Sequence[str]) -> Barcode | None:
    return next((code for code in page.barcodes if any(code.starts(pattern) for pattern in patterns)), None)


def _unsplit_reason(left_out: Sequence[LeftOut]) -> str:
    blank = [page.page for page in left_out]
    return "no separator page was found, so it stays one file" + (
        f" with its blank {named_pages(blank)}" if blank else ""
    )


def _reason(files: Sequence[Sequence[int]], left_out: Sequence[LeftOut]) -> str:
    parts = [f"separated into {len(files)} file{'s' if len(files) > 1 else ''}"]
    for why, word in (("separator", "separator"), ("blank", "blank")):
        if numbers := [page.page for page in left_out if page.why == why]:
            parts.append(f"{word} {named_pages(numbers)} left out")
    return "; ".join(parts)


def named_pages(numbers: Sequence[int]) -> str:
    """`page 3`, or `pages 3, 5`, with at most MOST_NAMED_PAGES numbers."""
    shown = ", ".join(map(str, numbers[:MOST_NAMED_PAGES]))
    more = f" and {len(numbers) - MOST_NAMED_PAGES} more" if len(numbers) > MOST_NAMED_PAGES else ""
    return f"page{'s' if len(numbers) > 1 else ''} {shown}{more}"


def name_of_part(name: str, pages: Sequence[int]) -> str:
    """The name of the file with these pages of a scan: `scan, pages 2-4.pdf`."""
    path = PurePosixPath(name)
    first, last = pages[0], pages[-1]
    which = f"page {first}" if first == last else f"pages {first}-{last}"
    return f"{path.stem}, {which}{path.suffix}" if path.stem else f"{name}, {which}"
