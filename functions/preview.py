"""Preview: an artifact that applications can show in place of the file."""

from __future__ import annotations

from layers.attempts.work import Work
from layers.domain import estimates
from layers.domain.file import File
from layers.domain.step import ArtifactKind, Done, Skip, step

PREVIEW = ArtifactKind("preview", shows=("media_type", "page_count"))


@step(
    makes=(PREVIEW,),
    cost_s=estimates.preview_s,
    timeout_s=150,
    concurrency=10,
    slots_per_worker=4,
    parts_per_message=10,
    depends_on="preview",
    needs_service=lambda file: file.is_printed,
)
def preview(file: File, work: Work) -> Done | Skip:
    assert file.media_type is not None
    picture = work.documents.preview(work.original(), file.media_type, work.scratch)
    if picture is None:
        return Skip("nothing to show")
    return Done(artifacts=(work.save_picture(PREVIEW.name, work.scratch, picture),))
