"""OCR: read the pages that have no text of their own, by a reader on our own machines."""

from __future__ import annotations

from functions.text_artifact import save_text
from layers.domain.fairness import SLICE_S
from layers.domain.file import File
from layers.domain.lifecycle import slices
from layers.domain.retry import RetryPolicy
from layers.domain.step import Done, Plan, Skip, step
from layers.work import Work

PAGE_COST_S = 1.0


def plan(file: File) -> Plan:
    if not file.can_be_seen:
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
    timeout_s=170,
    retry=RetryPolicy(max_attempts=3),
    goes_on_after_failure=True,
    depends_on="ocr",
    gives_way_to="textract",
)
def ocr(file: File, work: Work) -> Done:
    assert file.media_type is not None
    pages = work.documents.read_images(work.original(), file.media_type, file.page_numbers)
    known = {page.number: page for page in work.pages()} | {page.number: page for page in pages}
    all_read = len(known) == (file.page_count or 1) and all(page.source for page in known.values())
    artifacts = (save_text(work, [known[number] for number in sorted(known)]),) if all_read else ()
    return Done(pages=tuple(pages), artifacts=artifacts)
