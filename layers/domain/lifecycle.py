"""The life of a step: which state may follow which, what follows a failed attempt, and the plan after a step has
ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from layers.domain.estimates import LEAST_S
from layers.domain.fairness import FOLLOWS_S
from layers.domain.file import File, PageSummary
from layers.domain.ledger import LOST_WITH_OTHERS, WORKER_LOST, loss
from layers.domain.page import replaces
from layers.domain.retry import RetryPolicy
from layers.domain.step import (
    WHOLE_FILE,
    Done,
    Failed,
    Outcome,
    Part,
    Pipeline,
    PlannedStep,
    Retry,
    Skip,
    State,
    Step,
    Stop,
)

INTAKE_STEP = "intake"  # the first step of every file; the plan after it starts the pipelines
QUARANTINE_AT = 2.0

# --- states ------------------------------------------------------------------------------------------

# The states that may follow each state, without a redrive or the undo of a removal.
FOLLOWS: Mapping[State, frozenset[State]] = {
    State.WAITING: frozenset({State.READY, State.SKIPPED, State.FAILED, State.CANCELLED}),
    State.READY: frozenset({State.QUEUED, State.CANCELLED}),
    State.QUEUED: frozenset({State.RUNNING, State.CANCELLED}),
    State.RUNNING: frozenset({State.DONE, State.SKIPPED, State.FAILED, State.RETRYING, State.PARKED, State.CANCELLED}),
    State.RETRYING: frozenset({State.READY, State.CANCELLED}),
    State.PARKED: frozenset({State.READY, State.CANCELLED}),
    State.DONE: frozenset(),
    State.SKIPPED: frozenset(),
    State.FAILED: frozenset(),
    State.CANCELLED: frozenset(),
}

# --- after an attempt --------------------------------------------------------------------------------


def after_failure(policy: RetryPolicy, failures: int, chance: float, code: str, detail: str) -> Retry | Failed:
    """Retry while attempts are left. `failures` counts the attempt that has just failed."""
    delay_s = policy.delay_s(failures, chance)
    if delay_s is None:
        return Failed(code, detail)
    return Retry(delay_s, code, detail)


def after_loss(losses: float, held_alone: bool, quarantine_at: float = QUARANTINE_AT) -> Retry | Failed:
    """A worker was lost while it held the part: retry at once, or fail if too many workers were lost with it.

    `losses` are those before this one.
    """
    losses += loss(held_alone)
    if losses >= quarantine_at:
        return Failed(
            "quarantined", "this step was stopped because every worker that ran it ended unexpectedly", lost=True
        )
    code = WORKER_LOST if held_alone else LOST_WITH_OTHERS
    return Retry(0.0, code, "the worker that ran this step was lost", lost=True)


def internal_error(step: Step) -> tuple[str, str]:
    """The code and the text for the owner of a file if a step failed because of a fault in Fairway."""
    return "internal_error", f"the {step.name} step failed because of a fault in Fairway; it has been logged"


def after(file: File, step: str, outcome: Outcome) -> File:
    """The file after the only part of a step has ended with `outcome`, for planning the steps after it."""
    failures = {name: error for name, error in file.failures.items() if name != step}
    if isinstance(outcome, Failed):
        failures[step] = (outcome.code, outcome.detail)
    if not isinstance(outcome, Done):
        return replace(file, failures=failures, page_numbers=())
    pages = {page.number: page for page in file.pages}
    for page in outcome.pages:
        known = pages.get(page.number)
        if known is None or replaces(page.confidence, known.source, known.confidence):
            pages[page.number] = PageSummary(page.number, page.source, page.confidence, len(page.text.encode()))
    identity = outcome.identity
    return replace(
        file,
        failures=failures,
        page_numbers=(),
        pages=tuple(pages[number] for number in sorted(pages)),
        media_type=identity.media_type if identity else file.media_type,
        page_count=identity.page_count if identity else file.page_count,
        size_bytes=outcome.size_bytes if identity else file.size_bytes,
        separated=outcome.separated if identity else file.separated,
        barcodes=outcome.barcodes if identity else file.barcodes,
        notes=tuple(dict.fromkeys((*file.notes, *outcome.notes))),
        record_is_complete=outcome.complete if outcome.extraction else file.record_is_complete,
    )


# --- after a step ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FilePlan:
    """What follows the end of a step: the plan of later steps and, if the main pipeline has ended, the state of the
    file.

    `error`: (step, code, detail) if the file failed. `merged`: the outcome merged from all parts of the step, to be
    stored in the same transaction.
    """

    steps: Sequence[PlannedStep] = ()
    file_state: str | None = None
    error: tuple[str, str, str] | None = None
    merged: Done | None = None

    @property
    def readied(self) -> frozenset[str]:
        """The steps that it makes ready."""
        return frozenset(planned.step for planned in self.steps if isinstance(planned.plan, tuple))

    @property
    def short(self) -> frozenset[str]:
        """Those of them with a single part that takes so little time that the thread that planned it may run it."""
        return frozenset(
            planned.step
            for planned in self.steps
            if isinstance(planned.plan, tuple)
            and [part.cost_estimate_s <= FOLLOWS_S for part in planned.plan] == [True]
        )


def plan_after(intake: Step, pipelines: Sequence[Pipeline], ended: Step, outcome: Outcome, file: File) -> FilePlan:
    """What follows when all parts of a step have ended, the last one with `outcome`.

    The state of the file depends only on the first pipeline, the main one.
    """
    merged = ended.merge(file) if ended.merge and file.windows else None
    failed = ended.name in file.failures and merged is None
    if ended is intake:
        if isinstance(outcome, Failed):
            # Of a redriven file, the later steps wait for the end of intake.
            waiting = [step for pipeline in pipelines if not pipeline.on_request for step in pipeline.steps]
            skipped = [PlannedStep(step.name, Skip(f"{ended.name} failed")) for step in waiting if file.redrives]
            return FilePlan(skipped, "failed", (ended.name, outcome.code, outcome.detail))
        planned = start(pipelines, file)
    else:
        planned = follow(pipelines, ended, failed, file)
    if merged and merged.extraction:
        file = replace(file, record_is_complete=merged.complete)
    state, error = _file_state(pipelines[0], ended, failed, merged or outcome, planned, file)
    return FilePlan(planned, state, error, merged)


def _file_state(
    main: Pipeline, ended: Step, failed: bool, outcome: Outcome, planned: Sequence[PlannedStep], file: File
) -> tuple[str | None, tuple[str, str, str] | None]:
    """The new state of the file, None until its main pipeline has ended; and the error if it failed."""
    names, last = [step.name for step in main.steps], main.steps[-1]
    for planned_step in planned:
        if planned_step.step in names and isinstance(planned_step.plan, Stop):
            return "failed", (planned_step.step, planned_step.plan.code, planned_step.plan.detail)
    if ended.name in names and failed and (ended is last or not ended.continues_after_failure):
        return "failed", (ended.name, *file.failures[ended.name])
    if ended is last or any(
        planned_step.step == last.name and isinstance(planned_step.plan, Skip) for planned_step in planned
    ):
        is_complete = file.record_is_complete and (not isinstance(outcome, Done) or outcome.complete)
        return "done" if is_complete else "partial", None
    return None, None


def start(pipelines: Sequence[Pipeline], file: File) -> list[PlannedStep]:
    """The plan of all steps of all pipelines that are not on request, after intake has identified the file."""
    planned: list[PlannedStep] = []
    for pipeline in pipelines:
        if not pipeline.on_request:
            planned += plan_from([step for step in pipeline.steps if _is_planned(step, file, starts=True)], file)
    return planned


def follow(pipelines: Sequence[Pipeline], ended: Step, failed: bool, file: File) -> list[PlannedStep]:
    """The plan of the steps after `ended`, when all its parts have ended."""
    for pipeline in pipelines:
        if ended in pipeline.steps:
            later = pipeline.steps[pipeline.steps.index(ended) + 1 :]
            rest = [step for step in later if _is_planned(step, file, starts=False)]
            if failed and not ended.continues_after_failure:
                return [PlannedStep(step.name, Skip(f"{ended.name} failed")) for step in rest]
            return plan_from(rest, file)
    return []


def _is_planned(step: Step, file: File, *, starts: bool) -> bool:
    """Whether a step is a part of the file's pipeline: that is decided when the pipeline starts, or by a redrive."""
    return step.applies is None or step.name in file.waiting or (starts and step.applies(file))


def plan_from(steps: Sequence[Step], file: File) -> list[PlannedStep]:
    """Plan steps in order up to the first that runs; the steps after it wait. The steps after a stop are skipped."""
    planned: list[PlannedStep] = []
    for index, step in enumerate(steps):
        plan = step.plan(file)
        if plan is WHOLE_FILE:
            plan = (Part(cost_estimate_s=max(LEAST_S, step.cost_s(file))),)
        planned.append(PlannedStep(step.name, plan))
        if isinstance(plan, Skip):
            continue
        rest = steps[index + 1 :]
        if isinstance(plan, Stop):
            return planned + [PlannedStep(later.name, Skip(f"{step.name} failed")) for later in rest]
        return planned + [PlannedStep(later.name, None) for later in rest]
    return planned
