"""Slices: divide the pages of a long file into parts of about equal cost that run in parallel."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from layers.domain.step import Part

RISE = 5  # the first slices of a long file have one fifth, two fifths, ... of a slice's pages


def slices(page_numbers: Sequence[int], page_cost_s: float, slice_s: float) -> tuple[Part, ...]:
    """Parts of about `slice_s` seconds each, of neighbouring pages, with page counts as even as possible.

    If there are more than `RISE` slices, the first ones are shorter, with rising lengths. Slices that start together
    and are equally long would end together, and a file that arrives in the meantime would find no free slot until then.
    """
    pages_each = max(1, int(slice_s / page_cost_s))
    rise = [pages_each * step // RISE for step in range(1, RISE) if pages_each >= RISE]
    widths = rise if len(page_numbers) > RISE * pages_each else []
    widths = [*widths, *_even(len(page_numbers) - sum(widths), pages_each)]
    starts = accumulate(widths, initial=0)
    page_slices = [tuple(page_numbers[start : start + width]) for start, width in zip(starts, widths, strict=False)]
    return tuple(Part(pages, cost_estimate_s=len(pages) * page_cost_s) for pages in page_slices)


def _even(total: int, most: int) -> list[int]:
    """The shortest list of numbers up to `most` that add up to `total` and differ by at most one."""
    count = -(-total // most)
    size, longer = divmod(total, count) if count else (0, 0)
    return [size + (index < longer) for index in range(count)]
