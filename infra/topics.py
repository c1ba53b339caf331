"""The topics that Fairway sends and receives: one for each step, and two of its own."""

from __future__ import annotations

from functions.pipelines import STEPS

ARRIVALS, DISPATCH = "arrivals", "dispatch"
TOPICS = (ARRIVALS, *STEPS, DISPATCH)
