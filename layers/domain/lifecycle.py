"""What follows what: from the end of one step to the plan of the next, and to the file's own state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate

from layers.domain.estimates import LEAST_S
from layers.domain.file import File, PageSummary
from layers.domain.retry import RetryPolicy
from layers.domain.step import WHOLE_FILE, Done, Failed, Outcome, Part, Pipeline, PlannedStep, Retry, Skip, Step, Stop

QUARANTINE_AT = 2.0
RISE = 5  # the first slices of a long file are one, two, ... fifths of a slice


def after(file: File, step: str, outcome: Outcome) -> File:
    """The file as it stands once the only part of a step has ended so, for those who plan what follows."""
    failures = {name: error for name, error in file.failures.items() if name != step}
    if isinstance(outcome, Failed):
        failures[step] = (outcome.code, outcome.detail)
    if not isinstance(outcome, Done):
        return replace(file, failures=failures, page_numbers=())
    pages = {page.number: page for page in file.pages}
    for page in outcome.pages:
        known = pages.get(page.number)
        if known is None or known.source is None or page.confidence >= known.confidence:
            pages[page.number] = PageSummary(page.number, page.source, page.confidence, len(page.text.encode()))
    seen = outcome.identity
    return replace(
        file,
        failures=failures,
        page_numbers=(),
        pages=tuple(pages[number] for number in sorted(pages)),
        media_type=seen.media_type if seen else file.media_type,
        page_count=seen.page_count if seen else file.page_count,
        size_bytes=outcome.size_bytes if seen else file.size_bytes,
    )


def start(pipelines: Sequence[Pipeline], file: File) -> list[PlannedStep]:
    """The plan of every step of every pipeline, once intake knows what the file is."""
    planned: list[PlannedStep] = []
    for pipeline in pipelines:
        planned += plan_from(pipeline.steps, file)
    return planned


def follow(pipelines: Sequence[Pipeline], ended: Step, failed: bool, file: File) -> list[PlannedStep]:
    """What becomes of the steps after `ended`, all of whose parts have ended."""
    for pipeline in pipelines:
        if ended in pipeline.steps:
            rest = pipeline.steps[pipeline.steps.index(ended) + 1 :]
            if failed and not ended.continues_after_failure:
                return [PlannedStep(step.name, Skip(f"{ended.name} failed")) for step in rest]
            return plan_from(rest, file)
    return []


def plan_from(steps: Sequence[Step], file: File) -> list[PlannedStep]:
    """Plan steps in order up to the first that runs; those after it wait, those after a stop are skipped."""
    planned: list[PlannedStep] = []
    for place, step in enumerate(steps):
        plan = step.plan(file)
        if plan is WHOLE_FILE:
            plan = (Part(cost_estimate_s=max(LEAST_S, step.cost_s(file))),)
        planned.append(PlannedStep(step.name, plan))
        if isinstance(plan, Skip):
            continue
        rest = steps[place + 1 :]
        if isinstance(plan, Stop):
            return planned + [PlannedStep(later.name, Skip(f"{step.name} failed")) for later in rest]
        return planned + [PlannedStep(later.name, None) for later in rest]
    return planned


def after_failure(policy: RetryPolicy, failures: int, chance: float, code: str, detail: str) -> Retry | Failed:
    """Retry while the budget lasts. `failures` counts the attempt that has just failed."""
    delay_s = policy.delay_s(failures, chance)
    if delay_s is None:
        return Failed(code, detail)
    return Retry(delay_s, code, detail)


def after_loss(losses: float, held_alone: bool, quarantine_at: float = QUARANTINE_AT) -> Retry | Failed:
    """A worker vanished while it held the step: run it again soon, unless it has cost too many workers.

    `losses` counts those before. Of several steps that one worker held any may have killed it: each bears half.
    """
    losses += 1.0 if held_alone else 0.5
    if losses >= quarantine_at:
        return Failed(
            "quarantined", "the workers that ran this step were lost with it; it is not tried again", lost=True
        )
    code = "worker_lost" if held_alone else "lost_with_others"
    return Retry(0.0, code, "the worker that ran this step was lost", lost=True)


def slices(page_numbers: Sequence[int], page_cost_s: float, slice_s: float) -> tuple[Part, ...]:
    """Parts of about `slice_s` seconds each, of neighbouring pages, as even as they can be.

    The first ones of many are shorter, each by less: begun together they would end together, and who came meanwhile
    would find no place until then.
    """
    pages_each = max(1, int(slice_s / page_cost_s))
    rise = [pages_each * step // RISE for step in range(1, RISE) if pages_each >= RISE]
    widths = rise if len(page_numbers) > RISE * pages_each else []
    widths = [*widths, *_even(len(page_numbers) - sum(widths), pages_each)]
    starts = accumulate(widths, initial=0)
    chosen = [tuple(page_numbers[start : start + width]) for start, width in zip(starts, widths, strict=False)]
    return tuple(Part(pages, cost_estimate_s=len(pages) * page_cost_s) for pages in chosen)


def _even(count: int, most: int) -> list[int]:
    """As few numbers as can be that make up `count`, none above `most` and none two above another."""
    places = -(-count // most)
    size, longer = divmod(count, places) if places else (0, 0)
    return [size + (place < longer) for place in range(places)]
