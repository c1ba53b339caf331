"""The pipelines: the steps of a file, in order. This is the only registry of steps."""

from __future__ import annotations

from collections.abc import Mapping

from functions.extraction import extraction
from functions.intake import intake
from functions.ocr import ocr
from functions.page_pictures import page_pictures
from functions.preview import preview
from functions.routing import routing
from functions.text import text
from functions.textract import textract
from functions.thumbnail import thumbnail
from layers.domain.step import Pipeline, Step

# Intake comes first: it identifies the file, and then each pipeline starts at its first step.
INTAKE: Step = intake

# The first is the main pipeline: it alone decides the file's state.
PIPELINES = (
    Pipeline("main", (text, ocr, textract, routing, extraction)),
    Pipeline("preview", (preview,)),
    Pipeline("thumbnail", (thumbnail,)),
    Pipeline("pages", (page_pictures,), on_request=True),
)
# Those that run for every file.
SHOWN_PIPELINES = tuple(pipeline for pipeline in PIPELINES if not pipeline.on_request)

# For the audit: the steps that decide the state of a file, and the artifacts that exist once a step of another pipeline
# is done.
MAIN_STEPS = (INTAKE.name, *(step.name for step in PIPELINES[0].steps))
SIDE_ARTIFACTS = {
    step.name: [kind.name for kind in step.makes] for pipeline in PIPELINES[1:] for step in pipeline.steps
}

STEPS: dict[str, Step] = {
    INTAKE.name: INTAKE,
    **{step.name: step for pipeline in PIPELINES for step in pipeline.steps},
}

# How many parts of each step run at once, unless `.chalice/config.json` sets it.
DECLARED_CONCURRENCY = {name: step.concurrency for name, step in STEPS.items()}


def slots(named: Mapping[str, int | None]) -> dict[str, int]:
    """How many parts of each step a worker runs at once: of these steps, or of all if none is named.

    None instead of a number means as many as the step declares. Raises ValueError for a step that does not exist.
    """
    if unknown := sorted(set(named) - set(STEPS)):
        raise ValueError(f"FAIRWAY_STEPS names unknown steps: {', '.join(unknown)}. The steps are {', '.join(STEPS)}")
    chosen = named or dict.fromkeys(STEPS)
    return {name: STEPS[name].slots_per_worker if count is None else count for name, count in chosen.items()}
