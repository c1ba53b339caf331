"""A candidate: one value that a property may have, with its score."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from layers.domain.page import Evidence


class Candidate(NamedTuple):
    """A possible value of a property. The candidate with the highest score wins.

    `make_evidence` is called only for the winner. `doubtful`: the text may mean another value.
    `currency` is the sign or code beside an amount.
    """

    value: Any
    make_evidence: Callable[[], Evidence]
    score: float
    doubtful: bool = False
    currency: str | None = None
