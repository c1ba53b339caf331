"""Thumbnail: a small image of a file's first page."""

from __future__ import annotations

from layers.attempts.work import Work
from layers.domain import estimates
from layers.domain.file import File
from layers.domain.step import ArtifactKind, Done, Skip, step

THUMBNAIL = ArtifactKind("thumbnail", shows=("media_type", "width", "height"))


@step(
    makes=(THUMBNAIL,),
    cost_s=estimates.thumbnail_s,
    timeout_s=120,
    concurrency=10,
    slots_per_worker=4,
    parts_per_message=10,
    depends_on="preview",
    needs_service=lambda file: file.is_printed,
)
def thumbnail(file: File, work: Work) -> Done | Skip:
    assert file.media_type is not None
    picture = work.documents.thumbnail(work.original(), file.media_type, work.scratch)
    if picture is None:
        return Skip("the file has no first page to draw")
    return Done(artifacts=(work.save_picture(THUMBNAIL.name, work.scratch, picture),))
