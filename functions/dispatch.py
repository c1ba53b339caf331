"""Dispatch: make the parts that are due ready, and publish ready parts in fair order."""

from __future__ import annotations

from layers.attempts.runner import Runner

WOKEN_AT_ONCE = 500


def dispatch(runner: Runner) -> int:
    """Wake the parts that are due and dispatch every step with a backlog. Returns the number of wake-ups published."""
    runner.dependencies.wake_probes()
    runner.ports.store.wake_due(WOKEN_AT_ONCE)
    return runner.dispatch(runner.ports.store.steps_with_backlog())
