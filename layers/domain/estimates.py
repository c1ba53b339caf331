"""What a step of a file is likely to cost, in seconds, before it has run: by its pages, bytes and media type.

Only ratios matter: an attempt's measured time corrects what its lane was charged.
"""

from __future__ import annotations

from layers.domain.file import File

INTAKE_BYTES_A_S = 20e6  # fetched, hashed and identified
INTAKE_LEAST_S = 0.05

READ_BYTES_A_S = 5e6
OFFICE_S = 1.5  # a converter starts
PICTURE_PIXELS_S = 0.3  # decoded and scaled
PAGE_TEXT_S = 0.02
PAGE_PREVIEW_S = 0.05
LEAST_S = 0.05


def intake_cost_s(size_bytes: int) -> float:
    """Of intake, which knows no more than what was announced. As in `schema/functions/arrive.sql`."""
    return INTAKE_LEAST_S + size_bytes / INTAKE_BYTES_A_S


def text_s(file: File) -> float:
    return _fetched(file) + (file.page_count or 1) * PAGE_TEXT_S


def preview_s(file: File) -> float:
    return _opened(file) + (file.page_count or 1) * PAGE_PREVIEW_S


def thumbnail_s(file: File) -> float:
    return _opened(file)


def _opened(file: File) -> float:
    """To fetch it and to have it drawn."""
    kind = file.media_type or ""
    opening_s = OFFICE_S if "officedocument" in kind or "opendocument" in kind or "msword" in kind else 0.0
    if kind.startswith("image/"):
        opening_s = PICTURE_PIXELS_S
    return opening_s + _fetched(file)


def _fetched(file: File) -> float:
    return (file.size_bytes or 0) / READ_BYTES_A_S
