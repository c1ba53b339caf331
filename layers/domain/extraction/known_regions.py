"""Known regions: whether a line has only names of countries and their regions, as the last lines of an address do."""

from __future__ import annotations

import re
from functools import cache

from layers.domain.extraction import regions
from layers.domain.extraction.spelling import folded

MOST_WORDS = 6
# What stands behind a region: its title of honour in Malaysia, and what kind of region it is.
BEHIND = re.compile(r"\bd\.? ?[ekr]\b\.?|\b(?:state|province)\b")
HONOUR = re.compile(r"\bdarul [^\W\d]+")  # also in a line of its own


def is_region(text: str) -> bool:
    """Whether a line is such as `Selangor`, `Selangor Darul Ehsan, Malaysia`, or `Darul Ehsan`."""
    lowered = re.sub("['\u2019]", "", folded(text))
    parts = [part.strip(" .-") for part in re.split(r"[,;/()]|\s-\s", BEHIND.sub("", HONOUR.sub("", lowered)))]
    words = tuple(word.strip(".") for part in parts for word in part.split())
    if len(words) > MOST_WORDS or not _are_regions(words):
        return False
    return bool(words) or HONOUR.search(lowered) is not None


def _are_regions(words: tuple[str, ...]) -> bool:
    return not words or any(
        " ".join(words[:count]) in _names() and _are_regions(words[count:]) for count in range(len(words), 0, -1)
    )


@cache
def _names() -> frozenset[str]:
    return frozenset(" ".join(regions.NAMES.split()).split(", "))
