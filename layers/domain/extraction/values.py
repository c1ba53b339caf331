"""Values that are found in a line of text, with their spans."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# How a dataset's ambiguous dates, such as 3/4/2024, are read.
DateOrder = Literal["auto", "day_first", "month_first"]


@dataclass(frozen=True, slots=True)
class Found:
    """A value and its span in the line."""

    value: object
    start: int
    end: int
