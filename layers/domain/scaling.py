"""How many workers a step needs, for autoscaling."""

from __future__ import annotations


def needed_workers(in_flight: int, ready_cost_s: float, slots_per_worker: float, target_s: float) -> float:
    """Workers for the parts that are in flight, and for a backlog of `ready_cost_s` to be done within `target_s`.

    The parts in flight count, so that workers are kept while they are busy and nothing waits.
    """
    return (in_flight + ready_cost_s / target_s) / slots_per_worker
