"""How the outcome of an attempt is recorded: the step's next state, the word in the ledger, the step's counters."""

from __future__ import annotations

from dataclasses import dataclass

from layers.domain.step import Done, Failed, Later, Outcome, Parked, Retry, Skipped, State

WORKER_LOST, LOST_WITH_OTHERS = "worker_lost", "lost_with_others"


@dataclass(frozen=True, slots=True)
class Entry:
    """The step's next state and the ledger's word; what the step's counts of failures, snoozes and losses grow by."""

    state: State
    word: str
    failures: int = 0
    snoozes: int = 0
    losses: float = 0.0


# The file was removed, or its batch was cancelled and the step would have to run again: the outcome is dropped.
CANCELLED = Entry(State.CANCELLED, "cancelled")


def entry(outcome: Outcome) -> Entry:
    """How an outcome is recorded."""
    match outcome:
        case Done():
            return Entry(State.DONE, "done")
        case Skipped():
            return Entry(State.SKIPPED, "skipped")
        case Failed(code=code, lost=True):
            return Entry(State.FAILED, "lost", losses=loss(code != LOST_WITH_OTHERS))
        case Failed():
            return Entry(State.FAILED, "failed", failures=1)
        case Retry(code=code, lost=True):
            return Entry(State.RETRYING, "lost", losses=loss(code != LOST_WITH_OTHERS))
        case Retry():
            return Entry(State.RETRYING, "retried", failures=1)
        case Later():
            return Entry(State.RETRYING, "snoozed", snoozes=1)
        case Parked():
            return Entry(State.PARKED, "parked", snoozes=1)


def loss(held_alone: bool) -> float:
    """What a lost worker counts for a part. Of several parts that the worker held, any may have ended it: each counts
    half."""
    return 1.0 if held_alone else 0.5
