"""How the outcome of an attempt is recorded: the next state of the step, the word in the ledger, and the counters."""

from __future__ import annotations

from dataclasses import dataclass

from layers.domain.step import Done, Failed, Later, Outcome, Parked, Retry, Skipped, State

WORKER_LOST, LOST_WITH_OTHERS = "worker_lost", "lost_with_others"


@dataclass(frozen=True, slots=True)
class Entry:
    """The next state of the step, the word in the ledger, and what is added to the step's counters."""

    state: State
    word: str
    failures: int = 0
    snoozes: int = 0
    losses: float = 0.0


# For an outcome that is dropped: the file was removed, or its batch was cancelled and the step would run again.
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
    """What a lost worker adds to the losses of a part. If it held several parts, each counts half, because any of them
    may be the cause."""
    return 1.0 if held_alone else 0.5
