"""Accept: the media type of a response that suits a request best (RFC 9110, section 12.5.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

Offer = TypeVar("Offer")


def chosen(accept: str, offered: Mapping[Offer, str]) -> Offer | None:
    """The offer whose media type has the highest quality, the first one of several; None if the header excludes all.
    `offered` maps offers to their media types, the preferred one first. An empty header accepts everything."""
    qualities = _qualities(accept) or {"*/*": 1.0}
    best, best_quality = None, 0.0
    for offer, media_type in offered.items():
        bare = media_type.partition(";")[0]
        # The most specific range decides, even if a wider one has a higher quality.
        ranges = (bare, f"{bare.partition('/')[0]}/*", "*/*")
        quality = next((qualities[each] for each in ranges if each in qualities), 0.0)
        if quality > best_quality:
            best, best_quality = offer, quality
    return best


def _qualities(accept: str) -> dict[str, float]:
    """The quality of each media range in the header; parameters other than `q` have no meaning here."""
    found = {}
    for entry in accept.lower().split(","):
        media_range, *parameters = (part.strip() for part in entry.split(";"))
        if media_range:
            weights = [text for text in parameters if text.startswith("q=")]
            found[media_range] = _quality(weights[0][2:]) if weights else 1.0
    return found


def _quality(text: str) -> float:
    try:
        return min(1.0, max(0.0, float(text)))
    except ValueError:
        return 0.0
