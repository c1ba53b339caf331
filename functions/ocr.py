"""OCR: recognise the text of pages that contain none, on this machine."""

from __future__ import annotations

from functions.text_artifact import TEXT, save_text
from layers.attempts.work import Work
from layers.domain.fairness import SLICE_S
from layers.domain.file import File
from layers.domain.page import Page, notes_of
from layers.domain.retry import RetryPolicy
from layers.domain.slicing import slices
from layers.domain.step import Artifact, Done, Plan, Skip, step

PAGE_COST_S = 1.0


def plan(file: File) -> Plan:
    if file.is_split:
        return Skip("its pages are files of their own")
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
    pages = work.documents.read_images(
        work.original(), file.media_type, file.page_numbers, file.languages, file.reading, file.schema
    )
    return Done(pages=tuple(pages), artifacts=_whole_text(file, work, pages), notes=notes_of(pages))


def _whole_text(file: File, work: Work, pages: list[Page]) -> tuple[Artifact, ...]:
    """The text of the whole file, once all its pages have been read."""
    if not all(page.source for page in pages):
        return ()
    if len(pages) == file.page_total:
        return (save_text(work, pages),)
    if not work.read_all_besides([page.number for page in pages]):
        return ()  # a file of 2,000 pages has 200 parts; each would load the pages of all
    known = {page.number: page for page in (*work.pages(), *pages)}
    return (save_text(work, [known[number] for number in sorted(known)]),)
