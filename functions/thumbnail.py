"""Thumbnail: a small image of a file's first page."""

from __future__ import annotations

from layers.attempts.work import Work
from layers.domain.file import File
from layers.domain.step import Done, Skip, step


@step(timeout_s=120, depends_on="preview", needs_service=lambda file: file.is_printed, at_once=10)
def thumbnail(file: File, work: Work) -> Done | Skip:
    assert file.media_type is not None
    picture = work.documents.thumbnail(work.original(), file.media_type, work.scratch)
    if picture is None:
        return Skip("nothing to picture")
    return Done(artifacts=(work.save_picture("thumbnail", work.scratch, picture),))
