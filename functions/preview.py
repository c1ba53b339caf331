"""Preview: what a person looks at inside the application."""

from __future__ import annotations

from layers.attempts.work import Work
from layers.domain.file import File
from layers.domain.step import Done, Skip, step


@step(timeout_s=150, depends_on="preview", needs_service=lambda file: file.is_printed, at_once=10)
def preview(file: File, work: Work) -> Done | Skip:
    assert file.media_type is not None
    picture = work.documents.preview(work.original(), file.media_type, work.scratch)
    if picture is None:
        return Skip("nothing to show")
    return Done(artifacts=(work.save_picture("preview", work.scratch, picture),))
