"""Extraction: find the values of the dataset's schema in the file's text."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from functions.ocr import ocr
from functions.text_artifact import TEXT, is_saved, save_text
from functions.textract import textract
from layers.attempts.work import Work
from layers.domain.errors import PermanentError
from layers.domain.extraction.barcodes import with_barcodes
from layers.domain.extraction.doubts import with_doubts
from layers.domain.extraction.mail_values import combined, message_and_attached_pages
from layers.domain.extraction.merging import merge
from layers.domain.extraction.schemas import resolve_references
from layers.domain.extraction.segments import documents_of
from layers.domain.extraction.structured import with_facts
from layers.domain.extraction.tables.checking import with_checked_sums
from layers.domain.extraction.windows import count_windows, cut
from layers.domain.file import File
from layers.domain.formats import Kind, kind_of
from layers.domain.learning.certainty import rated
from layers.domain.learning.memory import Example, recall
from layers.domain.learning.sender_keys import keys_of
from layers.domain.meter import Meter
from layers.domain.page import Extraction, Note, Page
from layers.domain.separation import Barcode
from layers.domain.step import RECORD, Artifact, Done, Part, Plan, Skip, Stop, step
from layers.ports import Extractor, Senders

RULES_COST_S = 0.05
WINDOW_COST_S = 5.0
MOST_STARTS_NAMED = 20


class Means(Protocol):
    """What reading a text needs: `Work` has it, and so has a dry run."""

    @property
    def extractor(self) -> Extractor: ...
    @property
    def meter(self) -> Meter: ...
    @property
    def senders(self) -> Senders: ...


def plan(file: File) -> Plan:
    if file.is_split:
        return Skip("its pages are files of their own")
    if file.is_kept_as_it_is:
        return Skip("the file contains no text to extract values from")
    if any(page.source for page in file.pages):
        if file.reach.window_bytes is None:
            return (Part(cost_estimate_s=RULES_COST_S),)
        count = count_windows(file.text_bytes, file.reach.window_bytes, file.reach.most_windows)
        return tuple(Part(cost_estimate_s=WINDOW_COST_S) for _ in range(count))
    for reader in (textract, ocr):
        if reader.name in file.failures:
            return Stop(*file.failures[reader.name])
    return Stop("no_text", "no text could be read on any page of the file")


def merge_windows(file: File) -> Done:
    """One record from all windows. It lists the windows that failed as missing."""
    failed = [f"window {part + 1} of {file.part_count}" for part in range(file.part_count) if part not in file.windows]
    unread = [f"page {number}" for number in file.unread_pages]
    whole = merge(file.windows, file.schema, [*failed, *unread], file.notes)
    return _record(file, with_barcodes(whole, file.barcodes, file.schema))


@step(
    plan=plan,
    makes=(TEXT, RECORD),
    merge=merge_windows,
    timeout_s=105,
    concurrency=20,
    slots_per_worker=1,
    parts_per_message=10,
    pays_by_call=True,
    depends_on="extraction",
)
def extraction(file: File, work: Work) -> Done:
    pages = work.pages()
    artifacts: Sequence[Artifact] = ()
    if file.part == 0 and not is_saved(file, pages):
        artifacts = (save_text(work, pages),)
        work.keep(artifacts[0])
    readable = [page for page in pages if page.source]
    documents = _documents(file, readable) if file.part == 0 else [readable]
    if file.part_count > 1:
        found = _extracted(file, work, readable)
        return Done(window=_with_notes(found, _notes_on_windows(documents)), artifacts=tuple(artifacts))
    return _record(file, _found_in(file, work, pages, documents), artifacts)


def found_in(file: File, means: Means, pages: Sequence[Page]) -> Extraction:
    """What a file contains that is read at once: the record of its first document, with those of the others.

    Raises PermanentError if it contains several documents and may not.
    """
    found = _found_in(file, means, pages, _documents(file, [page for page in pages if page.source]))
    return with_doubts(found, file.sure_from)


def _documents(file: File, readable: Sequence[Page]) -> list[list[Page]]:
    documents = documents_of(readable)
    if len(documents) > 1 and file.several == "fail":
        detail = f"the file contains {len(documents)} documents; upload each of them as a separate file"
        raise PermanentError("several_documents", detail)
    return documents


def _found_in(file: File, means: Means, pages: Sequence[Page], documents: Sequence[Sequence[Page]]) -> Extraction:
    unread = [f"page {page.number}" for page in pages if page.source is None]
    chosen = documents if file.several == "records" else documents[:1]
    first, *further = [
        with_barcodes(_extracted(file, means, document), barcodes, file.schema)
        for document, barcodes in zip(chosen, _barcodes_of(file, documents), strict=False)
    ]
    whole = merge({0: first}, file.schema, unread, (*file.notes, *_notes_on_documents(file, documents)))
    others = tuple(
        merge({0: found}, file.schema, notes=_note_on_further(number, documents))
        for number, found in enumerate(further, 2)
    )
    return replace(whole, further=others)


def _barcodes_of(file: File, documents: Sequence[Sequence[Page]]) -> list[list[Barcode]]:
    """The barcodes of each document: those on its pages, and on pages without text before the next one begins."""
    if len(documents) == 1:
        return [list(file.barcodes)]
    starts = [document[0].number for document in documents[1:]]
    found: list[list[Barcode]] = [[] for _ in documents]
    for barcode in file.barcodes:
        found[bisect_right(starts, barcode.page)].append(barcode)
    return found


def _extracted(file: File, means: Means, pages: Sequence[Page]) -> Extraction:
    is_mail = kind_of(file.media_type) is Kind.MAIL
    message, attached = message_and_attached_pages(pages) if is_mail else ([], pages)
    if message and attached and file.reach.window_bytes is None:  # a model reads both at once
        return combined(_read(file, means, attached), _read(file, means, message))
    return _read(file, means, pages)


def _read(file: File, means: Means, pages: Sequence[Page]) -> Extraction:
    windows = cut(pages, file.part_count, file.reach.window_bytes)
    window = windows[file.part]
    examples = _examples(file, means, window.pages)
    window = replace(window, date_order=file.date_order, examples=tuple(example.values for example in examples))
    found = with_facts(means.extractor.extract(window, file.schema, means.meter), window.pages, file.schema)
    return rated(recall(found, window.pages, resolve_references(file.schema), examples))


def _examples(file: File, means: Means, pages: Sequence[Page]) -> Sequence[Example]:
    """What people have corrected or approved in documents of the dataset that may have the same sender."""
    if not file.has_memory or file.part > 0:  # the sender is named where the document begins
        return ()
    keys = keys_of(pages)
    return means.senders.examples(file, keys) if keys else ()


def _notes_on_documents(file: File, documents: Sequence[Sequence[Page]]) -> tuple[Note, ...]:
    if len(documents) == 1:
        return ()
    starts = ", ".join(str(document[0].number) for document in documents[:MOST_STARTS_NAMED])
    more = " and others" if len(documents) > MOST_STARTS_NAMED else ""
    which = "; this is the first of them" if file.several == "first" else ""
    return (Note(f"the file contains {len(documents)} documents, which begin on pages {starts}{more}{which}"),)


def _note_on_further(number: int, documents: Sequence[Sequence[Page]]) -> tuple[Note, ...]:
    page = documents[number - 1][0].number
    return (Note(f"this is document {number} of {len(documents)} in the file, which begins on page {page}"),)


def _notes_on_windows(documents: Sequence[Sequence[Page]]) -> tuple[Note, ...]:
    """A long text is read in windows, and it is unknown which document a value of a window belongs to."""
    count = len(documents)
    return (Note(f"the file contains {count} documents and has one record for all", lost=True),) if count > 1 else ()


def _with_notes(found: Extraction, notes: tuple[Note, ...]) -> Extraction:
    return replace(found, notes=(*found.notes, *notes))


def _record(file: File, found: Extraction, artifacts: Sequence[Artifact] = ()) -> Done:
    found_by = "rules" if file.reach.window_bytes is None else "model"
    if found_by == "model":
        further = tuple(with_checked_sums(document, file.schema) for document in found.further)
        found = replace(with_checked_sums(found, file.schema), further=further)
    found = replace(with_doubts(found, file.sure_from), found_by=found_by)
    complete = all(extracted.is_complete for extracted in (found, *found.further))
    return Done(extraction=found, complete=complete, artifacts=tuple(artifacts))
