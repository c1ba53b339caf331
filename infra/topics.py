"""The topics: one for each step, one for arrivals, and one for the dispatcher."""

from __future__ import annotations

from functions.pipelines import STEPS
from layers.domain.message import ARRIVALS, DISPATCH

__all__ = ["ARRIVALS", "DISPATCH", "TOPICS"]

TOPICS = (ARRIVALS, *STEPS, DISPATCH)
