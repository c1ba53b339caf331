"""Batch separation: make a file of the same batch from each document of a scan, as a batch asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from layers.attempts.work import Work
from layers.domain.errors import PermanentError
from layers.domain.extraction.barcodes import asks_for_barcodes
from layers.domain.file import File
from layers.domain.formats import SEEN, kind_of
from layers.domain.page import Identity, Member, Note
from layers.domain.separation import (
    MOST_SEPARATED_PAGES,
    SEPARABLE,
    Barcode,
    PageMarks,
    Separated,
    name_of_part,
    separate,
)

COPIED_AT_ONCE = 20  # files


def marks_of(file: File, work: Work, identity: Identity) -> tuple[list[PageMarks], tuple[Note, ...]]:
    """The marks on the pages, if the batch separates scans or the schema asks for barcodes; and a note if some were not
    looked at."""
    is_separated = _is_separated(file, identity)
    if not is_separated and not (asks_for_barcodes(file.schema) and kind_of(identity.media_type) in SEEN):
        return [], ()
    count = identity.page_count or 1
    if is_separated and count > MOST_SEPARATED_PAGES:
        raise PermanentError(
            "too_large",
            f"the scan has {count} pages; at most {MOST_SEPARATED_PAGES} can be separated; upload it in several files",
        )
    read = min(count, MOST_SEPARATED_PAGES)
    notes = (Note(f"barcodes were read on the first {read} pages only", lost=True),) if read < count else ()
    return work.documents.page_marks(work.original(), identity.media_type, range(1, read + 1)), notes


def barcodes_for(file: File, marks: Sequence[PageMarks]) -> tuple[Barcode, ...]:
    """The barcodes that the record may show."""
    return tuple(barcode for page in marks for barcode in page.barcodes) if asks_for_barcodes(file.schema) else ()


def split(file: File, work: Work, identity: Identity, marks: Sequence[PageMarks]) -> Separated | None:
    """Announce and store a file for each document of the scan. None if the batch does not separate it.

    It can be repeated after a crash, as `functions/archives.py`: the same pages give the same bytes. An attempt after the
    one that was recorded repeats its separation, whatever this release finds on the pages. A part is never separated again.
    """
    if not _is_separated(file, identity) or file.separation is None:
        return None
    found = file.separated or separate(marks, file.separation)
    taken = sum(_store(file, work, identity, found, start) for start in range(0, len(found.files), COPIED_AT_ONCE))
    known = len(found.files) - taken
    if file.separated or known == 0:
        return found
    return replace(found, reason=f"{found.reason}; {known} of the files were in the dataset already")


def _store(file: File, work: Work, identity: Identity, found: Separated, start: int) -> int:
    chosen, folder = found.files[start : start + COPIED_AT_ONCE], work.members_folder()
    copied = work.documents.copy_pages(work.original(), identity.media_type, chosen, folder)
    return work.store_members([_part(file, member, start, chosen[member.index]) for member in copied], folder)


def _part(file: File, member: Member, start: int, pages: Sequence[int]) -> Member:
    return replace(
        member,
        index=start + member.index,
        name=name_of_part(file.name, pages),
        first_page=pages[0],
        last_page=pages[-1],
    )


def _is_separated(file: File, identity: Identity) -> bool:
    return file.separation is not None and identity.media_type in SEPARABLE
