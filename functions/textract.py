"""Textract: the second reader, paid by the page, for pages that OCR could not read or was unsure of."""

from __future__ import annotations

from functions.text_artifact import save_text
from layers.domain.file import File
from layers.domain.step import Done, Part, Plan, Skip, step
from layers.work import Work

CONFIDENCE_FLOOR = 70.0


def plan(file: File) -> Plan:
    if not file.can_be_seen:
        return Skip("only pictures and pages that can be drawn are read by Textract")
    if "ocr" not in file.failures and not _doubtful_pages(file):
        return Skip("OCR was sure" if any(page.source == "ocr" for page in file.pages) else "nothing was left to read")
    return (Part(_doubtful_pages(file), cost_estimate_s=2.0),)


def _doubtful_pages(file: File) -> tuple[int, ...]:
    return tuple(
        page.number
        for page in file.pages
        if page.source is None or (page.source == "ocr" and page.confidence < CONFIDENCE_FLOOR)
    )


def _does_without(file: File) -> bool:
    """Whether the dataset takes the best reading there is rather than wait; where there is none, it waits."""
    return file.when_textract_is_down == "best_reading" and any(page.source for page in file.pages)


@step(
    plan=plan,
    timeout_s=60,
    goes_on_after_failure=True,
    pays_by_call=True,
    depends_on="textract",
    goes_on_without=_does_without,
)
def textract(file: File, work: Work) -> Done | Skip:
    if work.paid_reader is None:
        return Skip("Amazon Textract is not configured")
    numbers = file.page_numbers or tuple(range(1, (file.page_count or 1) + 1))
    # The token comes from file and step, so that a second attempt finds the first one's job.
    pages = work.paid_reader.read(file, numbers, token=f"{file.file_id}-textract")
    known = {page.number: page for page in work.pages()}
    better = [page for page in pages if page.confidence >= _confidence(known.get(page.number))]
    known |= {page.number: page for page in better}
    return Done(pages=tuple(better), artifacts=(save_text(work, [known[number] for number in sorted(known)]),))


def _confidence(page: object) -> float:
    return getattr(page, "confidence", 0.0) if getattr(page, "source", None) else 0.0
