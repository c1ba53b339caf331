"""The topics that Fairway sends and receives: one for each step, and two of its own."""

from __future__ import annotations

from functions.pipelines import STEPS
from layers.domain.message import ARRIVALS, DISPATCH

__all__ = ["ARRIVALS", "DISPATCH", "TOPICS"]

TOPICS = (ARRIVALS, *STEPS, DISPATCH)
