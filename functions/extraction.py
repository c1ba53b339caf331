"""Extraction: from the text of a file to the values of its dataset's schema."""

from __future__ import annotations

from functions.text_artifact import save_text
from layers.domain.file import File
from layers.domain.page import Extraction
from layers.domain.step import Done, Part, Plan, Skip, Stop, step
from layers.work import Work


def plan(file: File) -> Plan:
    if file.is_kept_as_it_is:
        return Skip("the file holds no text to take values from")
    if any(page.source for page in file.pages):
        return (Part(cost_estimate_s=0.2),)
    for reader in ("textract", "ocr"):
        if reader in file.failures:
            return Stop(*file.failures[reader])
    return Stop("no_text", "no text could be read on any page of the file")


@step(plan=plan, timeout_s=90, depends_on="extraction")
def extraction(file: File, work: Work) -> Done:
    pages = work.pages()
    unread = [page.number for page in pages if page.source is None]
    artifact = save_text(work, pages)
    work.keep(artifact)
    found = work.extractor.extract([page for page in pages if page.source], file.schema)
    missing = (*found.missing, *(f"page {number}" for number in unread))
    return Done(
        extraction=Extraction(found.fields, missing, found.evidence), complete=not missing, artifacts=(artifact,)
    )
