"""Dispatch: ready the parts that are due, and publish the fair choice among ready parts."""

from __future__ import annotations

from layers.attempts.runner import Runner

WOKEN_AT_ONCE = 500


def dispatch(runner: Runner) -> int:
    """Wake the parts that are due and dispatch every step with a backlog; how many wake-ups were published."""
    runner.dependencies.wake_probes()
    runner.ports.store.wake_due(WOKEN_AT_ONCE)
    return runner.dispatch(runner.ports.store.steps_with_backlog())
