"""Page pictures: pages as a person looks at them, drawn when they are first requested."""

from __future__ import annotations

from layers.attempts.work import Work
from layers.domain.errors import PermanentError
from layers.domain.file import File
from layers.domain.page import page_picture_kind
from layers.domain.step import Done, step

PAGE_COST_S = 0.3


@step(
    word="page pictures",
    cost_s=lambda file: PAGE_COST_S * max(1, len(file.page_numbers)),
    timeout_s=120,
    concurrency=10,
    slots_per_worker=2,
)
def page_pictures(file: File, work: Work) -> Done:
    artifacts = []
    for number in file.page_numbers:
        try:
            artifacts.append(work.save_page_view(page_picture_kind(number), number))
        except PermanentError as error:
            if error.code != "no_text":  # a page of an office document that shows no scan
                raise
    return Done(artifacts=tuple(artifacts))
