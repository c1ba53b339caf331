"""Textract: a reader that charges by the page, for pages that OCR could not read or was unsure of."""

from __future__ import annotations

from functions.ocr import ocr
from functions.text_artifact import TEXT, save_text
from layers.attempts.work import Work
from layers.domain.errors import DependencyDown
from layers.domain.fairness import SLICE_S
from layers.domain.file import File
from layers.domain.page import Page
from layers.domain.paid_reading import reads_by_one_job
from layers.domain.step import Artifact, Done, Part, Plan, Skip, step

PAGE_COST_S = 2.0


def plan(file: File) -> Plan:
    if file.is_split:
        return Skip("its pages are files of their own")
    if not file.can_be_seen and not file.shows_scans_as_pages:
        return Skip("only pictures and pages that can be drawn are read by Textract")
    pages = _doubtful_pages(file) if file.can_be_seen else _doubtful_scans(file)
    if not pages:
        return Skip("OCR was sure" if any(page.source == "ocr" for page in file.pages) else "nothing was left to read")
    if reads_by_one_job(file, len(pages)):
        return (Part(pages, cost_estimate_s=SLICE_S),)
    # Each page is a separate part, so that a page that fails does not make another one be paid for twice.
    return tuple(Part((number,), PAGE_COST_S) for number in pages)


def _doubtful_pages(file: File) -> tuple[int, ...]:
    """Pages that were not read, or that OCR was unsure of. `pages` lacks those of a picture where OCR failed."""
    known = {page.number: page for page in file.pages}
    numbers = range(1, file.page_total + 1) if file.is_image or ocr.name in file.failures else sorted(known)
    return tuple(
        number
        for number in numbers
        if (page := known.get(number)) is None
        or page.source is None
        or (page.source == "ocr" and page.confidence < file.reach.sure_from)
    )


def _doubtful_scans(file: File) -> tuple[int, ...]:
    """Scans in a document or a mail where OCR was unsure or failed. On the others it found no text."""
    read = {page.number for page in file.pages if page.source == "ocr"}
    return tuple(number for number in _doubtful_pages(file) if number in read or ocr.name in file.failures)


def _does_without(file: File) -> bool:
    """Whether the dataset accepts the best reading so far instead of waiting. Without any reading the step waits."""
    return file.when_textract_is_down == "best_reading" and any(page.source for page in file.pages)


@step(
    plan=plan,
    word="Textract",
    counted_in="page",
    makes=(TEXT,),
    page_source="textract",
    timeout_s=60,
    concurrency=10,
    slots_per_worker=6,
    pays_by_call=True,
    depends_on="textract",
    does_without=_does_without,
    continues_after_failure=True,
)
def textract(file: File, work: Work) -> Done | Skip:
    if work.paid_reader is None:
        return Skip("Amazon Textract is not configured")
    numbers = file.page_numbers or tuple(range(1, (file.page_count or 1) + 1))
    known = {page.number: page for page in work.pages()}  # before anything is paid for, as the store may be unreachable
    pages = work.paid_reader.read(file, numbers, token_of(file), work.page_picture, work.meter)
    better = [page for page in pages if page.source and page.confidence >= _confidence(known.get(page.number))]
    known |= {page.number: page for page in better}
    if not better:
        return Done(reason="Amazon Textract read nothing better")
    if file.part_count > 1:
        return Done(pages=tuple(better))  # other pages are being read; extraction stores the whole text
    return Done(pages=tuple(better), artifacts=_saved(work, [known[number] for number in sorted(known)]))


def _saved(work: Work, pages: list[Page]) -> tuple[Artifact, ...]:
    """The artifact of the whole text, or none if the object store is down: extraction stores the text too, and a retry
    of this step would pay for the pages again."""
    try:
        return (save_text(work, pages),)
    except DependencyDown:
        return ()


def token_of(file: File) -> str:
    """The name of a file's job at Textract. All attempts and parts use the same, to find the same job; a redrive gets a
    new one."""
    return f"{file.file_id}-textract" + (f"-{file.redrives}" if file.redrives else "")


def _confidence(page: Page | None) -> float:
    return page.confidence if page is not None and page.source else 0.0
