"""OCR: recognise the text of pages that contain none, on this machine.

Tesseract reads all of them. The second reader, if it is installed, then reads the pages of which Tesseract was unsure,
and short scans in which the dataset's required values can't be found.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from functions.text_artifact import TEXT, save_text
from layers.attempts.work import Work
from layers.domain.extraction.rules import missing_fields
from layers.domain.fairness import SLICE_S
from layers.domain.file import File
from layers.domain.page import Page, notes_of
from layers.domain.retry import RetryPolicy
from layers.domain.slicing import slices
from layers.domain.step import Done, Plan, Skip, step

PAGE_COST_S = 1.0
SECOND_READER_FLOOR = 65.0
MOST_PAGES_FOR_FIELDS = 2
LEAST_KEPT = 0.6


def plan(file: File) -> Plan:
    if not file.can_be_seen and not file.is_scanned_in_part:
        return Skip("only pictures and pages that can be drawn are read by OCR")
    pages = tuple(range(1, (file.page_count or 1) + 1)) if file.is_image else file.unread_pages
    if file.is_image:
        read = {page.number for page in file.pages if page.source}
        pages = tuple(number for number in pages if number not in read)
    if not pages:
        return Skip("the file's own text is enough")
    return slices(pages, PAGE_COST_S, SLICE_S)


@step(
    plan=plan,
    word="OCR",
    makes=(TEXT,),
    page_source="ocr",
    timeout_s=170,
    concurrency=40,
    retry=RetryPolicy(max_attempts=3),
    depends_on="ocr",
    fallback="textract",
    continues_after_failure=True,
)
def ocr(file: File, work: Work) -> Done:
    assert file.media_type is not None
    pages = work.documents.read_images(work.original(), file.media_type, file.page_numbers, file.languages)
    known = {page.number: page for page in (*work.pages(), *pages)}
    for page in read_again(file, work, known, pages):
        known[page.number] = page
    pages = [known[page.number] for page in pages]
    all_read = len(known) == file.page_total and all(page.source for page in known.values())
    artifacts = (save_text(work, [known[number] for number in sorted(known)]),) if all_read else ()
    return Done(pages=tuple(pages), artifacts=artifacts, notes=notes_of(pages))


def read_again(file: File, work: Work, known: dict[int, Page], pages: Sequence[Page]) -> list[Page]:
    """Those of the second reader's pages that are better."""
    reader = work.second_reader
    if reader is None or file.media_type is None or not reader.reads(file.languages):
        return []
    unsure = [page for page in pages if page.source is None or page.confidence < SECOND_READER_FLOOR]
    # The built-in rules check whether the required values can be found, also if another extractor runs later:
    # returning to OCR from extraction would be a loop in the pipeline.
    is_short_scan = len(pages) <= MOST_PAGES_FOR_FIELDS and len(known) == file.page_total
    lacks_fields = is_short_scan and bool(missing_fields(list(known.values()), file.schema, date.today()))
    wanted = list(pages) if lacks_fields else unsure
    if not wanted:
        return []
    again = reader.read_again(work.original(), file.media_type, wanted)
    return [second for first, second in zip(wanted, again, strict=True) if _is_better(second, first, file)]


def _is_better(second: Page, first: Page, file: File) -> bool:
    """Compares the values found. The second reader is confident about every page, so confidence can't decide."""
    if second.source is None:
        return False
    missing, missing_before = (len(missing_fields([page], file.schema, date.today())) for page in (second, first))
    keeps_text = len(second.text) >= LEAST_KEPT * len(first.text)
    return missing < missing_before or (missing == missing_before and keeps_text)
