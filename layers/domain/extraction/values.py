"""Values that are found in a line of text, with their spans."""

from __future__ import annotations

from typing import Literal, NamedTuple

# How a dataset's ambiguous dates, such as 3/4/2024, are read.
DateOrder = Literal["auto", "day_first", "month_first"]


class Found(NamedTuple):
    """A value and its span in the line."""

    value: object
    start: int
    end: int
