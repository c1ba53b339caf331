"""Text: read the text that the file contains; pages without text are left to OCR."""

from __future__ import annotations

from functions.text_artifact import TEXT, save_text
from layers.attempts.work import Work
from layers.domain import estimates
from layers.domain.errors import PermanentError
from layers.domain.file import File
from layers.domain.page import Page, notes_of
from layers.domain.step import Done, Plan, Skip, step, whole_file


def plan(file: File) -> Plan:
    if file.is_split:
        return Skip("its pages are files of their own")
    if file.is_kept_as_it_is:
        return Skip("the file is kept as it is: it contains no text to read")
    return Skip("a picture has no text of its own") if file.is_image else whole_file(file)


@step(
    plan=plan,
    word="reading its text",
    makes=(TEXT,),
    page_source="native",
    cost_s=estimates.text_s,
    timeout_s=120,
    concurrency=20,
    slots_per_worker=4,
    parts_per_message=10,
)
def text(file: File, work: Work) -> Done:
    if file.media_type is None:
        raise PermanentError("unsupported_type", "the file type was not recognised from the file's content")
    pages = work.documents.read_text(work.original(), file.media_type, without_members=file.is_to_be_expanded)
    unread = [page.number for page in pages if page.source is None]
    artifacts = () if unread else (save_text(work, pages),)
    reason = _unread_reason(pages, unread)
    return Done(pages=tuple(pages), artifacts=artifacts, reason=reason, notes=notes_of(pages))


def _unread_reason(pages: list[Page], unread: list[int]) -> str | None:
    if not unread:
        return None
    return "no text layer" if len(unread) == len(pages) else f"no usable text on {len(unread)} of {len(pages)} pages"
